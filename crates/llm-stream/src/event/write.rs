//! The fast way from an event to JSON text: no intermediate value, no allocation for deltas.

use time::{OffsetDateTime, UtcOffset};

use super::{Channel, Delta, EventBody, StreamEvent};
use crate::json_string::plain_len;

impl StreamEvent {
    /// Appends the event's dict form to `out` as JSON text, on one line.
    ///
    /// The text is that of the [`Serialize`](serde::Serialize) implementation, byte for byte; a
    /// plain delta is written several times faster than through serde.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::StreamEvent;
    ///
    /// let mut out = b"data: ".to_vec();
    /// StreamEvent::delta("Hi").write_json(&mut out);
    /// assert!(out.ends_with(br#""delta":"Hi","metadata":{}}"#));
    /// ```
    pub fn write_json(&self, out: &mut Vec<u8>) {
        if let (EventBody::Delta(delta), None) = (&self.body, &self.extra) {
            write_delta(delta, self.timestamp, out);
            return;
        }
        let start = out.len();
        if serde_json::to_writer(&mut *out, self).is_err() {
            // Out of reach: memory does not fail to be written, and every key is a string.
            out.truncate(start);
        }
    }

    /// The event's dict form as JSON text; see [`write_json`](Self::write_json).
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(128);
        self.write_json(&mut out);
        // JSON written from `str`s is UTF-8.
        String::from_utf8(out).unwrap_or_default()
    }
}

fn write_delta(delta: &Delta, timestamp: Option<OffsetDateTime>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"delta","content":"","delta":"#);
    write_string(&delta.text, out);
    out.extend_from_slice(br#","metadata":{"#);
    let mut separator: &[u8] = b"";
    for (key, number) in [("choice", delta.choice), ("part", delta.part)] {
        if number != 0 {
            out.extend_from_slice(separator);
            write_string(key, out);
            out.push(b':');
            write_number(number, out);
            separator = b",";
        }
    }
    if delta.channel != Channel::Text {
        out.extend_from_slice(separator);
        out.extend_from_slice(br#""channel":"#);
        write_string(delta.channel.as_str(), out);
    }
    out.push(b'}');
    if let Some(at) = timestamp.and_then(in_utc) {
        out.extend_from_slice(br#","timestamp":""#);
        write_timestamp(at, out);
        out.push(b'"');
    }
    out.push(b'}');
}

/// The time in UTC, where RFC 3339 can say it: years of four digits.
fn in_utc(at: OffsetDateTime) -> Option<OffsetDateTime> {
    let at = at.checked_to_offset(UtcOffset::UTC)?;
    (0..=9999).contains(&at.year()).then_some(at)
}

/// Appends a time in UTC by RFC 3339, the fraction without trailing zeros.
fn write_timestamp(at: OffsetDateTime, out: &mut Vec<u8>) {
    let year = at.year().unsigned_abs();
    let (hour, minute, second) = at.to_hms();
    write_two(year / 100, out);
    write_two(year % 100, out);
    for (separator, number) in [
        (b'-', u8::from(at.month())),
        (b'-', at.day()),
        (b'T', hour),
        (b':', minute),
        (b':', second),
    ] {
        out.push(separator);
        write_two(number.into(), out);
    }
    let mut nanos = at.nanosecond();
    if nanos > 0 {
        out.push(b'.');
        let mut unit = 100_000_000;
        while nanos > 0 {
            write_number(nanos / unit, out);
            nanos %= unit;
            unit /= 10;
        }
    }
    out.push(b'Z');
}

fn write_two(number: u32, out: &mut Vec<u8>) {
    write_number(number / 10 % 10, out);
    write_number(number % 10, out);
}

/// Appends `text` as a JSON string.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = plain_len(rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        write_escape(byte, out);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn write_number(number: u32, out: &mut Vec<u8>) {
    if number >= 10 {
        write_number(number / 10, out);
    }
    out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delta_is_written_as_serde_would(
            text in ".{0,20}", choice in 0_u32..12, part in 0_u32..12, reasoning: bool,
            seconds in -62_200_000_000_i64..253_500_000_000, nanos in 0_u32..1_000_000_000,
            offset in -50_000_i32..50_000,
        ) {
            let channel = if reasoning { Channel::Reasoning } else { Channel::Text };
            let at = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| {
                let at = at.replace_nanosecond(nanos).ok()?;
                at.checked_to_offset(UtcOffset::from_whole_seconds(offset).ok()?)
            });
            let mut event =
                StreamEvent::new(EventBody::Delta(Delta { choice, part, channel, text }));
            event.timestamp = at;
            prop_assert_eq!(event.to_json(), serde_json::to_string(&event).unwrap());
        }

        #[test]
        fn fractions_end_at_their_last_digit(millis in 0_u16..1000) {
            let at = OffsetDateTime::UNIX_EPOCH.replace_millisecond(millis).unwrap();
            let event = StreamEvent::delta("x").at(at);
            prop_assert_eq!(event.to_json(), serde_json::to_string(&event).unwrap());
        }
    }
}
