//! A live reader's server-sent events (5.8): after each `data`, a `control` that says where the
//! reader is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use super::answer::Answer;
use super::headers::STREAM_SSE_DATA_ENCODING;
use super::read::Page;
use super::record::Description;

/// What a reader is told after each `data`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Control {
    stream_next_offset: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_cursor: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    up_to_date: bool,
    #[serde(skip_serializing_if = "is_false")]
    stream_closed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The head of the answer; the events follow as its body.
pub fn head(description: &Description) -> Answer {
    let answer = Answer::new(StatusCode::OK)
        .header(CONTENT_TYPE, "text/event-stream")
        .header(CACHE_CONTROL, "no-cache, no-transform");
    if description.content_type.is_text() {
        answer
    } else {
        answer.header(STREAM_SSE_DATA_ENCODING, "base64")
    }
}

/// The events that carry a page: its data if it has any, and where the reader is then.
///
/// A reader of a closed stream does not come back, and so gets no cursor.
pub fn events(description: &Description, page: &Page, cursor: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if page.has_data() {
        let body = page.body(description);
        if description.content_type.is_text() {
            put_event(&mut out, "data", &body);
        } else {
            put_event(&mut out, "data", BASE64.encode(&body).as_bytes());
        }
    }
    let control = Control {
        stream_next_offset: page.next.to_string(),
        stream_cursor: (!page.closed).then(|| cursor.to_string()),
        up_to_date: page.up_to_date,
        stream_closed: page.closed,
    };
    // Text and flags alone: serialisation cannot fail.
    let control = serde_json::to_vec(&control).unwrap_or_default();
    put_event(&mut out, "control", &control);
    out
}

/// Puts a reader's own cursor into events that [`events`] has made, if it is a later one than
/// theirs and has as many digits; otherwise they stay as they are.
pub fn raise_cursor(events: &mut [u8], cursor: u64) {
    const BEFORE: &[u8] = b"\"streamCursor\":\"";
    // The control event is the last one, and data may say what it likes before it.
    let body = events.strip_suffix(b"\n\n").unwrap_or_default();
    let control = body.windows(2).rposition(|window| window == b"\n\n").unwrap_or_default();
    let tail = events.get(control..).unwrap_or_default();
    let found = tail.windows(BEFORE.len()).position(|window| window == BEFORE);
    let Some(found) = found else { return };
    let begin = control.saturating_add(found).saturating_add(BEFORE.len());
    let after = events.get_mut(begin..).unwrap_or_default();
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(known) = after.get_mut(..digits) else { return };
    let own = cursor.to_string();
    if own.len() == known.len() && *known < *own.as_bytes() {
        known.copy_from_slice(own.as_bytes());
    }
}

/// Writes one event; whatever line breaks the data holds begin further lines of it, so that it
/// cannot end the event.
///
/// There is no space after the colon, as in the protocol's reference, unless the data's own
/// leading space would be taken for it (WHATWG HTML 9.2.6).
fn put_event(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    let mut rest = data;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, b""));
        out.extend_from_slice(if line.starts_with(b" ") { b"data: " } else { b"data:" });
        out.extend_from_slice(line);
        out.push(b'\n');
        rest = match after {
            [b'\r', b'\n', after @ ..] | [b'\r' | b'\n', after @ ..] => after,
            _ => break,
        };
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::{ContentType, Lifetime, StreamOffset};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn description(content_type: &str) -> Description {
        Description {
            content_type: ContentType::parse(content_type).unwrap(),
            lifetime: Lifetime::Unlimited,
            life: 1,
            epoch: None,
            fork: None,
        }
    }

    fn page(pieces: Vec<Bytes>, up_to_date: bool, closed: bool) -> Page {
        let (start, next) = (StreamOffset::BEGINNING, StreamOffset::new(1, 2));
        Page { start, next, pieces, up_to_date, closed }
    }

    #[track_caller]
    fn check(content_type: &str, page: &Page, want: &str) {
        let events = events(&description(content_type), page, 77);
        assert_eq!(std::str::from_utf8(&events).unwrap(), want);
    }

    #[test]
    fn every_page_ends_with_where_the_reader_is() {
        const AT: &str = "0000000000000001_0000000000000002";
        check(
            "text/plain",
            &page(vec!["a\n".into(), " b\r\n\rc".into()], true, false),
            &format!(
                "event: data\ndata:a\ndata:  b\ndata:\ndata:c\n\n\
                 event: control\n\
                 data:{{\"streamNextOffset\":\"{AT}\",\"streamCursor\":\"77\",\"upToDate\":true}}\n\n"
            ),
        );
        check(
            "application/json",
            &page(vec!["1".into(), "{}".into()], false, false),
            &format!(
                "event: data\ndata:[1,{{}}]\n\n\
                 event: control\ndata:{{\"streamNextOffset\":\"{AT}\",\"streamCursor\":\"77\"}}\n\n"
            ),
        );
        check(
            "image/png",
            &page(vec![Bytes::from_static(b"\xff\n")], true, true),
            &format!(
                "event: data\ndata:/wo=\n\n\
                 event: control\n\
                 data:{{\"streamNextOffset\":\"{AT}\",\"upToDate\":true,\"streamClosed\":true}}\n\n"
            ),
        );
        check(
            "application/json",
            &page(vec![], true, false),
            &format!(
                "event: control\n\
                 data:{{\"streamNextOffset\":\"{AT}\",\"streamCursor\":\"77\",\"upToDate\":true}}\n\n"
            ),
        );
    }

    #[test]
    fn a_later_cursor_takes_the_place_of_the_common_one() {
        let data = page(vec!["\"streamCursor\":\"11\"".into()], true, false);
        let made = |cursor| events(&description("text/plain"), &data, cursor);
        for (common, own, want) in [(77, 78, 78), (77, 77, 77), (77, 76, 77), (77, 100, 77)] {
            let mut found = made(common);
            raise_cursor(&mut found, own);
            assert_eq!(found, made(want), "{common} {own}");
        }
        let closed = page(vec!["\"streamCursor\":\"11\"".into()], true, true);
        let mut found = events(&description("text/plain"), &closed, 77);
        let before = found.clone();
        raise_cursor(&mut found, 78);
        assert_eq!(found, before);
    }

    proptest! {
        #[test]
        fn data_can_neither_end_nor_forge_an_event(text in "[a: \r\n]{0,24}") {
            let mut out = Vec::new();
            put_event(&mut out, "data", text.as_bytes());
            let written = String::from_utf8(out).unwrap();
            prop_assert_eq!(written.matches("\n\n").count(), 1);
            let lines = written.trim_end().lines().skip(1);
            let read: Vec<_> = lines
                .map(|line| line.strip_prefix("data:").unwrap())
                .map(|line| line.strip_prefix(' ').unwrap_or(line))
                .collect();
            // An empty last line is trimmed above.
            let want = text.replace("\r\n", "\n").replace('\r', "\n");
            let read = read.join("\n");
            prop_assert_eq!(read.trim_end(), want.trim_end());
        }
    }
}
