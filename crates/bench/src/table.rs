//! Tables: how fast each contestant was, and how that compares with the first one.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::time::Duration;

use crate::rounds::{Contestant, fastest};

/// How the time for an amount of work is shown.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    label: &'static str,
    figure: fn(work: f64, seconds: f64) -> f64,
}

impl Unit {
    /// A rate; the work is a number of bytes.
    pub const MEGABYTES_PER_SECOND: Self =
        Self { label: "MB/s", figure: |bytes, seconds| bytes / seconds / 1e6 };
    /// A cost; the work is a number of things.
    pub const MICROSECONDS: Self =
        Self { label: "us each", figure: |things, seconds| seconds / things * 1e6 };
    /// A cost; the work is a number of things.
    pub const NANOSECONDS: Self =
        Self { label: "ns each", figure: |things, seconds| seconds / things * 1e9 };
}

/// One contestant, and how much work one of its runs is.
#[derive(Debug)]
pub struct Line<'a> {
    contestant: Contestant<'a>,
    work: f64,
    target: &'static str,
}

impl<'a> Line<'a> {
    /// A contestant whose `run` does `work`, counted as the table's [`Unit`] says.
    #[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
    pub fn new(name: &'static str, work: usize, run: impl FnMut() + 'a) -> Self {
        Self { contestant: Contestant::new(name, run), work: work as f64, target: "" }
    }

    /// What the line is meant to reach; a number without a unit is the last figure of the line.
    #[must_use]
    pub fn target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }
}

/// A line after it was run.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// What the contestant is called.
    pub name: &'static str,
    /// What one run took.
    pub time: Duration,
    work: f64,
    target: &'static str,
}

impl Measured {
    /// The same work without the `part` of it that another line measured.
    #[must_use]
    pub fn without(self, part: Self, name: &'static str) -> Self {
        Self { name, time: self.time.saturating_sub(part.time), target: "", ..self }
    }

    /// What the line is meant to reach, as [`Line::target`].
    #[must_use]
    pub fn target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    fn seconds_per_work(self) -> f64 {
        self.time.as_secs_f64() / self.work
    }
}

/// Runs all lines in turn, `rounds` times; each gets its fastest.
pub fn measure(rounds: usize, lines: Vec<Line<'_>>) -> Vec<Measured> {
    let facts: Vec<_> =
        lines.iter().map(|line| (line.contestant.name, line.work, line.target)).collect();
    let mut contestants: Vec<_> = lines.into_iter().map(|line| line.contestant).collect();
    let times = fastest(rounds, &mut contestants);
    let measured = facts.into_iter().zip(times);
    measured.map(|((name, work, target), time)| Measured { name, time, work, target }).collect()
}

/// Prints the lines; the second figure of each is how much longer than the first line it takes
/// for the same work.
pub fn print(title: &str, unit: Unit, lines: &[Measured]) {
    let Some(first) = lines.first() else { return };
    println!("\n{title}");
    println!("{:>9} {:>12}  {:<16} who", unit.label, "times first", "target");
    for line in lines {
        let figure = (unit.figure)(line.work, line.time.as_secs_f64());
        let decimals = if figure < 10.0 { 3 } else { 0 };
        let times = line.seconds_per_work() / first.seconds_per_work();
        println!("{figure:>9.decimals$} {times:>12.2}  {:<16} {}", line.target, line.name);
    }
}

/// Measures the lines and prints them.
pub fn compare(title: &str, unit: Unit, rounds: usize, lines: Vec<Line<'_>>) {
    print(title, unit, &measure(rounds, lines));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_a_cost_are_of_the_same_time() {
        assert!(((Unit::MEGABYTES_PER_SECOND.figure)(3e6, 1.5) - 2.0).abs() < 1e-9);
        assert!(((Unit::MICROSECONDS.figure)(3e6, 1.5) - 0.5).abs() < 1e-9);
        assert!(((Unit::NANOSECONDS.figure)(3e6, 1.5) - 500.0).abs() < 1e-9);
    }

    #[test]
    fn what_another_line_measured_is_taken_off() {
        let line = |millis| Measured {
            name: "x",
            time: Duration::from_millis(millis),
            work: 2.0,
            target: "1",
        };
        let net = line(50).without(line(20), "net");
        assert_eq!((net.name, net.time, net.target), ("net", Duration::from_millis(30), ""));
        assert!((net.seconds_per_work() - 0.015).abs() < 1e-9);
        assert_eq!(line(20).without(line(50), "net").time, Duration::ZERO);
    }
}
