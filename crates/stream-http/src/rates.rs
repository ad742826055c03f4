//! How many events a second come to each topic, over about the last ten seconds.
//!
//! Counts lie in two windows: the present one, and the one before it, of which as much counts as
//! is not yet ten seconds old.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stream_log::LogName;

use crate::limits::{RATE_WINDOW, RATES_COUNTED};

/// The rates of the topics that events came to lately.
#[derive(Debug)]
pub(crate) struct Rates {
    begun: Instant,
    topics: Mutex<HashMap<LogName, Rate>>,
}

/// The events of one topic in the window of this number, and in the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Rate {
    window: u64,
    events: u64,
    before: u64,
}

impl Rates {
    pub(crate) fn new(begun: Instant) -> Self {
        Self { begun, topics: Mutex::default() }
    }

    /// Counts events that came to a topic; beyond [`RATES_COUNTED`] topics, those of new ones are
    /// not.
    pub(crate) fn note(&self, name: &LogName, events: usize, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        let mut topics = self.topics.lock();
        if let Some(rate) = topics.get_mut(name) {
            rate.note(events, since);
        } else if topics.len() < RATES_COUNTED {
            topics.entry(name.clone()).or_default().note(events, since);
        }
    }

    /// Events a second.
    pub(crate) fn of(&self, name: &LogName, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.begun);
        self.topics.lock().get(name).map_or(0.0, |rate| rate.per_second(since))
    }

    /// Forgets topics that nothing comes to any more.
    pub(crate) fn clean(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun);
        self.topics.lock().retain(|_, rate| rate.per_second(since) > 0.0);
    }
}

impl Rate {
    fn note(&mut self, events: usize, since: Duration) {
        *self = self.at(since);
        self.events = self.events.saturating_add(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// The same counts as they stand then.
    fn at(self, since: Duration) -> Self {
        let window = since.as_secs() / RATE_WINDOW.as_secs();
        match window.saturating_sub(self.window) {
            0 => self,
            1 => Self { window, events: 0, before: self.events },
            _ => Self { window, events: 0, before: 0 },
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate has three digits")]
    fn per_second(self, since: Duration) -> f64 {
        let Self { window, events, before } = self.at(since);
        let into = since.as_secs_f64() - (window * RATE_WINDOW.as_secs()) as f64;
        let left = (1.0 - into / RATE_WINDOW.as_secs_f64()).clamp(0.0, 1.0);
        (events as f64 + before as f64 * left) / RATE_WINDOW.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use stream_log::Namespace;

    use super::*;

    fn name(text: &str) -> LogName {
        LogName::new(Namespace::Topic, text).unwrap()
    }

    #[track_caller]
    fn check(rates: &Rates, topic: &str, at: Instant, want: f64) {
        let found = rates.of(&name(topic), at);
        assert!((found - want).abs() < 1e-9, "{found}, not {want}");
    }

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let rates = Rates::new(begun);
        check(&rates, "a", at(0), 0.0);
        for second in 0..20 {
            rates.note(&name("a"), 5, at(second));
        }
        check(&rates, "a", at(20), 5.0);
        check(&rates, "a", at(25), 2.5);
        check(&rates, "a", at(30), 0.0);
        check(&rates, "b", at(20), 0.0);
        // A clock that was read a moment earlier by another thread harms nothing.
        rates.note(&name("a"), 5, at(19));
        rates.clean(at(60));
        assert_eq!(rates.topics.lock().len(), 0);
    }

    #[test]
    fn the_number_of_topics_has_a_bound() {
        let begun = Instant::now();
        let rates = Rates::new(begun);
        for number in 0..=RATES_COUNTED {
            rates.note(&name(&number.to_string()), 1, begun);
        }
        assert_eq!(rates.topics.lock().len(), RATES_COUNTED);
        rates.note(&name("0"), 1, begun);
        check(&rates, "0", begun, 0.2);
    }
}
