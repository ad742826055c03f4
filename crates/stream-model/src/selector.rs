//! Which topics a subscription is about.

use std::fmt;
use std::sync::Arc;

use crate::{Event, Topic, TopicFilter};

/// Selects events by their topic: all of them, one name, or a pattern.
///
/// Text is a name and never a pattern, except `*` alone, which means all: whoever wants a pattern
/// says so with a [`TopicFilter`].
/// The name need not be a valid topic, as a topic in an event's metadata need not be.
///
/// ```
/// use stream_model::{Event, Selector, TopicFilter};
///
/// let paid = Event::builder().meta("topic", "orders.eu.paid").build();
/// assert!(Selector::from("*").takes(&paid));
/// assert!(!Selector::from("orders.>").takes(&paid));
/// assert!(Selector::from("orders.>".parse::<TopicFilter>()?).takes(&paid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Every event, also one without a topic.
    #[default]
    All,
    /// The events whose topic is this very text.
    Name(Arc<str>),
    /// The events whose topic the filter takes.
    Filter(TopicFilter),
}

impl Selector {
    /// The text: `*`, the name, or the filter's.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Name(name) => name,
            Self::Filter(filter) => filter.as_str(),
        }
    }

    /// Whether `event` is selected; one without a topic is taken only by [`All`](Self::All).
    pub fn takes(&self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => event.topic() == Some(name),
            Self::Filter(filter) => event.topic().is_some_and(|topic| filter.matches_str(topic)),
        }
    }
}

impl From<&str> for Selector {
    fn from(text: &str) -> Self {
        if text == "*" { Self::All } else { Self::Name(text.into()) }
    }
}

impl From<String> for Selector {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Topic> for Selector {
    fn from(topic: &Topic) -> Self {
        Self::Name(topic.as_str().into())
    }
}

impl From<Topic> for Selector {
    fn from(topic: Topic) -> Self {
        Self::from(&topic)
    }
}

/// A filter without a wildcard becomes a name, and one that takes every topic becomes all.
impl From<TopicFilter> for Selector {
    fn from(filter: TopicFilter) -> Self {
        if filter.is_all() {
            return Self::All;
        }
        match filter.as_topic() {
            Some(topic) => Self::from(topic),
            None => Self::Filter(filter),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: impl Into<Selector>, topic: Option<&str>, want: bool) {
        let builder = Event::builder();
        let event = match topic {
            Some(topic) => builder.meta("topic", topic).build(),
            None => builder.build(),
        };
        assert_eq!(selector.into().takes(&event), want);
    }

    #[test]
    fn text_is_a_name_and_a_star_is_all() {
        check("*", None, true);
        check("*", Some("a"), true);
        check("a", Some("a"), true);
        check("a", Some("a.b"), false);
        check("a", None, false);
        check("a.*", Some("a.b"), false);
        check("", Some(""), true);
        check("", None, false);
    }

    #[test]
    fn patterns_come_as_filters() {
        let filter = |text| TopicFilter::new(text).unwrap();
        check(filter("a.*"), Some("a.b"), true);
        check(filter("a.*"), None, false);
        check(filter("a.*"), Some(""), false);
        assert_eq!(Selector::from(filter("a.b")), Selector::from("a.b"));
        assert_eq!(Selector::from(filter(">")), Selector::All);
    }
}
