//! Where a reader of many topics goes on, as one resume token.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use stream_model::{Epoch, Offset, StreamPosition, Topic};

use crate::ResumeTokenError;
use crate::limits::POSITIONS_BYTES_MAX;

/// No position of one topic begins with it: those are hexadecimal.
const MARK: &str = "m";

/// Where a reader of many topics stands in each of them.
///
/// Its text is a resume token like any other, and holds every topic's name and position, so that
/// it is understood after a restart and by any server that has the logs.
/// A topic that is not in it did not exist when it was made.
///
/// Names are sorted and each leaves out what it shares with the one before, and epochs likewise:
/// a topic takes some 17 bytes if it was made soon after its neighbour, and 25 otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions(BTreeMap<Topic, StreamPosition>);

impl Positions {
    /// The position in `topic`, if it existed.
    pub fn get(&self, topic: &Topic) -> Option<StreamPosition> {
        self.0.get(topic).copied()
    }

    /// Moves on in `topic`.
    pub fn set(&mut self, topic: &Topic, position: StreamPosition) {
        match self.0.get_mut(topic) {
            Some(known) => *known = position,
            None => drop(self.0.insert(topic.clone(), position)),
        }
    }

    /// Forgets a topic that is gone.
    pub fn remove(&mut self, topic: &Topic) {
        self.0.remove(topic);
    }

    /// Topics with a position.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no topic.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The topics, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Topic, StreamPosition)> {
        self.0.iter().map(|(topic, position)| (topic, *position))
    }

    /// The token, or `None` if it were longer than [`POSITIONS_BYTES_MAX`], which proxies and
    /// servers might not take in a header.
    pub fn token(&self) -> Option<String> {
        let text = self.to_string();
        (text.len() <= POSITIONS_BYTES_MAX).then_some(text)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 16);
        let mut last = ("", Epoch::new(0));
        for (topic, StreamPosition { epoch, offset }) in &self.0 {
            let name = topic.as_str();
            let shared = shared_bytes(last.0, name);
            let rest = name.as_bytes().get(shared..).unwrap_or_default();
            put_number(&mut bytes, usize_to_u64(shared));
            put_number(&mut bytes, usize_to_u64(rest.len()));
            bytes.extend_from_slice(rest);
            // Epochs made soon after each other are near each other.
            put_number(&mut bytes, epoch.get() ^ last.1.get());
            put_number(&mut bytes, offset.get());
            last = (name, *epoch);
        }
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut positions = BTreeMap::new();
        let (mut name, mut epoch) = (Vec::new(), 0);
        while !bytes.is_empty() {
            let shared = usize::try_from(take_number(&mut bytes)?).ok()?;
            let rest = usize::try_from(take_number(&mut bytes)?).ok()?;
            if shared > name.len() {
                return None;
            }
            let (rest, after) = bytes.split_at_checked(rest)?;
            bytes = after;
            name.truncate(shared);
            name.extend_from_slice(rest);
            epoch ^= take_number(&mut bytes)?;
            let offset = Offset::new(take_number(&mut bytes)?);
            let topic = Topic::new(std::str::from_utf8(&name).ok()?).ok()?;
            positions.insert(topic, StreamPosition { epoch: Epoch::new(epoch), offset });
        }
        Some(Self(positions))
    }
}

fn shared_bytes(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count()
}

fn usize_to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Seven bits a byte, low ones first; the high bit says that more follow (LEB128).
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let low = u64::from(first & 0x7f);
        if low.leading_zeros() < shift {
            return None;
        }
        number |= low << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", BASE64.encode(self.encode()))
    }
}

impl FromStr for Positions {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text.strip_prefix(MARK).filter(|_| text.len() <= POSITIONS_BYTES_MAX);
        let bytes = encoded.and_then(|encoded| BASE64.decode(encoded).ok());
        bytes.and_then(|bytes| Self::decode(&bytes)).ok_or(ResumeTokenError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions(entries: &[(String, u64, u64)]) -> Positions {
        let mut positions = Positions::default();
        for (topic, epoch, offset) in entries {
            let (epoch, offset) = (Epoch::new(*epoch), Offset::new(*offset));
            positions.set(&Topic::new(topic).unwrap(), StreamPosition { epoch, offset });
        }
        positions
    }

    proptest! {
        #[test]
        fn a_token_reads_back(
            entries in prop::collection::vec(("[a-c\u{e9}]{1,3}(\\.[a-c]{1,3}){0,3}", any::<u64>(), any::<u64>()), 0..20)
        ) {
            let positions = positions(&entries);
            let token = positions.to_string();
            prop_assert_eq!(token.parse(), Ok(positions));
            prop_assert!(token.parse::<crate::ResumeToken>().is_err(), "taken for one position");
        }

        #[test]
        fn no_text_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let token = format!("{MARK}{}", BASE64.encode(&bytes));
            if let Ok(positions) = token.parse::<Positions>() {
                prop_assert_eq!(positions.to_string().parse(), Ok(positions));
            }
        }
    }

    #[test]
    fn names_that_share_their_beginning_are_short() {
        // Milliseconds with 22 random bits behind them, as epochs are made.
        let epoch =
            |n: u64| ((1_790_000_000_000 + 10 * n) << 22) | (n.wrapping_mul(0x9e37) & 0x3f_ffff);
        let entry = |n: u64| (format!("orders.europe.customer-{n:04}"), epoch(n), 1000 + n);
        let entries: Vec<_> = (0..400).map(entry).collect();
        let token = positions(&entries).token().unwrap();
        assert!(token.len() < 400 * 17, "{} bytes", token.len());
    }

    #[test]
    fn a_token_too_long_for_a_header_is_none() {
        let entry = |n: u64| (format!("{n:0100}"), n << 40, n);
        let fits: Vec<_> = (0..60).map(entry).collect();
        let token = positions(&fits).token().unwrap();
        assert_eq!(token.parse(), Ok(positions(&fits)));
        let over: Vec<_> = (0..2000).map(entry).collect();
        assert_eq!(positions(&over).token(), None);
        assert_eq!(positions(&over).to_string().parse::<Positions>(), Err(ResumeTokenError));
    }
}
