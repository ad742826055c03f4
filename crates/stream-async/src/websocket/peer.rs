//! Whether the other side of a connection is alive.

use std::time::{Duration, Instant};

/// Decides when a peer is asked for a sign of life, and when it is dead.
///
/// A pure machine: it owns no clock and sets no timer.
/// Tell it what happens, then ask what is to be done, and when it wants to be asked again.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_async::{Peer, PeerOutput};
///
/// let start = Instant::now();
/// let second = Duration::from_secs(1);
/// let mut peer = Peer::new(30 * second, 10 * second, start);
/// peer.handle_timeout(start + 30 * second);
/// assert_eq!(peer.poll_output(), Some(PeerOutput::Ping));
/// peer.handle_timeout(start + 40 * second);
/// assert_eq!(peer.poll_output(), Some(PeerOutput::Dead));
/// ```
#[derive(Debug)]
pub struct Peer {
    ping_interval: Duration,
    timeout: Duration,
    /// When it is asked, or must have answered.
    deadline: Option<Instant>,
    asked: bool,
    /// When what is being written must be.
    write_deadline: Option<Instant>,
    output: Option<PeerOutput>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerOutput {
    /// Send a ping.
    Ping,
    /// End the connection: the peer neither answers, nor takes what is written.
    Dead,
}

impl Peer {
    /// A peer that is alive at `now`, is asked after each silence of `ping_interval`, and has
    /// `timeout` to answer, and to take what is written.
    pub fn new(ping_interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self {
            ping_interval,
            timeout,
            deadline: now.checked_add(ping_interval),
            asked: false,
            write_deadline: None,
            output: None,
        }
    }

    /// Something came from the peer.
    pub fn handle_received(&mut self, now: Instant) {
        self.asked = false;
        self.deadline = now.checked_add(self.ping_interval);
    }

    /// The peer does not take what is written; the first time counts.
    pub fn handle_blocked(&mut self, now: Instant) {
        if self.write_deadline.is_none() {
            self.write_deadline = now.checked_add(self.timeout);
        }
    }

    /// The peer took something.
    pub fn handle_written(&mut self) {
        self.write_deadline = None;
    }

    /// Time has passed; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.write_deadline) || (self.asked && is_over(self.deadline)) {
            (self.deadline, self.write_deadline) = (None, None);
            self.output = Some(PeerOutput::Dead);
        } else if is_over(self.deadline) {
            self.asked = true;
            self.deadline = now.checked_add(self.timeout);
            self.output = Some(PeerOutput::Ping);
        }
    }

    /// What is to be done, once.
    pub fn poll_output(&mut self) -> Option<PeerOutput> {
        self.output.take()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, if at all.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.deadline, self.write_deadline].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn t0() -> Instant {
        Instant::now()
    }

    fn peer(now: Instant) -> Peer {
        Peer::new(30 * SECOND, 10 * SECOND, now)
    }

    #[track_caller]
    fn check(peer: &mut Peer, at: Instant, want: Option<PeerOutput>) {
        peer.handle_timeout(at);
        assert_eq!(peer.poll_output(), want);
        assert_eq!(peer.poll_output(), None, "each output comes once");
    }

    #[test]
    fn one_that_answers_lives_on() {
        let start = t0();
        let mut peer = peer(start);
        check(&mut peer, start + 29 * SECOND, None);
        check(&mut peer, start + 30 * SECOND, Some(PeerOutput::Ping));
        peer.handle_received(start + 39 * SECOND);
        check(&mut peer, start + 40 * SECOND, None);
        assert_eq!(peer.poll_timeout(), Some(start + 69 * SECOND));
    }

    #[test]
    fn one_that_is_silent_is_dead() {
        let start = t0();
        let mut peer = peer(start);
        check(&mut peer, start + 30 * SECOND, Some(PeerOutput::Ping));
        check(&mut peer, start + 39 * SECOND, None);
        check(&mut peer, start + 40 * SECOND, Some(PeerOutput::Dead));
        assert_eq!(peer.poll_timeout(), None);
    }

    #[test]
    fn one_that_takes_nothing_is_dead_though_it_talks() {
        let start = t0();
        let mut peer = peer(start);
        peer.handle_blocked(start);
        peer.handle_blocked(start + 5 * SECOND);
        peer.handle_received(start + 9 * SECOND);
        assert_eq!(peer.poll_timeout(), Some(start + 10 * SECOND));
        check(&mut peer, start + 10 * SECOND, Some(PeerOutput::Dead));
    }

    #[test]
    fn one_that_takes_something_in_time_is_not() {
        let start = t0();
        let mut peer = peer(start);
        peer.handle_blocked(start);
        peer.handle_written();
        check(&mut peer, start + 10 * SECOND, None);
        peer.handle_blocked(start + 12 * SECOND);
        assert_eq!(peer.poll_timeout(), Some(start + 22 * SECOND));
    }
}
