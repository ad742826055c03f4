//! Members that come, go, die, sleep and hear late, against what they promise together.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use stream_model::{Epoch, Offset, StreamPosition};

use super::{Coordinator, Ending, Output};
use crate::group::roster::{MemberId, Record, Roster};
use crate::limits::{MEMBERS_MAX, ROSTER_RECORDS};

const SESSION: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(100);

/// The group's log, what is committed of each partition, and the members.
struct World {
    random: fastrand::Rng,
    now: Instant,
    /// The log, and the offset of its oldest record.
    log: Vec<Record>,
    trimmed: usize,
    members: Vec<Member>,
    /// Of each partition, the generation whose owner opened its commits last, and which one that
    /// was.
    fences: HashMap<u32, (u64, usize)>,
    /// Who was ever told to start a partition with a generation.
    starts: HashMap<(u32, u64), usize>,
    commits: usize,
    refused: usize,
    /// Whether appends get lost and pipelines fail.
    is_rough: bool,
    summed_up_after: u64,
}

/// A process.
struct Member {
    machine: Coordinator,
    is_alive: bool,
    /// Until then it does nothing, and hears nothing.
    asleep_until: Instant,
    running: HashMap<u32, u64>,
    draining: HashSet<u32>,
    /// Records on their way into the log.
    appending: Option<Appending>,
    is_over: bool,
}

enum Appending {
    Records(Vec<Record>),
    Snapshot {
        at: Offset,
        record: Record,
    },
    /// They are in, or not, and the answer is under way.
    Answer(Option<Offset>),
}

impl World {
    fn new(seed: u64, partitions: u32) -> Self {
        let begin = StreamPosition { epoch: Epoch::new(1), offset: Offset::ZERO };
        Self {
            random: fastrand::Rng::with_seed(seed),
            now: Instant::now(),
            log: vec![Record::State(Roster::found(partitions, begin, 7))],
            trimmed: 0,
            members: Vec::new(),
            fences: HashMap::new(),
            starts: HashMap::new(),
            commits: 0,
            refused: 0,
            is_rough: false,
            summed_up_after: ROSTER_RECORDS,
        }
    }

    /// The roster as the whole log says.
    fn truth(&self) -> Roster {
        let Record::State(mut roster) = self.log[self.trimmed].clone() else {
            panic!("the log begins with everything")
        };
        self.log[self.trimmed..].iter().for_each(|record| roster.apply(record));
        roster
    }

    fn join(&mut self) {
        let Record::State(roster) = self.log[self.trimmed].clone() else {
            panic!("the log begins with everything")
        };
        let name = format!("m{}", self.members.len());
        let first = (Offset::new(self.trimmed as u64), roster);
        let mut machine = Coordinator::new(name, SESSION, first, self.now);
        machine.summed_up_after = self.summed_up_after;
        self.members.push(Member {
            machine,
            is_alive: true,
            asleep_until: self.now,
            running: HashMap::new(),
            draining: HashSet::new(),
            appending: None,
            is_over: false,
        });
    }

    /// Has a member do one thing that a driver does.
    fn act(&mut self, at: usize) {
        let member = &self.members[at];
        if !member.is_alive || member.is_over || member.asleep_until > self.now {
            return;
        }
        match self.random.u8(..6) {
            0 => self.append(at),
            1 | 2 => self.read(at),
            3 => self.look_at_the_time(at),
            4 => self.commit(at),
            _ => self.drained(at),
        }
        self.take_outputs(at);
    }

    fn look_at_the_time(&mut self, at: usize) {
        self.members[at].machine.handle_timeout(self.now);
        self.take_outputs(at);
        let timeout = self.members[at].machine.poll_timeout();
        assert!(timeout.is_none_or(|at| at > self.now), "a member does not call itself for ever");
    }

    fn is_unlucky(&mut self) -> bool {
        self.is_rough && self.random.u8(..10) == 0
    }

    fn append(&mut self, at: usize) {
        let answer = match self.members[at].appending.take() {
            None => return,
            Some(Appending::Answer(next)) => {
                return self.members[at].machine.appended(self.now, next);
            }
            // It was not appended, and that is known, or not.
            Some(_) if self.is_unlucky() => None,
            Some(Appending::Records(records)) => {
                self.log.extend(records);
                // It was appended, and nobody knows.
                (!self.is_unlucky()).then_some(Offset::new(self.log.len() as u64))
            }
            Some(Appending::Snapshot { at, record }) if at.get() == self.log.len() as u64 => {
                assert_eq!(record, Record::State(self.truth()), "a snapshot is what it stands for");
                self.trimmed = self.log.len();
                self.log.push(record);
                Some(Offset::new(self.log.len() as u64))
            }
            Some(Appending::Snapshot { .. }) => None,
        };
        self.members[at].appending = Some(Appending::Answer(answer));
    }

