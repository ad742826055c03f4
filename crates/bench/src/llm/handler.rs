//! What the handler costs with every delta, beside a loop that only puts the text together.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use llm_stream::{PassthroughProcessor, StreamEvent, StreamHandler};

use crate::table::{Line, Unit, compare};

const ROUNDS: usize = 15;
const DELTAS: usize = 200_000;
const PIECES: [&str; 8] = ["Hel", "lo wo", "rld, ", "this", " is a", " te", "st of", " it\n"];

/// Runs the section.
///
/// # Errors
/// A handler returns another text than the one that it was given.
pub fn run() -> anyhow::Result<()> {
    let deltas: Vec<&str> = PIECES.into_iter().cycle().take(DELTAS).collect();
    let want = deltas.concat();
    let mut plain = StreamHandler::new(Instant::now);
    let mut full = StreamHandler::new(Instant::now)
        .add_processor(PassthroughProcessor)
        .add_processor(|event: StreamEvent| Some(event))
        .on_delta(|event| {
            black_box(event.delta_text().len());
        });
    for handler in [&mut plain, &mut full] {
        let text = handler.process_stream(deltas.iter().copied())?;
        ensure!(text.as_deref() == Some(want.as_str()), "the handler returns another text");
    }
    let lines = vec![
        Line::new("a loop that puts the text together", DELTAS, || {
            let mut text = String::new();
            for delta in &deltas {
                text.push_str(black_box(delta));
            }
            black_box(text);
        }),
        Line::new("millstream: statistics with a real clock, text kept", DELTAS, || {
            drop(black_box(plain.process_stream(deltas.iter().copied())));
        })
        .target("<= 100 ns"),
        Line::new("the same, with two processors and a callback", DELTAS, || {
            drop(black_box(full.process_stream(deltas.iter().copied())));
        }),
    ];
    compare("handler: one delta of four bytes", Unit::NANOSECONDS, ROUNDS, lines);
    Ok(())
}
