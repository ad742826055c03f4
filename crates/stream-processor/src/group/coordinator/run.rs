//! A partition that a member owns, and what became of its pipeline.

use std::time::Instant;

use crate::limits::{RESTART_PAUSE, RESTART_PAUSE_MAX};

/// What became of a partition's pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It came to rest, as it was to.
    Drained,
    /// It came to the end of its source.
    Finished,
    /// It failed, and may be started again.
    Failed,
    /// Somebody else has gone on from its last commit.
    Fenced,
}

/// A partition that this member owns.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) generation: u64,
    pub(super) phase: Phase,
    /// Failures in a row.
    failures: u32,
    /// When it was started last.
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Failed, and is started again then.
    Waiting {
        until: Instant,
    },
    Draining,
    /// To be given back.
    Drained,
    Finished,
}

impl Run {
    pub(super) fn new(generation: u64, phase: Phase, now: Instant) -> Self {
        Self { generation, phase, failures: 0, since: now }
    }

    /// Starts it if that is due, and returns whether it was.
    pub(super) fn start(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.phase, Phase::Waiting { until } if until <= now);
        if is_due {
            (self.phase, self.since) = (Phase::Running, now);
        }
        is_due
    }

    /// Whether a pipeline is to be waited for.
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Draining)
    }

    /// Takes what became of its pipeline.
    pub(super) fn end(&mut self, now: Instant, how: Ending) {
        let was_long = now.saturating_duration_since(self.since) > RESTART_PAUSE_MAX;
        self.phase = match (how, self.phase) {
            (Ending::Finished, _) => Phase::Finished,
            (_, Phase::Draining) | (Ending::Drained, _) => Phase::Drained,
            (Ending::Failed | Ending::Fenced, _) => {
                self.failures = if was_long { 1 } else { self.failures.saturating_add(1) };
                let doubled = 2_u32.saturating_pow(self.failures - 1);
                let pause = RESTART_PAUSE.saturating_mul(doubled).min(RESTART_PAUSE_MAX);
                Phase::Waiting { until: now + pause }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_long_run() {
        let mut now = Instant::now();
        let mut run = Run::new(1, Phase::Waiting { until: now }, now);
        let mut pauses = Vec::new();
        for lasts in [0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0].map(Duration::from_secs) {
            assert!(run.start(now) && !run.start(now));
            now += lasts;
            run.end(now, Ending::Failed);
            let Phase::Waiting { until } = run.phase else { panic!("{:?}", run.phase) };
            assert!(!run.start(until.checked_sub(Duration::from_nanos(1)).unwrap()));
            pauses.push((until - now).as_millis());
            now = until;
        }
        let want = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 100, 200];
        assert_eq!(pauses, want);
    }
}
