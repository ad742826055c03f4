//! Which topics one subscription takes, and which of their events.

use stream_model::{ErrorClass, Event, Topic, TopicFilter, TopicFilterError};

use crate::Problem;
use crate::filter::{EventFilter, FilterError};
use crate::limits::SELECTORS_MAX;

/// What one subscription takes: topics and patterns, and a filter over their events.
#[derive(Debug, Clone, PartialEq)]
pub struct Interest {
    selectors: Vec<TopicFilter>,
    filter: EventFilter,
}

impl Interest {
    /// Reads topics and patterns, and the conditions that every event must meet.
    ///
    /// # Errors
    /// [`InterestError`] if there is no selector, there are more than [`SELECTORS_MAX`], or one of
    /// them or a condition is malformed.
    pub fn parse<S: AsRef<str>, C: AsRef<str>>(
        selectors: impl IntoIterator<Item = S>,
        conditions: impl IntoIterator<Item = C>,
    ) -> Result<Self, InterestError> {
        let parsed = selectors.into_iter().map(|selector| parse_selector(selector.as_ref()));
        let selectors = parsed.take(SELECTORS_MAX + 1).collect::<Result<Vec<_>, _>>()?;
        match selectors.len() {
            0 => return Err(InterestError::Empty),
            count if count > SELECTORS_MAX => return Err(InterestError::TooMany),
            _ => {}
        }
        Ok(Self { selectors, filter: EventFilter::parse(conditions)? })
    }

    /// The one topic that is taken, if there is no other and no pattern.
    pub fn single(&self) -> Option<Topic> {
        match self.selectors.as_slice() {
            [only] => only.as_topic(),
            _ => None,
        }
    }

    /// The topics and patterns, as they were given.
    pub fn selectors(&self) -> &[TopicFilter] {
        &self.selectors
    }

    /// The topics that are named in full, each once.
    ///
    /// `None` if there are patterns, for which all topics must be looked at.
    pub fn topics(&self) -> Option<Vec<Topic>> {
        let mut topics: Vec<_> =
            self.selectors.iter().map(TopicFilter::as_topic).collect::<Option<_>>()?;
        topics.sort_unstable();
        topics.dedup();
        Some(topics)
    }

    /// Whether events of `topic` are taken at all.
    ///
    /// Topics of the server's own are taken only by selectors that begin with `$` themselves.
    pub fn takes_topic(&self, topic: &Topic) -> bool {
        let may_take =
            |filter: &TopicFilter| !topic.is_reserved() || filter.as_str().starts_with('$');
        self.selectors.iter().any(|filter| may_take(filter) && filter.matches(topic))
    }

    /// Whether `event`, of a topic that is taken, is taken.
    pub fn takes_event(&self, event: &Event) -> bool {
        self.filter.takes(event)
    }

    /// Whether every event of its topics is taken.
    pub fn is_unfiltered(&self) -> bool {
        self.filter.takes_all()
    }
}

fn parse_selector(text: &str) -> Result<TopicFilter, InterestError> {
    TopicFilter::new(text)
        .map_err(|source| InterestError::Selector { found: text.to_owned(), source })
}

/// Why a subscription cannot be understood.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InterestError {
    /// No topic and no pattern.
    #[error("expected at least one topic or pattern")]
    Empty,
    /// More selectors than one subscription may have.
    #[error("expected at most {SELECTORS_MAX} topics and patterns")]
    TooMany,
    /// One of them is neither a topic nor a pattern.
    #[error("expected a topic or a pattern, found {found:?}: {source}")]
    Selector {
        /// What it was.
        found: String,
        /// The rule that it breaks.
        source: TopicFilterError,
    },
    /// A condition is malformed.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl From<InterestError> for Problem {
    fn from(error: InterestError) -> Self {
        let (class, name, title) = match &error {
            InterestError::Empty => {
                (ErrorClass::Invalid, "topic-missing", "The request names no topic")
            }
            InterestError::TooMany => {
                (ErrorClass::TooLarge, "too-many-topics", "The request names too many topics")
            }
            InterestError::Selector { .. } => {
                (ErrorClass::Invalid, "topic-invalid", "The name is neither topic nor pattern")
            }
            InterestError::Filter(_) => {
                (ErrorClass::Invalid, "filter-invalid", "The filter is no condition")
            }
        };
        Self::new(class, name, title).detail(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(selectors: &[&str]) -> Interest {
        Interest::parse(selectors, [""; 0]).unwrap()
    }

    #[track_caller]
    fn check(selectors: &[&str], topic: &str, want: bool) {
        assert_eq!(interest(selectors).takes_topic(&Topic::new(topic).unwrap()), want);
    }

    #[test]
    fn any_selector_may_take_a_topic() {
        check(&["a", "b.>"], "a", true);
        check(&["a", "b.>"], "b.c.d", true);
        check(&["a", "b.>"], "b", false);
        check(&["*"], "x.y", true);
    }

    #[test]
    fn topics_of_the_server_are_taken_only_by_name() {
        check(&["*"], "$sys.stats", false);
        check(&[">"], "$sys.stats", false);
        check(&["*.stats"], "$sys.stats", false);
        check(&["$sys.*"], "$sys.stats", true);
    }

    #[test]
    fn full_names_need_no_look_at_all_topics() {
        let names = |selectors: &[&str]| {
            let topics = interest(selectors).topics()?;
            Some(topics.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names(&["b", "a", "b"]), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(names(&["b", "a.*"]), None);
        assert_eq!(interest(&["b"]).single(), Some(Topic::new("b").unwrap()));
        assert_eq!(interest(&["b", "b"]).single(), None);
        assert_eq!(interest(&["b.*"]).single(), None);
    }

    #[test]
    fn what_cannot_be_taken_is_refused() {
        let parse = |selectors: &[&str]| Interest::parse(selectors, [""; 0]);
        assert_eq!(parse(&[]), Err(InterestError::Empty));
        assert_eq!(parse(&["t"; SELECTORS_MAX + 1]), Err(InterestError::TooMany));
        assert!(parse(&["t"; SELECTORS_MAX]).is_ok());
        assert!(matches!(parse(&["a..b"]), Err(InterestError::Selector { .. })));
        assert!(matches!(Interest::parse(["a"], ["?"]), Err(InterestError::Filter(_))));
    }
}