    fn read(&mut self, at: usize) {
        let from = usize::try_from(self.members[at].machine.next().get()).unwrap();
        // What was let go of is summed up by what follows.
        let from = from.max(self.trimmed);
        let to = (from + self.random.usize(1..20)).min(self.log.len());
        let records: Vec<_> = (from..to)
            .map(|offset| (Offset::new(offset as u64), self.log[offset].clone()))
            .collect();
        self.members[at].machine.read(self.now, &records, Offset::new(to as u64));
    }

    /// A pipeline commits, which works only for whoever has opened the commits last.
    fn commit(&mut self, at: usize) {
        let running: Vec<_> = self.members[at].running.iter().map(|(p, g)| (*p, *g)).collect();
        let Some((partition, generation)) = self.random.choice(running) else { return };
        if self.fences[&partition] == (generation, at) {
            self.commits += 1;
        } else {
            assert!(self.fences[&partition].0 > generation, "only a later claim shuts out");
            self.refused += 1;
            self.ended(at, partition, Ending::Fenced);
        }
    }

    fn drained(&mut self, at: usize) {
        let draining: Vec<_> = self.members[at].draining.iter().copied().collect();
        if let Some(partition) = self.random.choice(draining) {
            self.ended(at, partition, Ending::Drained);
        } else if self.is_unlucky()
            && let Some(partition) = self.members[at].running.keys().next().copied()
        {
            self.ended(at, partition, Ending::Failed);
        }
    }

    fn ended(&mut self, at: usize, partition: u32, how: Ending) {
        let member = &mut self.members[at];
        member.draining.remove(&partition);
        let generation = member.running.remove(&partition).unwrap();
        member.machine.ended(self.now, (partition, generation), how);
    }

    fn take_outputs(&mut self, at: usize) {
        while let Some(output) = self.members[at].machine.poll_output() {
            let member = &mut self.members[at];
            match output {
                Output::Append(records) => {
                    assert!(member.appending.is_none(), "one append at a time");
                    member.appending = Some(Appending::Records(records));
                }
                Output::Snapshot { at, record } => {
                    assert!(member.appending.is_none(), "one append at a time");
                    member.appending = Some(Appending::Snapshot { at, record });
                }
                Output::Start { partition, generation } => self.start(at, partition, generation),
                Output::Drain { partition } => {
                    // It may have ended by itself meanwhile.
                    if member.running.contains_key(&partition) {
                        member.draining.insert(partition);
                    }
                }
                Output::Stop { partition } => {
                    member.running.remove(&partition);
                    member.draining.remove(&partition);
                }
                Output::End => {
                    assert!(member.running.is_empty(), "who goes leaves nothing running");
                    member.is_over = true;
                }
            }
        }
    }

    /// A pipeline opens its partition's commits, and is refused if a later one has.
    fn start(&mut self, at: usize, partition: u32, generation: u64) {
        let first = *self.starts.entry((partition, generation)).or_insert(at);
        assert_eq!(first, at, "partition {partition}, generation {generation} has two owners");
        let before = self.members[at].running.insert(partition, generation);
        assert_eq!(before, None, "a partition is started once");
        let fence = self.fences.entry(partition).or_insert((generation, at));
        if fence.0 > generation {
            self.refused += 1;
            self.ended(at, partition, Ending::Fenced);
        } else {
            *fence = (generation, at);
        }
    }

    /// Something happens.
    fn trouble(&mut self) {
        let at = self.random.usize(..self.members.len());
        match self.random.u8(..12) {
            0..3 => self.join(),
            3 => self.members[at].is_alive = false,
            4..8 => {
                let asleep = SESSION.mul_f64(self.random.f64() * 3.0);
                self.members[at].asleep_until = self.now + asleep;
            }
            8 => {
                self.members[at].machine.leave(self.now);
                self.take_outputs(at);
            }
            _ => {}
        }
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            self.now += STEP;
            for at in 0..self.members.len() {
                for _ in 0..self.random.u8(..12) {
                    self.act(at);
                }
            }
        }
    }

    /// Whether every partition runs at one member that lives, and no member has more than its part.
    fn is_settled(&self) -> bool {
        let truth = self.truth();
        let living: Vec<_> =
            self.members.iter().filter(|member| member.is_alive && !member.is_over).collect();
        let mut counts: Vec<_> = living.iter().map(|member| member.running.len()).collect();
        counts.sort_unstable();
        let is_idle = living.iter().all(|member| member.draining.is_empty());
        let is_running = |(partition, generation): &(&u32, &u64)| {
            truth.slot(**partition).unwrap().generation == **generation
        };
        let owners = living.iter().flat_map(|member| member.running.iter()).filter(is_running);
        let is_balanced = counts.last().unwrap() - counts.first().unwrap() <= 1;
        is_idle && is_balanced && owners.count() == truth.slots.len()
    }
}

