//! A provider's bytes to one model of events, whatever the provider.

use std::cell::RefCell;
use std::hint::black_box;

use anyhow::ensure;
use llm_stream::Format;

use super::answer::{Answer, decode};
use super::genai::{Genai, Said};
use super::made_up;
use super::peers::{ASYNC_OPENAI, Peer, TREE};
use super::recording::{Recording, recorded};
use crate::table::{Line, Unit, compare, measure, print};

const ROUNDS: usize = 9;
const OURS: &str = "millstream";

/// What is asked of the figures at one size of chunks.
struct Targets {
    chunk_bytes: usize,
    ours: &'static str,
    peers: &'static str,
}

const TARGETS: [Targets; 2] = [
    Targets { chunk_bytes: 1400, ours: ">= 600 MB/s", peers: ">= 2" },
    Targets { chunk_bytes: 64, ours: "", peers: ">= 5" },
];

/// Runs the section.
///
/// # Errors
/// A contestant does not get the answers that we get.
#[expect(clippy::print_stdout, reason = "a benchmark says what it did not run")]
pub fn run() -> anyhow::Result<()> {
    let made_up = made_up::streams();
    for targets in &TARGETS {
        let openai = of_openai(&made_up);
        let decoded = agreeing(&openai, ASYNC_OPENAI, targets.chunk_bytes);
        ensure!(decoded.len() == openai.len(), "async-openai does not decode what is made up");
        beside("made-up OpenAI streams", &openai, ASYNC_OPENAI, targets);
        let decoded = agreeing(&made_up, TREE, targets.chunk_bytes);
        ensure!(decoded.len() == made_up.len(), "the tree does not decode what is made up");
        beside("made-up streams of four formats", &made_up, TREE, targets);
    }
    match Genai::start(&made_up) {
        Ok(genai) => beside_genai(genai, &made_up)?,
        Err(error) => println!("\ngenai is not run: {error:#}"),
    }
    let Some(recorded) = recorded()? else {
        println!("\nrecorded streams are not run: MILLSTREAM_CORPUS names no folder");
        return Ok(());
    };
    for targets in &TARGETS {
        let openai = of_openai(&recorded);
        for (known, peer) in [(&openai, ASYNC_OPENAI), (&recorded, TREE)] {
            let alike = agreeing(known, peer, targets.chunk_bytes);
            let title = format!(
                "recorded streams: {} of {} of which it makes what we make",
                alike.len(),
                known.len()
            );
            beside(&title, &alike, peer, targets);
        }
    }
    Ok(())
}

fn of_openai(recordings: &[Recording]) -> Vec<Recording> {
    let formats = [Format::OpenAiChat, Format::OpenAiResponses];
    recordings.iter().filter(|recording| formats.contains(&recording.format)).cloned().collect()
}

/// The recordings of which the peer makes the answer that we make.
fn agreeing(recordings: &[Recording], peer: Peer, chunk_bytes: usize) -> Vec<Recording> {
    let agrees = |recording: &&Recording| {
        let ours = decode(recording, chunk_bytes);
        ours != Answer::default() && (peer.decode)(recording, chunk_bytes) == Some(ours)
    };
    recordings.iter().filter(agrees).cloned().collect()
}

fn bytes(recordings: &[Recording]) -> usize {
    recordings.iter().map(|recording| recording.bytes.len()).sum()
}

fn ours(recordings: &[Recording], chunk_bytes: usize) -> Line<'_> {
    Line::new(OURS, bytes(recordings), move || {
        for recording in recordings {
            black_box(decode(recording, chunk_bytes));
        }
    })
}

fn title(what: &str, recordings: &[Recording], chunk_bytes: usize) -> String {
    let kilobytes = bytes(recordings) / 1000;
    format!("normalisation: {what}, {kilobytes} kB in chunks of {chunk_bytes} bytes")
}

fn beside(what: &str, recordings: &[Recording], peer: Peer, targets: &Targets) {
    let chunk_bytes = targets.chunk_bytes;
    let theirs = Line::new(peer.name, bytes(recordings), || {
        for recording in recordings {
            black_box((peer.decode)(recording, chunk_bytes));
        }
    });
    let lines =
        vec![ours(recordings, chunk_bytes).target(targets.ours), theirs.target(targets.peers)];
    let title = title(what, recordings, chunk_bytes);
    compare(&title, Unit::MEGABYTES_PER_SECOND, ROUNDS, lines);
}

/// Beside `genai`, whose decoders take bytes from its own HTTP client only: it reads from a server
/// on loopback, and what the same client needs for the bytes alone is measured and taken off.
fn beside_genai(genai: Genai, recordings: &[Recording]) -> anyhow::Result<()> {
    let genai = RefCell::new(genai);
    for targets in &TARGETS {
        let chunk_bytes = targets.chunk_bytes;
        ensure!(
            genai.borrow_mut().decode(chunk_bytes)? == said(recordings, chunk_bytes),
            "genai makes something else of what is made up"
        );
        let line = |name, ask: fn(&mut Genai, usize) -> anyhow::Result<Said>| {
            let genai = &genai;
            Line::new(name, bytes(recordings), move || {
                drop(black_box(ask(&mut genai.borrow_mut(), chunk_bytes)));
            })
        };
        let lines = vec![
            ours(recordings, chunk_bytes).target(targets.ours),
            line("genai 0.7.2, with its HTTP client and loopback", Genai::decode),
            line("that HTTP client and loopback alone", Genai::transport),
        ];
        let mut measured = measure(ROUNDS, lines);
        let net = measured[1].without(measured[2], "genai 0.7.2, its decoding alone");
        measured.push(net.target(targets.peers));
        let title = title("made-up streams of four formats", recordings, chunk_bytes);
        print(&title, Unit::MEGABYTES_PER_SECOND, &measured);
    }
    Ok(())
}

/// What `genai` must say of all recordings; it gives the arguments of tools in other pieces.
fn said(recordings: &[Recording], chunk_bytes: usize) -> Said {
    let mut said = Said::default();
    for recording in recordings {
        let answer = decode(recording, chunk_bytes);
        said.text.push_str(&answer.text);
        said.reasoning.push_str(&answer.reasoning);
    }
    said
}
