//! What happens to events before a stream is started, and after it is stopped.

use std::collections::VecDeque;

/// Holds items back until it is opened, in order, and refuses them once it is closed.
///
/// A pure machine.
/// What was held is taken out by one at a time, who has the turn; meanwhile new items queue up
/// behind, so that none overtakes another.
#[derive(Debug)]
pub(super) struct Gate<T> {
    held: VecDeque<T>,
    limit: usize,
    /// Items that were held so far, taken out or not.
    accepted: u64,
    state: State,
    /// Whether somebody has the turn.
    taking: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Shut,
    /// What was held goes out; then items pass.
    Opening,
    Open,
    /// What was held goes out; then nothing more.
    Closing,
    Closed,
}

/// What became of an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offered<T> {
    /// It is held, and so many were before it.
    Held(u64),
    /// There is no room to hold it.
    Full(T),
    /// The gate is open: it is for the caller to deliver.
    Pass(T),
    /// The gate is closed.
    Closed(T),
}

/// What whoever has the turn does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn<T> {
    /// Delivers these.
    Deliver(Vec<T>),
    /// Nothing: the gate is open.
    Opened,
    /// Ends the stream.
    Closed,
}

impl<T> Gate<T> {
    /// A gate that is shut and holds at most `limit` items.
    pub(super) fn new(limit: usize) -> Self {
        let held = VecDeque::new();
        Self { held, limit, accepted: 0, state: State::Shut, taking: false }
    }

    /// Brings an item.
    pub(super) fn offer(&mut self, item: T) -> Offered<T> {
        match self.state {
            State::Open => Offered::Pass(item),
            State::Closing | State::Closed => Offered::Closed(item),
            State::Shut | State::Opening if self.held.len() >= self.limit => Offered::Full(item),
            State::Shut | State::Opening => {
                self.held.push_back(item);
                self.accepted += 1;
                Offered::Held(self.accepted - 1)
            }
        }
    }

    /// Opens the gate; `false` if it is not shut.
    pub(super) fn open(&mut self) -> bool {
        let was_shut = self.state == State::Shut;
        if was_shut {
            self.state = State::Opening;
        }
        was_shut
    }

    /// Closes the gate, behind what it holds; `false` if it is closed.
    pub(super) fn close(&mut self) -> bool {
        let was_open = !matches!(self.state, State::Closing | State::Closed);
        if was_open {
            self.state = State::Closing;
        }
        was_open
    }

    /// Takes the turn; `false` if somebody has it, who then does all there is to do.
    pub(super) fn take_turn(&mut self) -> bool {
        !std::mem::replace(&mut self.taking, true)
    }

    /// What is to be done next; anything but delivering gives the turn back.
    pub(super) fn next(&mut self) -> Turn<T> {
        if !self.held.is_empty() && self.state != State::Shut {
            return Turn::Deliver(self.held.drain(..).collect());
        }
        self.taking = false;
        match self.state {
            State::Closing | State::Closed => {
                self.state = State::Closed;
                Turn::Closed
            }
            State::Opening => {
                self.state = State::Open;
                Turn::Opened
            }
            State::Shut | State::Open => Turn::Opened,
        }
    }

    /// How many items it holds.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether items pass.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether everything that it held has gone out, and nothing comes any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the turn and does what is to be done; all that went out.
    fn run(gate: &mut Gate<u8>) -> (Vec<u8>, Turn<u8>) {
        assert!(gate.take_turn());
        let mut out = Vec::new();
        loop {
            match gate.next() {
                Turn::Deliver(items) => out.extend(items),
                end => return (out, end),
            }
        }
    }

    #[test]
    fn it_holds_as_many_as_it_may_and_lets_them_out_in_order() {
        let mut gate = Gate::new(2);
        assert_eq!(gate.offer(1), Offered::Held(0));
        assert_eq!(gate.offer(2), Offered::Held(1));
        assert_eq!(gate.offer(3), Offered::Full(3));
        assert_eq!(gate.held(), 2);
        assert!(gate.open());
        assert!(!gate.open());
        assert_eq!(run(&mut gate), (vec![1, 2], Turn::Opened));
        assert_eq!(gate.offer(3), Offered::Pass(3));
    }

    #[test]
    fn what_comes_while_it_opens_queues_up_behind() {
        let mut gate = Gate::new(2);
        gate.offer(1);
        gate.open();
        assert!(gate.take_turn());
        assert_eq!(gate.next(), Turn::Deliver(vec![1]));
        assert_eq!(gate.offer(2), Offered::Held(1));
        assert!(!gate.take_turn(), "there is one turn");
        assert_eq!(gate.next(), Turn::Deliver(vec![2]));
        assert_eq!(gate.next(), Turn::Opened);
        assert!(gate.is_open());
    }

    #[test]
    fn closing_lets_out_what_it_holds_and_takes_nothing_more() {
        let mut gate = Gate::new(2);
        gate.offer(1);
        assert!(gate.close());
        assert!(!gate.close());
        assert_eq!(gate.offer(2), Offered::Closed(2));
        assert!(!gate.open());
        assert_eq!(run(&mut gate), (vec![1], Turn::Closed));
        assert!(gate.is_closed());
    }

    #[test]
    fn one_that_closes_while_it_opens_ends_with_the_turn() {
        let mut gate = Gate::new(2);
        gate.offer(1);
        gate.open();
        assert!(gate.take_turn());
        assert_eq!(gate.next(), Turn::Deliver(vec![1]));
        gate.close();
        assert!(!gate.is_closed());
        assert_eq!(gate.next(), Turn::Closed);
    }

    #[test]
    fn a_shut_gate_gives_nothing_out() {
        let mut gate = Gate::new(2);
        gate.offer(1);
        assert_eq!(run(&mut gate), (vec![], Turn::Opened));
        assert_eq!(gate.held(), 1);
    }
}
