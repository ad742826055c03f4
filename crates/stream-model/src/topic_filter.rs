//! A pattern over topics.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::topic::{Topic, TopicError, check_segment, check_size};

/// Selects topics: `*` alone takes all of them, `*` as a segment takes any one segment, and a
/// final `>` takes one segment or more.
///
/// A filter without a wildcard takes the one topic of that name.
///
/// ```
/// use stream_model::{Topic, TopicFilter};
///
/// let filter: TopicFilter = "orders.*.paid".parse()?;
/// assert!(filter.matches(&Topic::new("orders.eu.paid")?));
/// assert!(!filter.matches(&Topic::new("orders.paid")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicFilter {
    text: Arc<str>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    All,
    Exact,
    Pattern,
}

impl TopicFilter {
    /// Reads `text` as a filter.
    ///
    /// # Errors
    /// Refuses what [`Topic::new`] refuses, a `>` that is not the last segment, and a wildcard
    /// that is only part of a segment.
    pub fn new(text: &str) -> Result<Self, TopicFilterError> {
        check_size(text)?;
        let mut kind = Kind::Exact;
        let mut segments = text.split('.').peekable();
        while let Some(segment) = segments.next() {
            check_segment(segment)?;
            match segment {
                "*" => kind = Kind::Pattern,
                ">" if segments.peek().is_none() => kind = Kind::Pattern,
                ">" => return Err(TopicFilterError::TailInside),
                _ if segment.contains(['*', '>']) => return Err(TopicFilterError::PartialWildcard),
                _ => {}
            }
        }
        if matches!(text, "*" | ">") {
            kind = Kind::All;
        }
        Ok(Self { text: text.into(), kind })
    }

    /// The filter that takes every topic.
    pub fn all() -> Self {
        Self { text: "*".into(), kind: Kind::All }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the filter takes `topic`; time linear in the shorter of the two.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.matches_str(topic.as_str())
    }

    /// As [`matches`](Self::matches), for a name that was not checked.
    pub fn matches_str(&self, topic: &str) -> bool {
        match self.kind {
            Kind::All => true,
            Kind::Exact => &*self.text == topic,
            Kind::Pattern => self.matches_pattern(topic),
        }
    }

