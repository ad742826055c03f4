//! Who has been silent for how long, by the clock of whoever listens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::group::roster::{MemberId, Roster};
use crate::limits::SIGNS_PER_SESSION;

/// What a member has heard of the others, and when.
#[derive(Debug)]
pub(super) struct Silence {
    /// How often the clock is looked at follows from this.
    session: Duration,
    heard: HashMap<MemberId, Heard>,
    called_at: Instant,
}

/// The last sign of life of a member, and when it was read.
#[derive(Debug, Clone, Copy)]
struct Heard {
    signs: u64,
    at: Instant,
}

impl Silence {
    pub(super) fn new(session: Duration, now: Instant) -> Self {
        Self { session, heard: HashMap::new(), called_at: now }
    }

    /// Notes that the clock was looked at; nobody can be blamed for silence while it should have
    /// been and was not.
    pub(super) fn wake(&mut self, now: Instant) {
        if now.saturating_duration_since(self.called_at) > self.session / 2 {
            self.forgive(now);
        }
        self.called_at = now;
    }

    /// When the clock is to be looked at again.
    pub(super) fn look_at(&self) -> Instant {
        self.called_at + self.session / SIGNS_PER_SESSION
    }

    /// Gives every member its whole session again.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.heard.values_mut().for_each(|heard| heard.at = now);
    }

    /// Notes who has given a sign of life since the last time.
    pub(super) fn listen(&mut self, roster: &Roster, now: Instant) {
        let before = std::mem::take(&mut self.heard);
        let listen = |(id, signs): (&MemberId, u64)| {
            let known = before.get(id).copied().filter(|heard| heard.signs == signs);
            (id.clone(), known.unwrap_or(Heard { signs, at: now }))
        };
        self.heard = roster.members.iter().map(|entry| listen((&entry.id, entry.signs))).collect();
    }

    /// The members but `me`, each with the signs that it has given and when it counts as dead.
    pub(super) fn deaths<'a>(
        &'a self,
        roster: &'a Roster,
        me: &'a MemberId,
    ) -> impl Iterator<Item = (&'a MemberId, u64, Instant)> {
        roster.members.iter().filter(move |entry| entry.id != *me).filter_map(|entry| {
            let Heard { signs, at } = *self.heard.get(&entry.id)?;
            Some((&entry.id, signs, at + Duration::from_millis(entry.session_ms)))
        })
    }
}
