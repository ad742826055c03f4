//! What was promised, against what a log holds.

use std::collections::HashMap;
use std::fmt;

use super::mark::Mark;

/// What a server promised one writer: its appends so far, each acknowledged before the next.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The writer's number.
    pub writer: u32,
    /// Appends that were acknowledged: those from 0 up to here.
    pub acknowledged: u32,
    /// The offset of the first record of each, where the server says it.
    pub offsets: Vec<u64>,
}

/// What is wrong with a log, counted in appends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged, and not there.
    pub lost: usize,
    /// There, but before one that its writer sent earlier, or not where the server said.
    pub reordered: usize,
    /// There more than once.
    pub duplicated: usize,
    /// There in part, or with others between.
    pub partial: usize,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(self) -> bool {
        self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            reordered: self.reordered + other.reordered,
            duplicated: self.duplicated + other.duplicated,
            partial: self.partial + other.partial,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, reordered, duplicated, partial } = self;
        write!(f, "{lost} lost, {reordered} reordered, {duplicated} duplicated, {partial} partial")
    }
}

/// Judges a log, all of whose records are `log`, from offset 0 on.
pub fn audit(log: &[Mark], ledgers: &[Ledger]) -> Verdict {
    let mut verdict = Verdict::default();
    // Where each append of each writer begins.
    let mut seen: HashMap<(u32, u32), usize> = HashMap::new();
    let mut newest: HashMap<u32, u32> = HashMap::new();
    let mut at = 0;
    while let Some(first) = log.get(at) {
        let rest = log.get(at..).unwrap_or_default();
        let (records, is_whole) = whole_append(rest);
        verdict.partial += usize::from(!is_whole);
        match seen.insert((first.writer, first.append), at) {
            // The second half of one that was torn apart is no second append.
            Some(_) if first.index == 0 => verdict.duplicated += 1,
            Some(_) => {}
            None => {
                let newest = newest.entry(first.writer).or_insert(first.append);
                verdict.reordered += usize::from(first.append < *newest);
                *newest = first.append.max(*newest);
            }
        }
        at += records;
    }
    for ledger in ledgers {
        for append in 0..ledger.acknowledged {
            let promised = usize::try_from(append).ok().and_then(|at| ledger.offsets.get(at));
            match (seen.get(&(ledger.writer, append)), promised) {
                (None, _) => verdict.lost += 1,
                (Some(found), Some(promised)) if *found as u64 != *promised => {
                    verdict.reordered += 1;
                }
                _ => {}
            }
        }
    }
    verdict
}

/// How many records of the first one's append follow each other, and whether that is all of it.
fn whole_append(records: &[Mark]) -> (usize, bool) {
    let Some(first) = records.first() else { return (0, false) };
    let indices = first.index..;
    let own = records.iter().zip(indices).take_while(|(mark, index)| {
        (mark.writer, mark.append, mark.index) == (first.writer, first.append, *index)
    });
    let count = own.count();
    let ends = records.get(count - 1).is_some_and(|mark| mark.is_last());
    (count, ends && first.index == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPENDS: u32 = 20;

    /// Two writers that take turns, and what they were promised.
    fn sound() -> (Vec<Vec<Mark>>, Vec<Ledger>) {
        let mut appends = Vec::new();
        let mut ledgers = [0, 1].map(|writer| Ledger { writer, ..Ledger::default() });
        let mut offset = 0;
        for append in 0..APPENDS {
            for ledger in &mut ledgers {
                let marks: Vec<_> = Mark::of_append(ledger.writer, append).collect();
                ledger.acknowledged = append + 1;
                ledger.offsets.push(offset);
                offset += marks.len() as u64;
                appends.push(marks);
            }
        }
        (appends, ledgers.to_vec())
    }

    /// Damages a sound log and says what is found, apart from offsets.
    fn check(damage: impl FnOnce(&mut Vec<Vec<Mark>>), want: Verdict) {
        let (mut appends, mut ledgers) = sound();
        damage(&mut appends);
        for ledger in &mut ledgers {
            ledger.offsets.clear();
        }
        assert_eq!(audit(&appends.concat(), &ledgers), want);
    }

    /// An append of at least `records` records, not the first and not the last.
    fn larger_than(appends: &[Vec<Mark>], records: usize) -> usize {
        2 + appends[2..APPENDS as usize].iter().position(|append| append.len() > records).unwrap()
    }

    #[test]
    fn a_sound_log_is_clean_also_with_an_append_whose_answer_was_lost() {
        check(|_| {}, Verdict::default());
        check(|appends| appends.push(Mark::of_append(1, APPENDS).collect()), Verdict::default());
        let (appends, ledgers) = sound();
        assert!(audit(&appends.concat(), &ledgers).is_clean());
    }

    #[test]
    fn each_damage_is_found() {
        check(|appends| drop(appends.remove(5)), Verdict { lost: 1, ..Verdict::default() });
        check(|appends| drop(appends.pop()), Verdict { lost: 1, ..Verdict::default() });
        let twice = |appends: &mut Vec<Vec<Mark>>| appends.push(appends[5].clone());
        check(twice, Verdict { duplicated: 1, ..Verdict::default() });
        check(|appends| appends.swap(4, 6), Verdict { reordered: 1, ..Verdict::default() });
        let cut = |appends: &mut Vec<Vec<Mark>>| {
            let place = larger_than(appends, 1);
            appends[place].pop();
        };
        check(cut, Verdict { partial: 1, ..Verdict::default() });
        let torn = |appends: &mut Vec<Vec<Mark>>| {
            let place = larger_than(appends, 1);
            let half = appends[place].split_off(1);
            appends.insert(place + 2, half);
        };
        check(torn, Verdict { partial: 2, ..Verdict::default() });
    }

    #[test]
    fn a_record_that_is_not_where_the_server_said_is_found() {
        let (appends, mut ledgers) = sound();
        ledgers[1].offsets[3] += 1;
        let want = Verdict { reordered: 1, ..Verdict::default() };
        assert_eq!(audit(&appends.concat(), &ledgers), want);
    }
}
