//! Adds up what providers say of tokens.

use crate::event::Usage;

/// The usage of a stream out of the usage events in it.
///
/// Within a generation each event is the whole so far, so it takes the place of the one before it;
/// what it does not mention stays. Further generations in one stream are paid for too, so they are
/// added. A start that repeats the id of its generation begins no other one.
#[derive(Debug, Clone, Default)]
pub(super) struct UsageMeter {
    /// The sum of the generations that are over.
    over: Option<Usage>,
    current: Option<Usage>,
    id: Option<String>,
}

impl UsageMeter {
    /// Notes that a generation begins, or says again that it did.
    pub(super) fn begin(&mut self, id: Option<&str>) {
        if id.is_some() && id == self.id.as_deref() {
            return;
        }
        self.over = self.total();
        self.current = None;
        self.id = id.map(str::to_owned);
    }

    /// Notes the id of a generation that began without one.
    pub(super) fn identify(&mut self, id: Option<&str>) {
        if self.id.is_none() {
            self.id = id.map(str::to_owned);
        }
    }

    /// Takes what the provider has counted so far.
    pub(super) fn record(&mut self, usage: &Usage) {
        self.current = Some(combine(self.current.as_ref(), usage, Option::or));
    }

    /// What all generations have cost; the provider's own objects are left out.
    pub(super) fn total(&self) -> Option<Usage> {
        match (&self.over, &self.current) {
            (over, Some(current)) => Some(combine(over.as_ref(), current, add)),
            (over, None) => over.clone(),
        }
    }
}

/// Makes one usage of two, number by number; `join` gets the later one first.
fn combine(
    earlier: Option<&Usage>,
    later: &Usage,
    join: fn(Option<u64>, Option<u64>) -> Option<u64>,
) -> Usage {
    let nothing = Usage::default();
    let earlier = earlier.unwrap_or(&nothing);
    Usage {
        input_tokens: join(later.input_tokens, earlier.input_tokens),
        output_tokens: join(later.output_tokens, earlier.output_tokens),
        total_tokens: join(later.total_tokens, earlier.total_tokens),
        cache_read_tokens: join(later.cache_read_tokens, earlier.cache_read_tokens),
        cache_write_tokens: join(later.cache_write_tokens, earlier.cache_write_tokens),
        reasoning_tokens: join(later.reasoning_tokens, earlier.reasoning_tokens),
        raw: None,
    }
}

fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: Option<u64>, output: Option<u64>) -> Usage {
        Usage { input_tokens: input, output_tokens: output, ..Usage::default() }
    }

    #[test]
    fn later_counts_replace_and_gaps_do_not() {
        let mut meter = UsageMeter::default();
        assert_eq!(meter.total(), None);
        meter.record(&usage(Some(10), Some(1)));
        meter.record(&usage(Some(12), Some(9)));
        meter.record(&usage(None, None));
        assert_eq!(meter.total(), Some(usage(Some(12), Some(9))));
    }

    #[test]
    fn generations_are_added() {
        let mut meter = UsageMeter::default();
        meter.begin(Some("a"));
        meter.record(&usage(Some(10), Some(5)));
        meter.begin(Some("b"));
        meter.record(&usage(Some(20), None));
        assert_eq!(meter.total(), Some(usage(Some(30), Some(5))));
    }

    #[test]
    fn a_repeated_start_begins_nothing() {
        let mut meter = UsageMeter::default();
        meter.begin(None);
        meter.identify(Some("a"));
        meter.record(&usage(Some(10), Some(5)));
        meter.begin(Some("a"));
        meter.record(&usage(Some(10), Some(6)));
        assert_eq!(meter.total(), Some(usage(Some(10), Some(6))));
    }
}