    fn matches_pattern(&self, topic: &str) -> bool {
        let mut segments = topic.split('.');
        for wanted in self.text.split('.') {
            match (wanted, segments.next()) {
                (">", found) => return found.is_some(),
                ("*", Some(_)) => {}
                (wanted, Some(found)) if wanted == found => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// Whether every topic is taken.
    pub fn is_all(&self) -> bool {
        self.kind == Kind::All
    }

    /// The one topic that is taken, if there is no wildcard.
    pub fn as_topic(&self) -> Option<Topic> {
        (self.kind == Kind::Exact).then(|| Topic::new(&self.text).ok()).flatten()
    }

    /// Whether every topic that `other` takes is taken by this filter too.
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_all() || self.text == other.text {
            return true;
        }
        if other.is_all() {
            return false;
        }
        let mut theirs = other.text.split('.');
        for ours in self.text.split('.') {
            match (ours, theirs.next()) {
                (">", Some(_)) => return true,
                ("*", Some(segment)) if segment != ">" => {}
                (ours, Some(segment)) if ours == segment => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }

    /// What the names of all topics that are taken begin with; empty if they have nothing in
    /// common.
    pub fn literal_prefix(&self) -> &str {
        match self.kind {
            Kind::All => "",
            Kind::Exact => &self.text,
            Kind::Pattern => {
                let end = self.text.find(['*', '>']).unwrap_or(self.text.len());
                self.text.get(..end).unwrap_or_default()
            }
        }
    }
}

impl From<&Topic> for TopicFilter {
    fn from(topic: &Topic) -> Self {
        Self { text: topic.as_str().into(), kind: Kind::Exact }
    }
}

impl FromStr for TopicFilter {
    type Err = TopicFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicFilter({})", self.text)
    }
}

impl Serialize for TopicFilter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TopicFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicFilterError {
    /// A rule of topics is broken.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// `>` stands before the end.
    #[error("expected `>` as the last segment only")]
    TailInside,
    /// `*` or `>` is part of a segment.
    #[error("expected `*` or `>` as a whole segment")]
    PartialWildcard,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(filter: &str, takes: &[&str], leaves: &[&str]) {
        let filter = TopicFilter::new(filter).unwrap();
        for topic in takes {
            assert!(filter.matches(&Topic::new(topic).unwrap()), "{filter} takes {topic}");
        }
        for topic in leaves {
            assert!(!filter.matches(&Topic::new(topic).unwrap()), "{filter} leaves {topic}");
        }
    }

    #[test]
    fn what_each_form_takes() {
        check("*", &["a", "a.b.c"], &[]);
        check(">", &["a", "a.b.c"], &[]);
        check("a.b", &["a.b"], &["a", "a.b.c", "A.b"]);
        check("a.*", &["a.b"], &["a", "a.b.c", "b.a"]);
        check("a.*.c", &["a.b.c"], &["a.c", "a.b.b.c"]);
        check("a.>", &["a.b", "a.b.c"], &["a", "ab.c"]);
        check("*.>", &["a.b", "a.b.c"], &["a"]);
        check("*.*", &["a.b"], &["a", "a.b.c"]);
    }

    #[test]
    fn what_is_no_filter() {
        use TopicFilterError::{PartialWildcard, TailInside, Topic as Name};
        for (bad, why) in [
            ("", Name(TopicError::EmptySegment)),
            ("a..>", Name(TopicError::EmptySegment)),
            ("a. b", Name(TopicError::Character { character: ' ' })),
            (">.a", TailInside),
            ("a.>.b", TailInside),
            ("a.b*", PartialWildcard),
            ("a>", PartialWildcard),
        ] {
            assert_eq!(TopicFilter::new(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn only_an_exact_filter_names_a_topic() {
        assert_eq!(TopicFilter::new("a.b").unwrap().as_topic(), Topic::new("a.b").ok());
        assert_eq!(TopicFilter::new("a.*").unwrap().as_topic(), None);
        assert!(TopicFilter::new("*").unwrap().is_all());
    }

    #[test]
    fn a_prefix_ends_at_the_first_wildcard() {
        let prefix = |text: &str| TopicFilter::new(text).unwrap().literal_prefix().to_owned();
        let texts = ["*", ">", "a.b", "a.>", "a.b.*.c", "*.a"];
        assert_eq!(texts.map(prefix), ["", "", "a.b", "a.", "a.b.", ""]);
    }

    /// Whether the segments of a filter take those of a topic, by definition.
    fn takes(wanted: &[&str], found: &[&str]) -> bool {
        match (wanted, found) {
            ([">"], [_, ..]) | ([], []) => true,
            (["*", wanted @ ..], [_, found @ ..]) => takes(wanted, found),
            ([first, wanted @ ..], [same, found @ ..]) => first == same && takes(wanted, found),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_filter_takes_what_its_definition_takes(
            filter in "(a|b|ab|\\*)(\\.(a|b|\\*)){0,3}(\\.>)?|>",
            topic in "(a|b|ab)(\\.(a|b)){0,4}",
        ) {
            let (filter, topic) = (TopicFilter::new(&filter).unwrap(), Topic::new(&topic).unwrap());
            let wanted: Vec<&str> = filter.as_str().split('.').collect();
            let found: Vec<&str> = topic.as_str().split('.').collect();
            let want = filter.as_str() == "*" || takes(&wanted, &found);
            prop_assert_eq!(filter.matches(&topic), want);
            prop_assert!(!want || topic.as_str().starts_with(filter.literal_prefix()));
            prop_assert_eq!(filter.to_string().parse(), Ok(filter.clone()));
        }

        #[test]
        fn a_filter_that_covers_another_takes_all_that_it_takes(
            wide in "(a|b|\\*)(\\.(a|\\*)){0,2}(\\.>)?|>",
            narrow in "(a|b|\\*)(\\.(a|\\*)){0,2}(\\.>)?|>",
        ) {
            let filters = [&wide, &narrow].map(|text| TopicFilter::new(text).unwrap());
            // Any filter of these can be told from any other by a topic of these.
            let mut topics = ["a", "b", "c"].map(str::to_owned).to_vec();
            let mut all_taken = true;
            for _ in 0..4 {
                for name in &topics {
                    let topic = Topic::new(name).unwrap();
                    let [wide, narrow] = filters.each_ref().map(|filter| filter.matches(&topic));
                    all_taken &= wide || !narrow;
                }
                let longer = |name: &String| ["a", "b", "c"].map(|end| format!("{name}.{end}"));
                topics = topics.iter().flat_map(longer).collect();
            }
            prop_assert_eq!(filters[0].covers(&filters[1]), all_taken);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Ok(filter) = TopicFilter::new(&text) {
                prop_assert_eq!(filter.as_str(), text);
            }
        }
    }
}
