//! Streams to show to a browser: made by hand, and at random.

use std::collections::BTreeSet;

/// What stands for the end of a line in [`SHAPES`].
const LINE_END: char = '|';

/// The ends of lines that each shape is tried with; one stream may mix them.
const LINE_ENDS: [&[&str]; 4] = [&["\n"], &["\r"], &["\r\n"], &["\r\n", "\n", "\r"]];

/// Streams by hand, with `|` for the end of a line.
const SHAPES: &[&str] = &[
    // Data: none, empty, one line, many lines, with and without the one space.
    "data:1||",
    "data: 1||",
    "data:  1||",
    "data:\t1||",
    "data||",
    "data:||",
    "data: ||",
    "data|data||",
    "data:1|data:2|data:3||",
    "data:1|data||",
    "data:a:b: c||",
    "data:1|||data:2||||data:3||",
    // The end of the stream: what has no blank line behind it is no event.
    "data:1",
    "data:1|",
    "data:1||data:2",
    "data:1||data:2|",
    "id:1|data:1||id:2|data:2|",
    // Names of events.
    "event:a|data:1||",
    "event: a|data:1||data:2||",
    "event:a|event:b|data:1||",
    "event:a|event|data:1||",
    "event:a|event:|data:1||",
    "event:a||data:1||",
    "event: a b |data:1||",
    "event:message|data:1||",
    "event:error|data:1||data:2||",
    "event:open|data:1||",
    "event:\u{1f600}|data:1||",
    // Ids: kept, reset, ignored when they hold NUL, taken over without data.
    "id:1|data:1||data:2||",
    "id:1||data:1||",
    "id:1|data:1||id|data:2||",
    "id:1|data:1||id:|data:2||",
    "id:1\0|data:1||",
    "id:1|data:1||id:2\0x|data:2||",
    "id:1|id:2|data:1||",
    "id: a b|data:1||",
    "id:\u{2028}|data:1||",
    // Times to reconnect: whatever they say, no event.
    "retry:9||data:1||",
    "retry:9|data:1||",
    "retry:|data:1||",
    "retry:1x|data:1||",
    "retry:-1|data:1||",
    // Comments, and fields that are none.
    ":|data:1||",
    ": comment|data:1||",
    ":data:0|data:1||",
    "data:1|: between|data:2||",
    " data:0|data:1||",
    "data :0|data:1||",
    "Data:0|data:1||",
    "dat:0|data:1||",
    "datax:0|data:1||",
    "data1|data:1||",
    "foo|data:1||",
    "\0|data:1||",
    "|||data:1||",
    // Characters that other formats take for ends of lines, and NUL.
    "data:1\0|data:2||",
    "data:\0||",
    "data:a\u{b}b\u{c}c||",
    "data:a\u{85}b\u{2028}c\u{2029}d||",
    "data:\u{feff}||",
    // Byte order marks: one at the start counts.
    "\u{feff}data:1||\u{feff}data:2||data:3||",
    "\u{feff}\u{feff}data:1||data:2||",
    "\u{feff}:|data:1||",
    "\u{feff}",
    "",
    "|",
];

/// Bytes that are no UTF-8, each with how it is shown in a list of failures.
const BROKEN: &[&[u8]] = &[
    b"data:\xff\xfe\xc3 x\n\n",
    b"data:\xe2\x80\n\n",
    b"data:\xe2\x80\ndata:\xa8\n\n",
    b"data:\xed\xa0\x80\n\n",
    b"data:\xf0\x9f\x98\n\ndata:2\n\n",
    b"data:\xc0\x80\n\n",
    b"data:\xf5\x80\x80\x80\n\n",
    b"id:\xff\ndata:1\n\n",
    b"event:\xff\ndata:1\n\n",
    b"\xef\xbbdata:1\n\ndata:2\n\n",
    b"\xef\n\ndata:2\n\n",
    b"\xffdata:1\n\ndata:2\n\n",
    b"data:1\xff",
];

/// What random streams are put together from.
const PIECES: &[&[u8]] = &[
    b"data",
    b"event",
    b"id",
    b"retry",
    b"data:",
    b"event:",
    b"id:",
    b"retry:",
    b":",
    b": ",
    b" ",
    b"\n",
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\n\n",
    b"a",
    b"b",
    b"17",
    b"message",
    b"error",
    b"\0",
    b"\t",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
    b"\xf0\x9f",
    b"data: x\n\n",
    b"event: a\n",
    b"id: 1\n",
];

/// The most pieces that a random stream has.
const PIECES_MAX: usize = 40;

/// All that were made by hand.
pub fn by_hand() -> Vec<Vec<u8>> {
    let mut streams = BTreeSet::new();
    for shape in SHAPES {
        for ends in LINE_ENDS {
            streams.insert(written(shape, ends));
        }
    }
    streams.extend(BROKEN.iter().map(|bytes| bytes.to_vec()));
    streams.into_iter().collect()
}

/// A shape with its line ends, which take turns.
fn written(shape: &str, ends: &[&str]) -> Vec<u8> {
    let mut ends = ends.iter().cycle();
    let mut out = String::new();
    for character in shape.chars() {
        match character {
            LINE_END => out.push_str(ends.next().unwrap_or(&"\n")),
            other => out.push(other),
        }
    }
    out.into_bytes()
}

/// `count` streams; the same for the same `seed`.
pub fn at_random(count: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let stream = || {
        let pieces = random.usize(1..=PIECES_MAX);
        let mut piece = || random.choice(PIECES).copied().unwrap_or_default();
        (0..pieces).flat_map(|_| piece().iter().copied()).collect::<Vec<u8>>()
    };
    let streams = std::iter::repeat_with(stream);
    streams.filter(|stream| !chromium_departs(stream)).take(count).collect()
}

/// Whether Chromium is known to depart from the standard here.
///
/// It takes the byte behind a byte order mark for a part of the first line even if it ends that
/// line, so that the field behind it goes unheard; WHATWG HTML 9.2.5 has the mark stripped before
/// there are any lines.
fn chromium_departs(stream: &[u8]) -> bool {
    let behind = stream.strip_prefix("\u{feff}".as_bytes());
    behind.is_some_and(|rest| matches!(rest.first(), Some(b'\r' | b'\n')))
}

/// Every name that an event of this stream could have, and more: a script hears only of names
/// that it asks for, so whatever stands in a line behind a colon is asked for.
pub fn names(stream: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(stream);
    let values = text.split(['\r', '\n']).filter_map(|line| Some(line.split_once(':')?.1));
    let both = values.flat_map(|value| [value, value.strip_prefix(' ').unwrap_or(value)]);
    let names = both.filter(|name| !name.is_empty()).map(str::to_owned);
    names.chain(["message".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_two_hundred_by_hand() {
        assert!(by_hand().len() >= 200, "{}", by_hand().len());
    }

    #[test]
    fn a_seed_makes_the_same_streams() {
        assert_eq!(at_random(50, 7), at_random(50, 7));
        assert_ne!(at_random(50, 7), at_random(50, 8));
    }

    #[test]
    fn where_chromium_departs_it_is_not_asked() {
        assert!(chromium_departs(b"\xef\xbb\xbf\rdata:1\n\n"));
        assert!(!chromium_departs(b"\xef\xbb\xbfdata:1\n\n"));
        assert!(!chromium_departs(b"\rdata:1\n\n"));
        assert!(!by_hand().iter().any(|stream| chromium_departs(stream)));
    }

    #[test]
    fn every_name_is_asked_for() {
        let names = names(b"event: a\revent:b\r\n\ndata:x\n\n");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, [" a", "a", "b", "message", "x"]);
    }
}
