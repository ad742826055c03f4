//! Who is in a group and who owns which partition, as the group's log says.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use stream_model::{Epoch, Offset, StreamPosition};

use crate::limits::MEMBERS_MAX;

/// A member in one of its lives; a member that fell out comes back under another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct MemberId(String);

impl MemberId {
    pub(crate) fn new(id: String) -> Self {
        Self(id)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a group's log consists of.
///
/// A record is a proposal: the log's order decides, and every reader judges it the same way.
/// One that does not fit what came before it means nothing, so whoever does not know whether a
/// record was appended may append it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Everything as of here: the first record of a group, and what stands for those before it.
    State(Roster),
    /// Comes in; it counts as dead when it gives no sign of life for so long.
    Join { member: MemberId, session_ms: u64 },
    /// Is alive.
    Sign { member: MemberId },
    /// Goes, and gives its partitions back.
    Leave { member: MemberId },
    /// Is taken for dead; means nothing if it has given another sign of life than the last of
    /// `signs`.
    Expel { member: MemberId, signs: u64 },
    /// Takes a partition that nobody owns.
    Claim { member: MemberId, partition: u32 },
    /// Gives a partition back.
    Release { member: MemberId, partition: u32, generation: u64 },
    /// Has come to the end of the source with a partition.
    Finish { member: MemberId, partition: u32, generation: u64 },
}

/// What all records up to one amount to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Roster {
    /// The form of this and of all records.
    version: u32,
    /// The life of the source, and the record in it, that partitions begin at.
    begin: (u64, u64),
    /// In the order in which they came.
    pub(crate) members: Vec<Entry>,
    /// By partition.
    pub(crate) slots: Vec<Slot>,
}

/// The version of what this program writes, and the only one that it understands.
const VERSION: u32 = 1;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: MemberId,
    pub(crate) session_ms: u64,
    /// Its records so far.
    pub(crate) signs: u64,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    /// Rises with each claim, so that no two owners ever have the same.
    pub(crate) generation: u64,
    pub(crate) owner: Option<MemberId>,
    pub(crate) is_finished: bool,
}

/// What a member is to change about its partitions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Those that it owns beyond its share.
    pub(crate) surplus: Vec<u32>,
    /// Those without an owner that are meant for it.
    pub(crate) claims: Vec<u32>,
}

impl Roster {
    /// A group without members; its first generations come after `generation`.
    pub(crate) fn found(partitions: u32, begin: StreamPosition, generation: u64) -> Self {
        let slot = Slot { generation, owner: None, is_finished: false };
        Self {
            version: VERSION,
            begin: (begin.epoch.get(), begin.offset.get()),
            members: Vec::new(),
            slots: vec![slot; partitions as usize],
        }
    }

    /// Whether this program knows the form of the group's records.
    pub(crate) fn is_understood(&self) -> bool {
        self.version == VERSION
    }

    pub(crate) fn begin(&self) -> StreamPosition {
        let (epoch, offset) = self.begin;
        StreamPosition { epoch: Epoch::new(epoch), offset: Offset::new(offset) }
    }

