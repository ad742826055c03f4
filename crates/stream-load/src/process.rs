//! What a process and its children use, as Linux tells it.

use std::fs;
use std::time::Duration;

/// A process and those that it started and that still run.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

/// What it has used so far, and uses now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on the processor, all threads together.
    pub cpu: Duration,
    /// Bytes of memory that are its own, and resident.
    pub memory_bytes: u64,
}

impl Process {
    /// The process with this number.
    pub const fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// What it uses.
    ///
    /// # Errors
    /// [`ProcessError`] if there is no such process, or the system tells it otherwise.
    pub fn usage(self) -> Result<Usage, ProcessError> {
        let mut sum = Usage::default();
        let mut open = vec![self.0];
        while let Some(pid) = open.pop() {
            let stat =
                fs::read_to_string(format!("/proc/{pid}/stat")).map_err(ProcessError::Read)?;
            let one = parse(&stat).ok_or(ProcessError::Form)?;
            sum.cpu = sum.cpu.saturating_add(one.cpu);
            sum.memory_bytes = sum.memory_bytes.saturating_add(one.memory_bytes);
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        Ok(sum)
    }
}

/// Reads a line of `/proc/PID/stat`.
fn parse(stat: &str) -> Option<Usage> {
    // The name may hold anything, but ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let ticks = number(11)?.checked_add(number(12)?)?;
    let nanos = ticks.checked_mul(1_000_000_000)?;
    let cpu = Duration::from_nanos(nanos.checked_div(rustix::param::clock_ticks_per_second())?);
    let page_bytes = u64::try_from(rustix::param::page_size()).ok()?;
    Some(Usage { cpu, memory_bytes: number(21)?.checked_mul(page_bytes)? })
}

/// Why it is not known what a process uses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is none, or the system has no such file.
    #[error("cannot read what the process uses")]
    Read(#[source] std::io::Error),
    /// The system tells it in another form.
    #[error("expected the times and the memory of a process in its stat file")]
    Form,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let usage = Process::new(std::process::id()).usage().unwrap();
        assert!(usage.memory_bytes > 100_000, "{usage:?}");
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 1 2 3 4 250 50 0 0 20 0 4 0 99 1000 25 18446744";
        let usage = parse(stat).unwrap();
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(usage.cpu, Duration::from_nanos(300 * 1_000_000_000 / ticks));
        assert_eq!(usage.memory_bytes, 25 * rustix::param::page_size() as u64);
        assert_eq!(parse("7 (a) S 1"), None);
    }
}
