//! What the decoder makes of a stream.

use anyhow::bail;
use millstream::sse::{Decoded, Decoder};

use super::Seen;

/// The events of a stream that arrives in pieces.
///
/// # Errors
/// If the decoder reports damage: the streams here are far below its limits.
pub fn events(pieces: &[&[u8]]) -> anyhow::Result<Vec<Seen>> {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut items = decoder.push(piece);
        while let Some(item) = items.next() {
            match item {
                Decoded::Event(event) => seen.push(Seen {
                    name: event.event_type_str().into_owned(),
                    data: event.data_str().into_owned(),
                    id: event.last_event_id().to_owned(),
                }),
                other => bail!("expected events alone, found {other:?}"),
            }
        }
    }
    Ok(seen)
}

/// `bytes` cut at up to three places, where `random` says.
pub fn cut<'a>(bytes: &'a [u8], random: &mut fastrand::Rng) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for _ in 0..3 {
        let (piece, behind) = rest.split_at(random.usize(0..=rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}