    pub(crate) fn partitions(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn slot(&self, partition: u32) -> Option<&Slot> {
        self.slots.get(partition as usize)
    }

    pub(crate) fn entry(&self, member: &MemberId) -> Option<&Entry> {
        self.members.iter().find(|entry| entry.id == *member)
    }

    /// Whether no partition has anything left to do.
    pub(crate) fn is_finished(&self) -> bool {
        self.slots.iter().all(|slot| slot.is_finished)
    }

    /// The partitions that a member owns, in order.
    pub(crate) fn owned(&self, member: &MemberId) -> Vec<u32> {
        let is_owned = |slot: &Slot| slot.owner.as_ref() == Some(member);
        let slots = (0..).zip(&self.slots);
        slots.filter(|(_, slot)| is_owned(slot)).map(|(partition, _)| partition).collect()
    }

    /// Takes the next record of the log.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::State(roster) => self.clone_from(roster),
            Record::Join { member, session_ms } => {
                if !self.signed(member) && self.members.len() < MEMBERS_MAX {
                    let (id, session_ms) = (member.clone(), *session_ms);
                    self.members.push(Entry { id, session_ms, signs: 1 });
                }
            }
            Record::Sign { member } => {
                self.signed(member);
            }
            Record::Leave { member } => self.remove(member),
            Record::Expel { member, signs } => {
                if self.entry(member).is_some_and(|entry| entry.signs == *signs) {
                    self.remove(member);
                }
            }
            Record::Claim { member, partition } => self.claim(member, *partition),
            Record::Release { member, partition, generation } => {
                if let Some(slot) = self.held(member, *partition, *generation) {
                    slot.owner = None;
                }
            }
            Record::Finish { member, partition, generation } => {
                if let Some(slot) = self.held(member, *partition, *generation) {
                    slot.is_finished = true;
                }
            }
        }
    }

    /// Counts a sign of life, and returns whether the member is there.
    fn signed(&mut self, member: &MemberId) -> bool {
        let entry = self.members.iter_mut().find(|entry| entry.id == *member);
        entry.map(|entry| entry.signs += 1).is_some()
    }

    fn remove(&mut self, member: &MemberId) {
        self.members.retain(|entry| entry.id != *member);
        for slot in self.slots.iter_mut().filter(|slot| slot.owner.as_ref() == Some(member)) {
            slot.owner = None;
        }
    }

    fn claim(&mut self, member: &MemberId, partition: u32) {
        if !self.signed(member) {
            return;
        }
        let slot = self.slots.get_mut(partition as usize);
        if let Some(slot) = slot.filter(|slot| slot.owner.is_none()) {
            slot.owner = Some(member.clone());
            slot.generation += 1;
        }
    }

    /// The partition, if the member owns it by this claim.
    fn held(&mut self, member: &MemberId, partition: u32, generation: u64) -> Option<&mut Slot> {
        self.signed(member);
        let slot = self.slots.get_mut(partition as usize)?;
        let is_held = slot.owner.as_ref() == Some(member) && slot.generation == generation;
        is_held.then_some(slot)
    }

    /// How many partitions each member is to have, in their order.
    ///
    /// Those who came first have the odd ones, so that whoever comes takes only what it is to have,
    /// and of whoever goes nobody else has to give anything up.
    fn quotas(&self) -> impl Iterator<Item = usize> {
        let (partitions, members) = (self.slots.len(), self.members.len().max(1));
        (0..members).map(move |at| partitions / members + usize::from(at < partitions % members))
    }

    /// What a member is to give up, and to take.
    pub(crate) fn share(&self, member: &MemberId) -> Share {
        let mut by_owner: HashMap<&MemberId, Vec<u32>> = HashMap::new();
        let mut free = Vec::new();
        for (partition, slot) in (0..).zip(&self.slots) {
            match &slot.owner {
                Some(owner) => by_owner.entry(owner).or_default().push(partition),
                None => free.push(partition),
            }
        }
        let mut free = free.as_slice();
        for (entry, quota) in self.members.iter().zip(self.quotas()) {
            let mut owned = by_owner.remove(&entry.id).unwrap_or_default();
            let missing = quota.saturating_sub(owned.len()).min(free.len());
            let (claims, rest) = free.split_at(missing);
            if entry.id == *member {
                let surplus = owned.split_off(quota.min(owned.len()));
                return Share { surplus, claims: claims.to_vec() };
            }
            free = rest;
        }
        Share { surplus: Vec::new(), claims: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> MemberId {
        MemberId::new(name.to_owned())
    }

    fn roster(partitions: u32) -> Roster {
        let begin = StreamPosition { epoch: Epoch::new(1), offset: Offset::ZERO };
        Roster::found(partitions, begin, 100)
    }

    fn join(roster: &mut Roster, name: &str) {
        roster.apply(&Record::Join { member: id(name), session_ms: 1000 });
    }

    fn claim(name: &str, partition: u32) -> Record {
        Record::Claim { member: id(name), partition }
    }

    /// Has everybody take and give until nobody wants to; returns how often a partition was taken.
    fn settle(roster: &mut Roster) -> usize {
        let mut claimed = 0;
        loop {
            let before = roster.slots.clone();
            for entry in roster.members.clone() {
                let share = roster.share(&entry.id);
                for partition in share.surplus {
                    let generation = roster.slots[partition as usize].generation;
                    roster.apply(&Record::Release {
                        member: entry.id.clone(),
                        partition,
                        generation,
                    });
                }
                for partition in share.claims {
                    roster.apply(&claim(entry.id.as_str(), partition));
                    claimed += 1;
                }
            }
            if roster.slots == before {
                return claimed;
            }
        }
    }

    fn counts(roster: &Roster) -> Vec<usize> {
        roster.members.iter().map(|entry| roster.owned(&entry.id).len()).collect()
    }

    #[test]
    fn few_partitions_move() {
        for partitions in [1_u32, 2, 5, 16, 17] {
            let mut roster = roster(partitions);
            let mut moves = Vec::new();
            for name in ["a", "b", "c", "d"] {
                join(&mut roster, name);
                moves.push((settle(&mut roster), *counts(&roster).last().unwrap()));
            }
            assert!(moves.iter().all(|(moved, share)| moved == share), "{partitions}: {moves:?}");
            for gone in ["b", "a"] {
                let had = roster.owned(&id(gone)).len();
                roster.apply(&Record::Leave { member: id(gone) });
                assert_eq!(settle(&mut roster), had, "{partitions} partitions without {gone}");
                let counts = counts(&roster);
                let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
                assert!(spread <= 1, "{counts:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_means_nothing() {
        let mut roster = roster(2);
        join(&mut roster, "a");
        join(&mut roster, "b");
        roster.apply(&claim("a", 0));
        let want = roster.slots.clone();
        assert_eq!((want[0].generation, want[0].owner.clone()), (101, Some(id("a"))));
        let release =
            |name, generation| Record::Release { member: id(name), partition: 0, generation };
        for record in [
            claim("b", 0),
            claim("a", 0),
            claim("a", 2),
            claim("stranger", 1),
            release("a", 100),
            release("b", 101),
            Record::Leave { member: id("stranger") },
            Record::Finish { member: id("b"), partition: 0, generation: 101 },
        ] {
            roster.apply(&record);
            assert_eq!(roster.slots, want, "{record:?}");
        }
        roster.apply(&release("a", 101));
        roster.apply(&claim("b", 0));
        assert_eq!(
            (roster.slots[0].generation, roster.slots[0].owner.clone()),
            (102, Some(id("b")))
        );
    }

    #[test]
    fn a_sign_of_life_saves_whoever_was_taken_for_dead() {
        let mut roster = roster(1);
        join(&mut roster, "a");
        roster.apply(&claim("a", 0));
        let signs = roster.entry(&id("a")).unwrap().signs;
        roster.apply(&Record::Sign { member: id("a") });
        roster.apply(&Record::Expel { member: id("a"), signs });
        assert!(roster.entry(&id("a")).is_some());
        roster.apply(&Record::Expel { member: id("a"), signs: signs + 1 });
        assert!(roster.entry(&id("a")).is_none());
        assert_eq!(roster.slots[0].owner, None);
    }

    #[test]
    fn one_member_too_many_is_not_taken() {
        let mut roster = roster(1);
        for n in 0..=MEMBERS_MAX {
            join(&mut roster, &n.to_string());
        }
        assert_eq!(roster.members.len(), MEMBERS_MAX);
        roster.apply(&Record::Leave { member: id("0") });
        join(&mut roster, "late");
        assert!(roster.entry(&id("late")).is_some());
    }

    #[test]
    fn records_keep_their_form() {
        let record = Record::Claim { member: id("a"), partition: 3 };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(text, r#"{"claim":{"member":"a","partition":3}}"#);
        let state = Record::State(roster(1));
        let text = serde_json::to_string(&state).unwrap();
        let want = r#"{"state":{"version":1,"begin":[1,0],"members":[],"slots":[{"generation":100,"owner":null,"is_finished":false}]}}"#;
        assert_eq!(text, want);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), state);
    }
}
