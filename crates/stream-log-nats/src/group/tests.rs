//! Servers that know different beginnings of one log write it together, and it comes out as if one
//! server had done everything in order.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use stream_log::{Log, LogConfig, MemoryLog, ReadFrom, ReadLimit, Record, Retention};
use stream_model::{Epoch, Producer};

use super::*;
use crate::view::{Step, View};

const EPOCH: Epoch = Epoch::new(7);

/// Some message.
const LAST: Link = Link { at: 4, id: 44 };

/// A subject of a stream: messages with their numbers, among those of others.
#[derive(Default)]
struct Subject(Vec<(u64, Bytes)>);

impl Subject {
    fn last(&self) -> Link {
        let message = |(at, body): &(u64, Bytes)| Link {
            at: *at,
            id: Message::decode(body, *at).unwrap().id,
        };
        self.0.last().map_or(Link::NONE, message)
    }

    /// Stores a message if it follows the newest one.
    fn publish(&mut self, message: &Message) -> Option<u64> {
        (message.after == self.last()).then(|| {
            let at = self.last().at + 1 + message.id % 3;
            self.0.push((at, message.encode()));
            at
        })
    }

    fn after(&self, at: u64) -> impl Iterator<Item = (u64, Message)> + '_ {
        let after = self.0.iter().filter(move |(known, _)| *known > at);
        after.map(|(at, body)| (*at, Message::decode(body, *at).unwrap()))
    }

    fn messages(&self) -> Vec<(u64, Message)> {
        self.after(0).collect()
    }
}

/// One server's way to an answer.
fn settle(subject: &mut Subject, view: &mut View, ask: &Ask, id: u64, jumps: bool) -> Answer {
    let (mut confirmed, mut walked) = (false, Offset::ZERO);
    for _ in 0..100 {
        if !view.knows_producers() {
            let mut producers = Producers::default();
            let from = view.head.producers_at.unwrap();
            for (_, message) in subject.messages().into_iter().filter(|(at, _)| *at >= from) {
                message.producers.iter().for_each(|(id, state)| producers.put(id.clone(), *state));
                message.appended().for_each(|(id, state)| producers.put(id, state));
            }
            assert_eq!(view.last, subject.last(), "views are caught up before they learn");
            view.learn_producers(producers, view.last);
        }
        let (head, last, stubs) = (view.head, view.last, view.stubs.clone());
        let ground = Ground {
            head: &head,
            last,
            producers: view.producers(),
            stubs: &stubs,
            walked,
            durability: Durability::Memory,
            checkpoint_bytes: 10_000,
        };
        match plan(ground, [ask], id) {
            Plan::Known(mut answers) if confirmed => return answers.remove(0),
            Plan::Known(_) => {
                catch_up(subject, view, jumps);
                confirmed = true;
            }
            Plan::Needs(offset) if last != subject.last() => {
                catch_up(subject, view, jumps);
                assert!(offset > Offset::ZERO);
            }
            Plan::Needs(offset) => {
                walked = offset;
                let messages = subject.messages();
                let stubs = messages.iter().flat_map(|(at, message)| message.stubs(*at));
                view.stubs = stubs.skip_while(|stub| stub.offset < offset).take(3).collect();
            }
            Plan::Write(message, mut answers) => match subject.publish(&message) {
                Some(at) => {
                    let stored = Message::decode(&message.encode(), at).unwrap();
                    assert_eq!(view.take(at, &stored, 100), Step::Taken);
                    if let Some(answer) = answers.pop() {
                        return answer;
                    }
                }
                None => {
                    catch_up(subject, view, jumps);
                    (confirmed, walked) = (true, Offset::ZERO);
                }
            },
        }
    }
    panic!("no answer to {ask:?}");
}

fn catch_up(subject: &Subject, view: &mut View, jumps: bool) {
    if jumps {
        if let Some((at, message)) = subject.messages().pop() {
            view.jump(at, &message);
        }
        return;
    }
    for (at, message) in subject.after(view.last.at) {
        assert_eq!(view.take(at, &message, 100), Step::Taken);
    }
}

/// The same, asked of the specification.
async fn specified(log: &MemoryLog, ask: &Ask) -> Answer {
    match ask {
        Ask::Append(batch) => match log.append(batch.clone()).await {
            Ok(receipt) => Answer::Appended(receipt),
            Err(error) => Answer::Refused(error),
        },
        Ask::Close => match (log.tail().await.unwrap().state.closed, log.close().await) {
            (true, Ok(_)) => Answer::Nothing,
            (false, Ok(_)) => Answer::Done,
            (_, Err(error)) => Answer::Refused(error),
        },
        Ask::Trim(before) => {
            let earliest = log.tail().await.unwrap().state.earliest;
            match log.trim(*before).await {
                Ok(()) if *before <= earliest => Answer::Nothing,
                Ok(()) => Answer::Done,
                Err(error) => Answer::TrimRefused(error),
            }
        }
        Ask::Delete | Ask::Expire { .. } => panic!("not generated"),
    }
}

