//! Laws over random streams: no way of cutting changes what is decoded, and the standard agrees.

use proptest::prelude::*;
use stream_sse::{Decoder, DecoderLimits};

use crate::reference;
use crate::support::{decode, decode_every_way, finish, outcome, pieces, push};

/// Text that a stream is made of, often well formed and often not.
fn stream(pieces_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"data",
        b"data:",
        b"data: x\n",
        b"data: y\n\n",
        b"event: e\n",
        b"event",
        b"id: 1\n",
        b"id",
        b"id: 2\0\n",
        b"retry: 10\n",
        b"retry",
        b":",
        b" ",
        b": c\n",
        b"\0",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xBB",
        b"\xBF",
        b"\xFF",
        b"\xC3",
        b"\xE2\x80\xA8",
        b"7",
        b"long text without a meaning",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..pieces_max)
        .prop_map(|pieces| pieces.concat())
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..40_usize, 1..12)
}

proptest! {
    #[test]
    fn every_cut_of_a_small_stream_agrees_with_the_standard(input in stream(12)) {
        let got = decode_every_way(DecoderLimits::default(), &input);
        prop_assert_eq!(got, reference::interpret(&input));
    }

    #[test]
    fn random_cuts_of_a_big_stream_agree_with_the_standard(
        input in stream(400),
        lengths in lengths(),
    ) {
        let got = decode(DecoderLimits::default(), pieces(&input, &lengths));
        prop_assert_eq!(got, reference::interpret(&input));
    }

    #[test]
    fn cuts_do_not_matter_at_the_limits(
        input in stream(16),
        line_bytes in 0..12_usize,
        event_bytes in 0..12_usize,
    ) {
        let limits = DecoderLimits::default().line_bytes(line_bytes).event_bytes(event_bytes);
        decode_every_way(limits, &input);
    }

    #[test]
    fn events_may_be_dropped_early(
        input in stream(100),
        lengths in lengths(),
        reads in prop::collection::vec(0..3_usize, 1..6),
    ) {
        let mut decoder = Decoder::new().report_comments();
        let mut items = Vec::new();
        for (piece, reads) in pieces(&input, &lengths).into_iter().zip(reads.iter().cycle()) {
            let mut events = decoder.push(piece);
            for _ in 0..*reads {
                items.extend(events.next().map(Into::into));
            }
        }
        items.extend(push(&mut decoder, &[]));
        prop_assert_eq!(outcome(&decoder, items), reference::interpret(&input));
    }

    #[test]
    fn finishing_is_like_a_blank_line(
        input in stream(30),
        lengths in lengths(),
        is_read in any::<bool>(),
    ) {
        let mut decoder = Decoder::new().report_comments();
        let mut items = Vec::new();
        for piece in pieces(&input, &lengths) {
            if is_read {
                items.extend(push(&mut decoder, piece));
            } else {
                drop(decoder.push(piece));
            }
        }
        items.extend(finish(&mut decoder));
        let whole = [&input[..], b"\n\n"].concat();
        prop_assert_eq!(outcome(&decoder, items), reference::interpret(&whole));
        prop_assert_eq!(decoder.buffered_bytes(), 0);
    }
}
