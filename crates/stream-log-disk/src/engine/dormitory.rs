//! Sleeping logs in the order of their names, side by side in blocks of a few dozen.
//!
//! Each weighs its name, its few bytes, and two bytes for their lengths: no node of a tree and no
//! allocation is its own. To take one out or to put one in writes one block anew.

use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};

use stream_log::codec::{Reader, put_bytes};

/// Logs of a block, at most; more would make each step longer, and fewer would weigh more.
const BLOCK_LOGS: usize = 32;

/// What is kept of logs that nobody uses, by name.
#[derive(Debug, Default)]
pub(super) struct Dormitory {
    /// The first log of a block has the block's name or a later one, and all others too, but
    /// earlier ones than the next block's.
    blocks: BTreeMap<Box<str>, Box<[u8]>>,
    count: usize,
}

/// A log's name and what is kept of it.
pub(super) type Sleeper = (Box<str>, Box<[u8]>);

impl Dormitory {
    /// How many logs sleep here.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// What is kept of the log of this name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, block) = self.blocks.range::<str, _>((Unbounded, Included(name))).next_back()?;
        logs(block).find(|(known, _)| *known == name).map(|(_, bytes)| bytes)
    }

    /// Lets go of the log of this name, if it sleeps here.
    pub(super) fn remove(&mut self, name: &str) {
        let Some((key, block)) =
            self.blocks.range_mut::<str, _>((Unbounded, Included(name))).next_back()
        else {
            return;
        };
        let others: Vec<_> = logs(block).filter(|(known, _)| *known != name).collect();
        let gone = logs(block).count().saturating_sub(others.len());
        self.count = self.count.saturating_sub(gone);
        if others.is_empty() {
            let key = key.clone();
            self.blocks.remove(&key);
        } else if gone > 0 {
            *block = block_of(&others);
        }
    }

    /// Takes in logs, which come in the order of their names and do not sleep here yet.
    pub(super) fn put(&mut self, sleepers: &[Sleeper]) {
        let mut rest = sleepers;
        while let Some((first, _)) = rest.first() {
            let near = self.blocks.range::<str, _>((Unbounded, Included(&**first))).next_back();
            let near = near.or_else(|| self.blocks.first_key_value());
            let near = near.map(|(key, _)| key.clone()).unwrap_or_default();
            let next = self.blocks.range::<str, _>((Excluded(&*near), Unbounded)).next();
            let fits = |(name, _): &Sleeper| next.is_none_or(|(next, _)| name < next);
            let (some, after) = rest.split_at(rest.partition_point(fits).max(1));
            let block = self.blocks.remove(&near).unwrap_or_default();
            self.fill(&block, some);
            rest = after;
        }
    }

    /// Puts the logs of a block that was taken out back, together with others.
    fn fill(&mut self, block: &[u8], more: &[Sleeper]) {
        let more = more.iter().map(|(name, bytes)| (&**name, &**bytes));
        self.count = self.count.saturating_add(more.len());
        let mut all: Vec<_> = logs(block).chain(more).collect();
        all.sort_by_key(|(name, _)| *name);
        let blocks = all.len().div_ceil(BLOCK_LOGS).max(1);
        for part in all.chunks(all.len().div_ceil(blocks).max(1)) {
            if let Some((first, _)) = part.first() {
                self.blocks.insert((*first).into(), block_of(part));
            }
        }
    }

    /// All logs from `start` on, in the order of their names.
    pub(super) fn range<'a>(
        &'a self,
        start: Bound<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let name = match start {
            Included(name) | Excluded(name) => name,
            Unbounded => "",
        };
        let first = self.blocks.range::<str, _>((Unbounded, Included(name))).next_back();
        let others = self.blocks.range::<str, _>((Excluded(name), Unbounded));
        let all = first.into_iter().chain(others).flat_map(|(_, block)| logs(block));
        all.skip_while(move |(known, _)| match start {
            Included(name) => *known < name,
            Excluded(name) => *known <= name,
            Unbounded => false,
        })
    }
}

/// The logs of a block.
fn logs(block: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut reader = Reader(block);
    std::iter::from_fn(move || Some((reader.text()?, reader.bytes()?)))
}

fn block_of(logs: &[(&str, &[u8])]) -> Box<[u8]> {
    let lengths = logs.iter().map(|(name, bytes)| name.len() + bytes.len() + 4);
    let mut block = Vec::with_capacity(lengths.sum());
    for (name, bytes) in logs {
        put_bytes(&mut block, name.as_bytes());
        put_bytes(&mut block, bytes);
    }
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Model = BTreeMap<String, Vec<u8>>;

    /// What the dormitory holds must be what the model does, from any name on.
    #[track_caller]
    fn check(dormitory: &Dormitory, model: &Model, name: &str) {
        assert_eq!(dormitory.len(), model.len());
        assert_eq!(dormitory.get(name), model.get(name).map(Vec::as_slice), "{name}");
        for start in [Included(name), Excluded(name), Unbounded] {
            let got: Vec<_> = dormitory.range(start).collect();
            let want = model.range::<str, _>((start, Unbounded));
            let want: Vec<_> = want.map(|(name, bytes)| (&**name, &**bytes)).collect();
            assert_eq!(got, want, "{start:?}");
        }
    }

    #[test]
    fn it_holds_what_a_map_would() {
        for seed in 0..64 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut dormitory, mut model) = (Dormitory::default(), Model::new());
            for _ in 0..60 {
                let name = |random: &mut fastrand::Rng| format!("log-{}", random.u16(..300));
                let mut sleepers = Model::new();
                for _ in 0..random.usize(..40) {
                    let bytes = vec![random.u8(..); random.usize(..200)];
                    sleepers.insert(name(&mut random), bytes);
                }
                sleepers.retain(|name, _| !model.contains_key(name));
                let put = sleepers.iter().map(|(name, bytes)| (&**name, &**bytes));
                let put: Vec<Sleeper> =
                    put.map(|(name, bytes)| (name.into(), bytes.into())).collect();
                dormitory.put(&put);
                model.append(&mut sleepers);
                check(&dormitory, &model, &name(&mut random));
                for _ in 0..random.usize(..40) {
                    let name = name(&mut random);
                    dormitory.remove(&name);
                    model.remove(&name);
                    check(&dormitory, &model, &name);
                }
            }
        }
    }

    #[test]
    fn blocks_stay_small() {
        let name = |number: usize| format!("{number:05}");
        let sleepers: Vec<Sleeper> =
            (0..1000).map(|number| (name(number).into(), Box::default())).collect();
        let mut dormitory = Dormitory::default();
        for some in sleepers.chunks(7) {
            dormitory.put(some);
        }
        assert!(dormitory.blocks.values().all(|block| logs(block).count() <= BLOCK_LOGS));
        assert!(dormitory.blocks.len() < 1000 / BLOCK_LOGS * 3, "{}", dormitory.blocks.len());
    }
}
