//! Events as text: who sent them, which they are, and when.

/// Begins an event; nothing else in it is this byte.
const BEGIN: u8 = b'@';

/// Digits of a sender, of a number, and of a time.
const DIGITS: [usize; 3] = [4, 10, 14];

/// Bytes of the shortest event.
pub const EVENT_BYTES_MIN: usize = 1 + DIGITS[0] + DIGITS[1] + DIGITS[2];

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which publisher sent it.
    pub sender: u16,
    /// How many events this one sent before.
    pub number: u32,
    /// Microseconds since the load began.
    pub sent_us: u64,
}

/// An event of `bytes` bytes, or of [`EVENT_BYTES_MIN`] if that is more.
pub fn event(mark: Mark, bytes: usize) -> Vec<u8> {
    let Mark { sender, number, sent_us } = mark;
    let mut event = format!("@{sender:04}{number:010}{sent_us:014}").into_bytes();
    event.resize(bytes.max(EVENT_BYTES_MIN), b'x');
    event
}

/// Finds events of one size in bytes that come in pieces.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// The beginning of an event that was cut.
    carry: Vec<u8>,
}

impl Scanner {
    /// Calls `found` for each event of `bytes` bytes in what was read.
    pub(crate) fn scan(&mut self, mut read: &[u8], bytes: usize, mut found: impl FnMut(Mark)) {
        if !self.carry.is_empty() {
            let missing = bytes.saturating_sub(self.carry.len()).min(read.len());
            let (head, _) = read.split_at_checked(missing).unwrap_or((read, &[]));
            self.carry.extend_from_slice(head);
            if self.carry.len() < bytes {
                return;
            }
            let carried = std::mem::take(&mut self.carry);
            match parse(&carried) {
                Some(mark) => {
                    found(mark);
                    read = read.get(missing..).unwrap_or_default();
                }
                // It only looked like one, and a true one may begin in it.
                None => {
                    let inner = carried.get(1..).unwrap_or_default().to_vec();
                    let rest = read.get(missing..).unwrap_or_default();
                    return self.scan_whole(&[&*inner, rest].concat(), bytes, found);
                }
            }
        }
        self.scan_whole(read, bytes, found);
    }

    fn scan_whole(&mut self, mut rest: &[u8], bytes: usize, mut found: impl FnMut(Mark)) {
        while let Some(begin) = memchr::memchr(BEGIN, rest) {
            rest = rest.get(begin..).unwrap_or_default();
            let Some((candidate, after)) = rest.split_at_checked(bytes) else {
                self.carry = rest.to_vec();
                return;
            };
            match parse(candidate) {
                Some(mark) => {
                    found(mark);
                    rest = after;
                }
                None => rest = rest.get(1..).unwrap_or_default(),
            }
        }
    }
}

/// What an event says, if it is one, and whole.
fn parse(candidate: &[u8]) -> Option<Mark> {
    let (_, digits) = candidate.split_first()?;
    let (sender, digits) = digits.split_at_checked(DIGITS[0])?;
    let (number, digits) = digits.split_at_checked(DIGITS[1])?;
    let (sent_us, filling) = digits.split_at_checked(DIGITS[2])?;
    let mark = Mark {
        sender: u16::try_from(decimal(sender)?).ok()?,
        number: u32::try_from(decimal(number)?).ok()?,
        sent_us: decimal(sent_us)?,
    };
    filling.iter().all(|byte| *byte == b'x').then_some(mark)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        (digit <= 9).then_some(number.wrapping_mul(10).wrapping_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_at_every_cut_and_nothing_else_is() {
        let mark = |number| Mark { sender: 7, number, sent_us: 123_456 };
        let events = [event(mark(1), 40), event(mark(2), 40), event(mark(3), 40)];
        let [one, two, three] = &events;
        let broken = &one[..20];
        let text =
            [b"id: @\n", &**one, b"\n\ndata:", two, b"@@", broken, b"@x", three, b"@1"].concat();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let (mut scanner, mut found) = (Scanner::default(), Vec::new());
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    scanner.scan(piece, 40, |mark| found.push(mark.number));
                }
                assert_eq!(found, [1, 2, 3], "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_event_has_its_size() {
        let mark = Mark { sender: 9999, number: u32::MAX, sent_us: 99_999_999_999_999 };
        for (asked, bytes) in [(0, EVENT_BYTES_MIN), (200, 200)] {
            let made = event(mark, asked);
            assert_eq!((made.len(), parse(&made)), (bytes, Some(mark)));
        }
    }
}
