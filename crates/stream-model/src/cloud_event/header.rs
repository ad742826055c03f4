//! Attribute values in HTTP headers: percent-encoding by the HTTP binding, 3.1.3.2.

/// `value` as it stands in a header: space, quote, percent and what is not printable ASCII become
/// `%XX` for each byte of their UTF-8.
///
/// ```
/// use stream_model::cloud_event::encode_header;
///
/// assert_eq!(encode_header("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
/// ```
pub fn encode_header(value: &str) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%') {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 0xF)]);
        }
    }
    out
}

/// What a header's value says: the opposite of [`encode_header`], which also takes quotes around
/// the whole, and a percent sign that starts no code as itself; `None` if that is no UTF-8.
///
/// ```
/// use stream_model::cloud_event::decode_header;
///
/// assert_eq!(decode_header(b"Euro%20%e2%82%ac").as_deref(), Some("Euro €"));
/// assert_eq!(decode_header(br#""a \"b\" c""#).as_deref(), Some(r#"a "b" c"#));
/// assert_eq!(decode_header(b"100%"), Some("100%".to_owned()));
/// assert_eq!(decode_header(b"%ff"), None);
/// ```
pub fn decode_header(value: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut rest = quoted.unwrap_or(value);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', &[escaped, ref after @ ..]) if quoted.is_some() => {
                out.push(escaped);
                rest = after;
            }
            (b'%', &[high, low, ref after @ ..]) => match (nibble(high), nibble(low)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4) | low);
                    rest = after;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