#[test]
fn whatever_happens_a_partition_has_one_owner_and_in_the_end_it_has_one() {
    let (mut commits, mut refused, mut snapshots) = (0, 0, 0);
    for (seed, partitions) in (0..40).zip([1, 3, 8, 13].into_iter().cycle()) {
        let mut world = World::new(seed, partitions);
        world.is_rough = true;
        world.summed_up_after = 60;
        world.join();
        for _ in 0..40 {
            world.trouble();
            world.run(30);
        }
        // From now on nothing happens to anybody, and somebody lives.
        world.is_rough = false;
        world.members.iter_mut().for_each(|member| member.asleep_until = world.now);
        world.join();
        world.run(20);
        let mut rounds = 0;
        while !world.is_settled() {
            world.run(10);
            rounds += 1;
            assert!(rounds < 200, "seed {seed} does not settle: {:#?}", world.truth());
        }
        world.run(50);
        assert!(world.is_settled(), "seed {seed}: what is settled stays so");
        (commits, refused) = (commits + world.commits, refused + world.refused);
        snapshots += usize::from(world.trimmed > 0);
    }
    assert!(commits > 10_000 && refused > 20 && snapshots > 10, "{commits} {refused} {snapshots}");
}

#[test]
fn the_log_of_a_group_is_written_down_anew_and_stays_short() {
    let mut world = World::new(1, 2);
    (0..3).for_each(|_| world.join());
    world.run(20_000);
    assert!(world.log.len() > 2000);
    assert!(world.log.len() - world.trimmed < 1500, "{}", world.log.len() - world.trimmed);
}

#[test]
fn one_that_left_is_out_at_once_and_one_that_died_after_its_session() {
    let mut world = World::new(1, 4);
    (0..3).for_each(|_| world.join());
    world.run(100);
    world.members[1].machine.leave(world.now);
    world.take_outputs(1);
    world.run(30);
    assert!(world.members[1].is_over && world.is_settled());
    world.members[0].is_alive = false;
    let owned = world.truth().owned(&world.members[0].machine.me).len();
    assert_eq!(owned, 2);
    world.run(60);
    assert_eq!(world.truth().members.len(), 2, "not before its session has run out");
    world.run(100);
    assert_eq!(world.truth().members.len(), 1);
    assert!(world.is_settled());
}

#[test]
fn a_group_full_of_the_dead_takes_the_living() {
    let mut world = World::new(1, 2);
    for member in 0..MEMBERS_MAX {
        let member = MemberId::new(format!("dead {member}"));
        world.log.push(Record::Join { member, session_ms: 1000 });
    }
    world.join();
    world.run(200);
    assert_eq!(world.truth().members.len(), 1);
    assert!(world.is_settled());
}

#[test]
fn one_that_slept_or_was_cut_off_blames_nobody() {
    let mut world = World::new(1, 2);
    (0..3).for_each(|_| world.join());
    world.run(100);
    // All of them at once, as when their machine is suspended.
    world.now += 5 * SESSION;
    world.run(100);
    assert_eq!(world.truth().members.len(), 3);
    assert!(world.members.iter().all(|member| member.machine.stats().expulsions == 0));
}

#[test]
fn a_group_whose_source_has_ended_is_over_for_everybody() {
    let mut world = World::new(1, 3);
    (0..2).for_each(|_| world.join());
    world.run(100);
    for at in 0..2 {
        for partition in world.members[at].running.keys().copied().collect::<Vec<_>>() {
            world.ended(at, partition, Ending::Finished);
            world.take_outputs(at);
        }
    }
    world.run(50);
    assert!(world.truth().is_finished());
    assert!(world.members.iter().all(|member| member.is_over));
    world.join();
    world.run(10);
    assert!(world.members[2].is_over, "who comes later has nothing to do");
    assert!(world.members[2].running.is_empty());
}
