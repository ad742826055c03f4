//! Where a log lies: its stream and its subjects, made of its name.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use stream_log::LogName;

use crate::shard::Shard;
use stream_log::codec::{narrow, widen};

/// What stands for itself in a token of a subject; everything else is escaped, dots, spaces and
/// wildcards among it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// How names of logs become subjects of a few streams.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    prefix: String,
    shards: Vec<Arc<Shard>>,
}

/// Where one log lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) shard: Arc<Shard>,
    /// The subject that its messages are stored under.
    pub(crate) subject: String,
    /// The subject that the stream sends each stored message out on again.
    pub(crate) live: String,
    /// The subject of the mark that tells of its time to live.
    pub(crate) mark: String,
}

impl Layout {
    /// Spreads logs over `shards` streams, at least one, whose names begin with `prefix`.
    pub(crate) fn new(prefix: &str, shards: u16) -> Self {
        let shards = (0..shards.max(1)).map(|number| Arc::new(Shard::new(prefix, number)));
        Self { prefix: prefix.to_owned(), shards: shards.collect() }
    }

    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// Where each new history of any stream is sent out.
    pub(crate) fn histories(&self) -> String {
        format!("{}-live.*.history", self.prefix)
    }

    /// The stream whose new history is sent out on a subject.
    pub(crate) fn shard_of(&self, history: &str) -> Option<&Arc<Shard>> {
        self.shards.iter().find(|shard| shard.history_sent_out() == history)
    }

    #[expect(clippy::expect_used, reason = "there is a shard for each number below their count")]
    pub(crate) fn place(&self, name: &LogName) -> Place {
        let shard = Arc::clone(self.shards.get(self.number(name)).expect("a shard"));
        let escaped = utf8_percent_encode(name.name(), ESCAPED).to_string();
        let [subject, live, mark] = shard.subjects(name.namespace(), &escaped);
        Place { shard, subject, live, mark }
    }

    /// The log that a subject, or a mark, belongs to.
    pub(crate) fn name(&self, subject: &str) -> Option<LogName> {
        let rest = subject.strip_prefix(&self.prefix)?.strip_prefix('.')?;
        let (_, rest) = rest.split_once('.')?;
        let (space, name) = rest.strip_prefix("ttl.").unwrap_or(rest).split_once('.')?;
        let name = percent_decode_str(name).decode_utf8().ok()?;
        LogName::parse(&format!("{space}/{name}")).ok()
    }

    /// FNV-1a over the whole name: the same in every version, or logs would be lost.
    fn number(&self, name: &LogName) -> usize {
        let hash = name.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // What differs in the last letters alone must reach every bit.
        let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        narrow((mixed >> 32) % widen(self.shards.len()))
    }
}

#[cfg(test)]
mod tests {
    use stream_log::Namespace;

    use super::*;

    #[test]
    fn any_name_is_one_token_and_reads_back() {
        let layout = Layout::new("ms", 4);
        for text in ["a", "a.b", "a/b c", "*", ">", "täglich", "%2E", "-_", "ttl.x"] {
            for space in Namespace::ALL {
                let name = LogName::new(*space, text).unwrap();
                let place = layout.place(&name);
                assert_eq!(place.subject.split('.').count(), 4, "{place:?}");
                assert!(!place.subject.contains([' ', '*', '>']), "{place:?}");
                assert_eq!(layout.name(&place.subject), Some(name.clone()));
                assert_eq!(layout.name(&place.mark), Some(name));
            }
        }
    }

    #[test]
    fn the_longest_name_fits_into_a_line_of_the_protocol() {
        let name = LogName::new(Namespace::Durable, &".".repeat(1024)).unwrap();
        let place = Layout::new("millstream", 256).place(&name);
        assert!(place.live.len() < 3200, "{}", place.live.len());
    }

    #[test]
    fn a_name_keeps_its_shard_in_every_version() {
        let name = |text: &str| LogName::new(Namespace::Topic, text).unwrap();
        let layout = Layout::new("ms", 4);
        let shards: Vec<_> = ["a", "b", "c", "d"].map(|text| layout.number(&name(text))).into();
        assert_eq!(shards, [2, 3, 0, 0]);
    }

    #[test]
    fn a_new_history_names_its_stream() {
        let layout = Layout::new("ms", 4);
        let all = layout.histories();
        let (before, after) = all.split_once('*').unwrap();
        for shard in layout.shards() {
            let subject = shard.history_sent_out();
            assert!(subject.starts_with(before) && subject.ends_with(after), "{subject}");
            assert!(layout.shard_of(&subject).is_some_and(|found| Arc::ptr_eq(found, shard)));
        }
        assert!(layout.shard_of("ms-live.9.history").is_none());
    }

    #[test]
    fn names_spread_evenly() {
        let layout = Layout::new("ms", 4);
        let mut counts = [0; 4];
        for n in 0..4000 {
            let name = LogName::new(Namespace::Topic, &format!("orders.{n}")).unwrap();
            counts[layout.number(&name)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_is_no_log_has_no_name() {
        let layout = Layout::new("ms", 4);
        for subject in
            ["ms", "ms.0", "ms.0.topic", "ms.0.history", "other.0.topic.a", "ms.0.space.a"]
        {
            assert_eq!(layout.name(subject), None, "{subject}");
        }
    }
}
