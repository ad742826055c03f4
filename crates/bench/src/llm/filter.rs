//! Words and patterns kept out of text that comes twelve bytes at a time.

use std::hint::black_box;

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::ensure;
use llm_stream::filter::{Blocked, Pattern, PatternFilter, PatternSet, REPLACEMENT};
use regex::RegexSet;

use super::partial_json::pieces;
use crate::table::{Line, Unit, compare};

const ROUNDS: usize = 9;
const DELTA_BYTES: usize = 12;
const TEXT_BYTES: usize = 1_500_000;
/// What the slowest way gets, of the same text.
const SAMPLE_BYTES: usize = 60_000;
/// How often something stands in the text that must not get out.
const FINDING_EVERY_BYTES: usize = 2_000;
/// What the usual guardrail looks at with every delta.
const WINDOW_BYTES: usize = 200;

/// What identifies a person or opens a door, each with a longest match.
const PERSONAL: [&str; 5] = [
    r"[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,255}\.[a-z]{2,24}",
    r"\+?[0-9]{1,3}[ .-]?\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4}",
    r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}",
    r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    r"sk-[a-z0-9_-]{20,64}",
];

/// Something that each of [`PERSONAL`] finds.
const PERSONAL_FOUND: [&str; 5] = [
    "jane.doe7@mail.example.com",
    "+1 415 555 0123",
    "4111 1111 1111 1111",
    "123-45-6789",
    "sk-w4q9_zk3m8x2v7b1n6c5l0j",
];

/// Runs the section.
///
/// # Errors
/// Something gets out that must not, or a contestant misses something.
pub fn run() -> anyhow::Result<()> {
    for count in [10, 100, 1000] {
        let words = words(count);
        let found: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = Text::new(&found);
        let set = PatternSet::new(words.iter().map(|word| Pattern::literal(word.as_str())))?;
        let window = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&words)?;
        let title = format!("filter: {count} words, in deltas of {DELTA_BYTES} bytes");
        let peer = "aho-corasick 1 over the last 200 bytes";
        let finds = |text: &str| window.is_match(text);
        section(&title, ">= 450 MB/s", (&set, &text), (peer, &finds))?;
    }
    let text = Text::new(&PERSONAL_FOUND);
    let set = PatternSet::new(PERSONAL.map(Pattern::regex))?;
    let window = RegexSet::new(PERSONAL.map(|expression| format!("(?i){expression}")))?;
    let title = format!("filter: 5 regexes for personal data, in deltas of {DELTA_BYTES} bytes");
    let peer = "RegexSet of regex 1 over the last 200 bytes";
    let finds = |text: &str| window.is_match(text);
    section(&title, ">= 300 MB/s", (&set, &text), (peer, &finds))
}

/// Compares one set of patterns with a search in a window.
fn section(
    title: &str,
    target: &'static str,
    (set, text): (&PatternSet, &Text),
    (peer, finds): (&'static str, &dyn Fn(&str) -> bool),
) -> anyhow::Result<()> {
    let deltas = pieces(&text.unfiltered, DELTA_BYTES);
    let sample: Vec<&str> = pieces(&text.unfiltered[..text.sample_bytes], DELTA_BYTES);
    let mut out = String::with_capacity(text.unfiltered.len() * 2);
    filter(set, &deltas, &mut out)?;
    ensure!(out == text.filtered, "{title}: the filter lets out something else");
    let found = count_in_window(&sample, finds);
    ensure!(found == text.sample_found, "{title}: {found} found in the window");
    let lines = vec![
        Line::new("millstream", text.unfiltered.len(), || {
            black_box(filter(set, &deltas, &mut out).is_ok());
        })
        .target(target),
        Line::new(peer, text.sample_bytes, || {
            black_box(count_in_window(&sample, finds));
        }),
    ];
    compare(title, Unit::MEGABYTES_PER_SECOND, ROUNDS, lines);
    Ok(())
}

fn filter(set: &PatternSet, deltas: &[&str], out: &mut String) -> Result<(), Blocked> {
    out.clear();
    let mut filter = PatternFilter::new(set);
    for delta in deltas {
        filter.push(black_box(delta), out)?;
    }
    filter.finish(out)
}

/// Searches the last bytes of the text with every delta, and forgets them after a finding: what
/// guardrails do, though what they find is half out already.
fn count_in_window(deltas: &[&str], finds: &dyn Fn(&str) -> bool) -> usize {
    let mut window = String::new();
    let mut found = 0;
    for delta in deltas {
        window.push_str(black_box(delta));
        if window.len() > WINDOW_BYTES {
            let old = window.ceil_char_boundary(window.len() - WINDOW_BYTES);
            window.drain(..old);
        }
        if finds(&window) {
            found += 1;
            window.clear();
        }
    }
    found
}

/// A text with findings, and what must be left of it.
struct Text {
    unfiltered: String,
    filtered: String,
    /// The end of a part of it that ends between two findings.
    sample_bytes: usize,
    sample_found: usize,
}

impl Text {
    fn new(findings: &[&str]) -> Self {
        const PROSE: [&str; 24] = [
            "the", "mill", "by", "river", "has", "turned", "for", "as", "long", "anyone", "here",
            "can", "think", "and", "its", "owner", "says", "that", "it", "will", "not", "stop",
            "before", "winter",
        ];
        let mut random = fastrand::Rng::with_seed(1);
        let mut findings = findings.iter().cycle();
        let mut text = Self {
            unfiltered: String::new(),
            filtered: String::new(),
            sample_bytes: 0,
            sample_found: 0,
        };
        let mut next = FINDING_EVERY_BYTES;
        let mut found = 0;
        while text.unfiltered.len() < TEXT_BYTES {
            if text.unfiltered.len() >= next {
                let finding = findings.next().copied().unwrap_or_default();
                text.push(finding, REPLACEMENT);
                text.push(" ", " ");
                found += 1;
                next += FINDING_EVERY_BYTES;
            }
            let word = PROSE[random.usize(..PROSE.len())];
            let end = [" ", " ", " ", " ", " ", ", ", ".\n"][random.usize(..7)];
            text.push(word, word);
            text.push(end, end);
            if text.unfiltered.len() < SAMPLE_BYTES {
                text.sample_bytes = text.unfiltered.len();
                text.sample_found = found;
            }
        }
        text
    }

    fn push(&mut self, unfiltered: &str, filtered: &str) {
        self.unfiltered.push_str(unfiltered);
        self.filtered.push_str(filtered);
    }
}

/// Different words that no prose has and none of which is part of another.
fn words(count: usize) -> Vec<String> {
    const SYLLABLES: [&str; 16] = [
        "ba", "cor", "dil", "fen", "gat", "hum", "jor", "kel", "lam", "nov", "pra", "quo", "ris",
        "sto", "tur", "vex",
    ];
    let mut random = fastrand::Rng::with_seed(1);
    let mut words: Vec<String> = Vec::new();
    while words.len() < count {
        let syllables = random.usize(3..6);
        let word: String =
            (0..syllables).map(|_| SYLLABLES[random.usize(..SYLLABLES.len())]).collect();
        if !words.iter().any(|other| other.contains(&word) || word.contains(other.as_str())) {
            words.push(word);
        }
    }
    words
}