fn records(subject: &Subject, head: &Head) -> Vec<Record> {
    let messages = subject.messages();
    let records = messages.iter().flat_map(|(_, message)| message.records());
    records.filter(|record| record.offset >= head.state.earliest).collect()
}

fn batch() -> impl Strategy<Value = Ask> {
    let producer = proptest::option::of(("[ab]", 0_u64..2, 0_u64..6));
    let records = proptest::collection::vec("[a-z]{0,6}", 0..4);
    let tail = proptest::option::weighted(0.2, 0_u64..20);
    (records, producer, tail, 0_u64..60, proptest::bool::weighted(0.02)).prop_map(
        |(records, producer, tail, second, close)| {
            let time = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(second);
            let mut batch = AppendBatch::new(time).records(records.into_iter().map(Bytes::from));
            batch.producer = producer.map(|(id, epoch, seq)| Producer {
                id: ProducerId::new(&id).unwrap(),
                epoch,
                seq,
            });
            batch.expected_tail = tail.map(Offset::new);
            batch.close = close;
            Ask::Append(batch)
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        20 => batch(),
        1 => Just(()).prop_map(|()| Ask::Close),
        3 => (0_u64..40).prop_map(|before| Ask::Trim(Offset::new(before))),
    ]
}

fn config() -> impl Strategy<Value = LogConfig> {
    let bound = || prop_oneof![Just(u64::MAX), 1_u64..12];
    let age = proptest::option::of((0_u64..30).prop_map(Duration::from_secs));
    let full = proptest::option::of(10_u64..60);
    (bound(), bound(), age, full).prop_map(|(records_max, bytes_max, age_max, full)| LogConfig {
        retention: Retention { records_max, bytes_max, age_max },
        ttl: None,
        bytes_max: full,
    })
}

fn run(config: LogConfig, asks: &[(usize, bool, Ask)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let specification = MemoryLog::with_epoch(config, EPOCH);
    let mut subject = Subject::default();
    let made = Message::bare(0, Link::NONE, Head::new(EPOCH, config));
    let at = subject.publish(&made).unwrap();
    let mut views: Vec<_> = (0..3).map(|_| View::new(at, &made)).collect();
    for (n, (server, jumps, ask)) in asks.iter().enumerate() {
        let view = &mut views[*server];
        if !view.knows_producers() {
            catch_up(&subject, view, *jumps);
        }
        let id = u64::try_from(n).unwrap();
        let got = settle(&mut subject, view, ask, id, *jumps);
        let want = runtime.block_on(specified(&specification, ask));
        assert_eq!(format!("{got:?}"), format!("{want:?}"), "step {n}: {ask:?}");
        let state = runtime.block_on(specification.tail()).unwrap().state;
        assert_eq!(views[*server].head.state, state, "step {n}: {ask:?}");
        let limit = ReadLimit { records_max: usize::MAX, bytes_max: usize::MAX };
        let read = runtime.block_on(specification.read(ReadFrom::Earliest, limit)).unwrap();
        let got = records(&subject, &views[*server].head);
        assert_eq!(got, read.records, "step {n}");
    }
}

proptest! {
    #[test]
    fn many_servers_are_as_one(
        config in config(),
        asks in proptest::collection::vec((0_usize..3, any::<bool>(), ask()), 1..60),
    ) {
        run(config, &asks);
    }
}

#[test]
fn what_is_remembered_of_producers_is_written_down_before_it_is_far_away() {
    let append = |n: u64| {
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch: 0, seq: n };
        let batch = AppendBatch::new(OffsetDateTime::UNIX_EPOCH).record("x").producer(producer);
        (0, false, Ask::Append(batch))
    };
    let mut asks: Vec<_> = (0..u64::from(CHECKPOINT_AFTER) * 3).map(append).collect();
    // Another server learns of all of them, from the newest message alone.
    asks.push((1, true, append(5).2));
    asks.push((1, true, append(u64::from(CHECKPOINT_AFTER) * 3).2));
    run(LogConfig::default(), &asks);
}

#[test]
fn those_who_ask_together_share_a_message() {
    let (head, stubs) = (Head::new(EPOCH, LogConfig::default()), VecDeque::new());
    let producers = Producers::default();
    let ground = Ground {
        head: &head,
        last: LAST,
        producers: Some(&producers),
        stubs: &stubs,
        walked: Offset::ZERO,
        durability: Durability::Os,
        checkpoint_bytes: 0,
    };
    let append = |text: &'static str| {
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch: 0, seq: 0 };
        let batch = AppendBatch::new(OffsetDateTime::UNIX_EPOCH).record(text);
        Ask::Append(batch.producer(producer))
    };
    let asks = [append("a"), append("a"), Ask::Close, append("b")];
    let Plan::Write(message, answers) = plan(ground, &asks, 1) else { panic!("nothing to write") };
    assert_eq!((message.after, message.batches.len()), (LAST, 1));
    let [Answer::Appended(first), Answer::Appended(second), Answer::Done, Answer::Appended(third)] =
        &answers[..]
    else {
        panic!("other answers: {answers:?}");
    };
    assert_eq!((first.duplicate, second.duplicate, third.duplicate), (false, true, true));
    assert!(message.head.state.closed);
}
