//! Random JSON text: valid, and then damaged.

use proptest::{collection::vec, prelude::*, sample::Index};

/// The text of a JSON value, spelled in unusual ways; repeated keys included.
pub(super) fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number(),
        string(),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let element = (blank(), inner.clone(), blank()).prop_map(|(a, b, c)| a + &b + &c);
        let member = (blank(), string(), blank(), blank(), inner, blank())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            vec(element, 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            vec(member, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,24})",
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
    ]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z {}\\[\\]:,'/]{1,12}",
        2 => "\\PC{1,4}".prop_map(|text| text.replace(['"', '\\'], "")),
        1 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t"])
            .prop_map(str::to_owned),
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => any::<char>().prop_map(|char| {
            let mut units = [0; 2];
            let escapes = char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"));
            escapes.collect::<Vec<_>>().concat()
        }),
        1 => Just("\u{7f}\u{1f600}é".to_owned()),
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn blank() -> impl Strategy<Value = String> {
    "[ \n\r\t]{0,2}"
}

/// A change to a text that will most likely break it.
#[derive(Debug, Clone)]
pub(super) enum Damage {
    Insert(Index, u8),
    Replace(Index, u8),
    Remove(Index),
    Truncate(Index),
    Repeat(Index, Index),
}

pub(super) fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let byte = prop_oneof![
        4 => prop::sample::select(br#"{}[]",:\/ -+.eE019tfnu'x"#.to_vec()),
        1 => any::<u8>(),
    ];
    let one = prop_oneof![
        (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ];
    vec(one, 0..3)
}

pub(super) fn damaged(text: &str, damage: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for step in damage {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        match step {
            Damage::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Damage::Replace(at, byte) => bytes[at.index(len)] = *byte,
            Damage::Remove(at) => drop(bytes.remove(at.index(len))),
            Damage::Truncate(at) => bytes.truncate(at.index(len)),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

/// Cuts `bytes` at the given places, in any order and with repeats.
pub(super) fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for place in places {
        chunks.push(&bytes[from..place]);
        from = place;
    }
    chunks.push(&bytes[from..]);
    chunks
}

/// Text that mixes prose, fragments of JSON and its punctuation.
pub(super) fn prose() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => json_text(),
        2 => "[{}\\[\\]\",:\\\\ua0d8 \n'1-]{1,8}",
        1 => "[a-z \n]{1,10}",
        1 => Just("```json\n".to_owned()),
        1 => Just("é\u{1f600} // { it's\n".to_owned()),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}
