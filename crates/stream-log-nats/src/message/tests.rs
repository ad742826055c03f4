//! What is written is read, and what was not written is refused.

use std::time::Duration;

use proptest::prelude::*;
use stream_log::{LogConfig, Retention};
use stream_model::Epoch;

use super::*;

fn time() -> impl Strategy<Value = OffsetDateTime> {
    (0_i64..1 << 33, 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap()
    })
}

fn config() -> impl Strategy<Value = LogConfig> {
    let duration = || proptest::option::of((0_u64..1 << 60).prop_map(Duration::from_nanos));
    let bound = || prop_oneof![Just(u64::MAX), 0..u64::MAX];
    let bytes_max = proptest::option::of(0..u64::MAX);
    (bound(), bound(), duration(), duration(), bytes_max).prop_map(
        |(records_max, bytes_max, age_max, ttl, limit)| LogConfig {
            retention: Retention { records_max, bytes_max, age_max },
            ttl,
            bytes_max: limit,
        },
    )
}

fn producer() -> impl Strategy<Value = Producer> {
    ("[a-zé]{1,9}", any::<u64>(), any::<u64>()).prop_map(|(id, epoch, seq)| Producer {
        id: ProducerId::new(&id).unwrap(),
        epoch,
        seq,
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    let payload = proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let records = proptest::collection::vec(payload, 0..4);
    (time(), proptest::option::of(producer()), records)
        .prop_map(|(time, producer, records)| Batch { time, producer, records })
}

prop_compose! {
    fn message()(
        id: u64, after: (u64, u64), history: u64, closed: bool, deleted: bool,
        epoch: u64, bytes_ever: u64, next in 100_u64..1 << 50,
        producers_at in proptest::option::of(1..u64::MAX), producers_behind: u32,
        config in config(),
        touched in proptest::option::of(time()),
        oldest in proptest::option::of((0_u64..100, 1..u64::MAX, time(), any::<u64>())),
        batches in proptest::collection::vec(batch(), 0..4),
        known in proptest::collection::vec(producer(), 0..4),
    ) -> Message {
        let oldest = oldest.map(|(offset, at, time, bytes_before)| {
            Stub { offset: Offset::new(offset), at, time, bytes_before }
        });
        let mut head = Head::new(Epoch::new(epoch), config);
        head.state.next = Offset::new(next);
        head.state.closed = closed;
        head.state.deleted = deleted;
        head.begin_at(oldest);
        let (first, next) = (Offset::ZERO, Offset::new(next));
        let head = Head { bytes_ever, touched, producers_at, producers_behind, ..head };
        let state = |p: Producer| (p.id, ProducerState { epoch: p.epoch, seq: p.seq, first, next });
        let after = Link { at: after.0, id: after.1 };
        let producers = known.into_iter().map(state).collect();
        Message { id, after, history, head, batches, producers }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        let bytes = message.encode();
        prop_assert_eq!(Message::decode(&bytes, 7), Some(message));
    }

    #[test]
    fn a_part_of_a_message_is_none(message in message()) {
        let bytes = message.encode();
        for cut in 0..bytes.len() {
            prop_assert_eq!(Message::decode(&bytes.slice(..cut), 7), None);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let mut bytes = bytes;
        bytes.insert(0, FORMAT);
        let bytes = Bytes::from(bytes);
        if let Some(message) = Message::decode(&bytes, 7) {
            prop_assert_eq!(Message::decode(&message.encode(), 7), Some(message));
        }
    }
}

#[test]
fn records_are_numbered_up_to_the_tail() {
    let mut head = Head::new(Epoch::new(1), LogConfig::default());
    head.state.next = Offset::new(10);
    head.bytes_ever = 100;
    let time = OffsetDateTime::UNIX_EPOCH;
    let id = ProducerId::new("p").unwrap();
    let batch = |records: &[&'static str], seq| Batch {
        time,
        producer: Some(Producer { id: id.clone(), epoch: 0, seq }),
        records: records.iter().map(|record| Bytes::from_static(record.as_bytes())).collect(),
    };
    let batches = vec![batch(&["a", "bb"], 4), batch(&["ccc"], 5)];
    let message = Message { batches, ..Message::bare(1, Link { at: 2, id: 3 }, head) };
    assert_eq!(message.first(), Offset::new(7));
    let offsets: Vec<_> = message.records().map(|record| record.offset.get()).collect();
    assert_eq!(offsets, [7, 8, 9]);
    let before: Vec<_> = message.stubs(3).map(|stub| (stub.at, stub.bytes_before)).collect();
    assert_eq!(before, [(3, 94), (3, 95), (3, 97)]);
    let appended: Vec<_> =
        message.appended().map(|(_, s)| (s.seq, s.first.get(), s.next.get())).collect();
    assert_eq!(appended, [(4, 7, 9), (5, 9, 10)]);
}
