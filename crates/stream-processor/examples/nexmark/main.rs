//! Runs the queries 0 to 8 of Nexmark over events of its generator, and says what comes out.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod events;
mod queries;

use stream_processor::{Pipeline, Stage};

/// Events of the auction house.
const EVENTS: usize = 100_000;

fn main() {
    let events = events::generate(EVENTS);
    show("q0", &events, queries::q0());
    show("q1", &events, queries::q1());
    show("q2", &events, queries::q2());
    show("q3", &events, queries::q3());
    show("q4", &events, queries::q4());
    show("q5", &events, queries::q5());
    show("q6", &events, queries::q6());
    show("q7", &events, queries::q7());
    show("q8", &events, queries::q8());
}

fn show<C>(name: &str, events: &[nexmark::event::Event], query: Pipeline<nexmark::event::Event, C>)
where
    C: Stage<nexmark::event::Event, Out: std::fmt::Debug>,
{
    let plan = query.plan().to_string();
    let results = query.over(events.iter().cloned());
    println!("{name}: {} results by {plan}", results.len());
    if let Some(last) = results.last() {
        println!("    the last: {last:?}");
    }
}
