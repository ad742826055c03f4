//! Counting the tokens of a text that arrives in deltas, beside counting them once.

use std::hint::black_box;

use anyhow::{Context as _, ensure};
use llm_stream::{Delta, O200kCounter, TokenCounter};

use super::answer::decode;
use super::made_up;
use super::partial_json::pieces;
use crate::table::{Line, Unit, compare};

const ROUNDS: usize = 15;

/// Runs the section.
///
/// # Errors
/// A count is another one than that of the whole text.
pub fn run() -> anyhow::Result<()> {
    let streams = made_up::streams();
    let text: String = streams.iter().map(|recording| decode(recording, 1400).text).collect();
    let whole = tiktoken::get_encoding("o200k_base").context("the vocabulary is compiled in")?;
    let tokens = whole.count(&text);
    let mut counters =
        [(4, "in deltas of 4 bytes"), (12, "in deltas of 12 bytes")].map(|(bytes, name)| {
            let delta = |text: &str| Delta { text: text.to_owned(), ..Delta::default() };
            let deltas: Vec<Delta> = pieces(&text, bytes).into_iter().map(delta).collect();
            (name, deltas, O200kCounter::new())
        });
    for (name, deltas, counter) in &mut counters {
        let counted = count(counter, deltas);
        ensure!(usize::try_from(counted)? == tokens, "{counted} tokens {name}, {tokens} in all");
    }
    let mut lines = vec![Line::new("tiktoken 4, once over the whole text", text.len(), || {
        black_box(whole.count(black_box(&text)));
    })];
    for (name, deltas, counter) in &mut counters {
        let line = Line::new(name, text.len(), || {
            black_box(count(counter, deltas));
        });
        lines.push(line.target("<= 1.3"));
    }
    let title = format!("token counting: {} kB, {tokens} tokens of o200k", text.len() / 1000);
    compare(&title, Unit::MEGABYTES_PER_SECOND, ROUNDS, lines);
    Ok(())
}

fn count(counter: &mut O200kCounter, deltas: &[Delta]) -> u64 {
    counter.reset();
    for delta in deltas {
        counter.push(black_box(delta));
    }
    counter.tokens()
}
