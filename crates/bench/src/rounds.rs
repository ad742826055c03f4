//! Contestants take turns, round after round, so that a machine whose speed drifts slows all of
//! them alike; the fastest round of each is reported, because whatever else a machine does can only
//! add to the time of work that needs nothing but a processor.

use std::time::{Duration, Instant};

/// One way to do the work.
pub struct Contestant<'a> {
    /// What it is called in the table.
    pub name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contestant<'a> {
    /// A contestant whose work is `run`, once.
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

impl std::fmt::Debug for Contestant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Contestant").field(&self.name).finish()
    }
}

/// For how long rounds go on at least: neighbours of a virtual machine slow it for a second or two.
const AT_LEAST: Duration = Duration::from_secs(4);

/// The shortest time of each contestant in at least `rounds` rounds, after one that does not count.
pub fn fastest(rounds: usize, contestants: &mut [Contestant<'_>]) -> Vec<Duration> {
    let mut shortest = vec![Duration::MAX; contestants.len()];
    let begin = Instant::now();
    let mut round = 0;
    while round <= rounds || begin.elapsed() < AT_LEAST {
        for (contestant, shortest) in contestants.iter_mut().zip(&mut shortest) {
            let start = Instant::now();
            (contestant.run)();
            if round > 0 {
                *shortest = start.elapsed().min(*shortest);
            }
        }
        round += 1;
    }
    shortest
}

/// `part` per `whole` as a plain number.
pub fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64()
}
