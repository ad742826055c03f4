//! What a real Chromium makes of hand-made streams; ours must be the same.

use stream_sse::DecoderLimits;

use crate::reference;
use crate::support::{Item, decode_every_way};

/// Checks the dispatched events, each as type, data and last event id.
#[track_caller]
fn check(input: &[u8], want: &[(&str, &str, &str)]) {
    let outcome = decode_every_way(DecoderLimits::default(), input);
    let got: Vec<_> = outcome
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Event { event_type, data, last_event_id, .. } => {
                Some((event_type.as_str(), data.as_str(), last_event_id.as_str()))
            }
            Item::Comment(_) | Item::Damage(_) => None,
        })
        .collect();
    assert_eq!(got, want);
    assert_eq!(reference::interpret(input), outcome);
}

#[test]
fn a_byte_order_mark_counts_once_and_at_the_start_only() {
    check(
        "\u{FEFF}data:1\n\n\u{FEFF}data:2\n\ndata:3\n\n".as_bytes(),
        &[("message", "1", ""), ("message", "3", "")],
    );
    check("\u{FEFF}\u{FEFF}data:1\n\ndata:2\n\n".as_bytes(), &[("message", "2", "")]);
    check(b"\xEF\xBBdata:1\n\ndata:2\n\n", &[("message", "2", "")]);
    check(b"\xEF\n\ndata:2\n\n", &[("message", "2", "")]);
    check(b"\xEF\xBB\xBF\n\ndata:2\n\n", &[("message", "2", "")]);
}

#[test]
fn comments_and_all_line_ends_mix() {
    let long = "x".repeat(2048);
    let input = format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\r\n\r:\0\ndata:4\n\n");
    check(input.as_bytes(), &[("message", "1\n2\n3", ""), ("message", "4", "")]);
    check(
        b"data:1\r\n\r\ndata:2\r\rdata:3\n\n",
        &[("message", "1", ""), ("message", "2", ""), ("message", "3", "")],
    );
    check(
        b"data:1\r\n\ndata:2\n\r\ndata:3\r\n\r",
        &[("message", "1", ""), ("message", "2", ""), ("message", "3", "")],
    );
}

#[test]
fn a_last_block_without_its_blank_line_is_dropped_with_its_id() {
    let input = b"id:1\ndata:test1\n\nid:2\ndata:test2\n";
    check(input, &[("message", "test1", "1")]);
    assert_eq!(decode_every_way(DecoderLimits::default(), input).last_event_id, "1");
}

#[test]
fn empty_data_is_an_event_and_no_data_is_none() {
    check(b"data:\n\n", &[("message", "", "")]);
    check(b"data\ndata\n\n", &[("message", "\n", "")]);
    check(
        b"data:\n\ndata\ndata\n\ndata:test\n\n",
        &[("message", "", ""), ("message", "\n", ""), ("message", "test", "")],
    );
    check(b"event: x\n\ndata: y\n\n", &[("message", "y", "")]);
}

#[test]
fn an_empty_type_is_message() {
    check(b"event: \ndata:1\n\n", &[("message", "1", "")]);
    check(b"event\ndata:1\n\n", &[("message", "1", "")]);
    check(b"event: a\nevent:\ndata:1\n\n", &[("message", "1", "")]);
}

#[test]
fn ids_with_a_nul_are_ignored_and_empty_ones_reset() {
    check(b"id: 1\0\ndata:1\n\n", &[("message", "1", "")]);
    check(
        b"id: 1\ndata:1\n\nid: 2\0\ndata:2\n\nid\ndata:3\n\n",
        &[("message", "1", "1"), ("message", "2", "1"), ("message", "3", "")],
    );
    check(b"id: 1\n\ndata:1\n\n", &[("message", "1", "1")]);
}

#[test]
fn one_space_is_stripped_and_nothing_else() {
    check(b"data:\ttest\rdata: \ndata:test\n\n", &[("message", "\ttest\n\ntest", "")]);
    check(b"data:  x \n\n", &[("message", " x ", "")]);
}

#[test]
fn nul_in_data_is_kept() {
    check(b"data:\0\n\n", &[("message", "\0", "")]);
    check(b"\0data:1\ndata:2\0\n\n", &[("message", "2\0", "")]);
}

#[test]
fn unknown_and_space_led_fields_are_ignored() {
    check(
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n\n",
        &[("message", "test\n", "")],
    );
    check(b"Data:1\ndatabase:2\nid :3\nidentity:4\ndata:5\n\n", &[("message", "5", "")]);
}

#[test]
fn invalid_utf_8_is_replaced_and_never_an_error() {
    check(b"data:\xFF\xFE\xC3x\n\n", &[("message", "\u{FFFD}\u{FFFD}\u{FFFD}x", "")]);
    check(b"event:\xFF\nid:\xE2\x80\ndata:1\n\n", &[("\u{FFFD}", "1", "\u{FFFD}")]);
    check("event:ü\nid:…\ndata:ok…\n\n".as_bytes(), &[("ü", "ok…", "…")]);
}

#[test]
fn retry_is_digits_alone() {
    for (input, want) in [
        ("retry:3000\n", Some(3000)),
        ("retry: 0\n", Some(0)),
        ("retry:1000x\n", None),
        ("retry:\n", None),
        ("retry\n", None),
        ("retry:+5\n", None),
        ("retry:1\nretry:x\n", Some(1)),
        ("retry:18446744073709551615\n", Some(u64::MAX)),
        ("retry:18446744073709551616\n", Some(u64::MAX)),
        ("retry:٣\n", None),
    ] {
        let outcome = decode_every_way(DecoderLimits::default(), input.as_bytes());
        assert_eq!(outcome.retry_ms, want, "{input:?}");
    }
}
