//! Patterns over stream paths (6.2): `*` is one segment, `**` any number of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::StreamPath;
use super::super::limits::SUBSCRIPTION_TEXT_BYTES_MAX;

/// A pattern of stream paths.
///
/// `*` alone in a segment matches any one segment, `**` zero or more; anything else is itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(String);

impl Glob {
    /// Takes `text` as a pattern; a leading slash means nothing.
    ///
    /// # Errors
    /// [`GlobError`] if it is empty, has an empty segment, or is longer than
    /// [`SUBSCRIPTION_TEXT_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let fits = text.len() <= SUBSCRIPTION_TEXT_BYTES_MAX;
        if !fits || text.split('/').any(str::is_empty) || text.chars().any(char::is_control) {
            return Err(GlobError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it takes the stream at `path`.
    pub fn matches(&self, path: &StreamPath) -> bool {
        let pattern: Vec<_> = self.0.split('/').collect();
        let path: Vec<_> = path.as_str().split('/').collect();
        matches(&pattern, &path)
    }
}

/// Goes back to the last `**` only, for one before it could do no better: time is at most the
/// product of the lengths.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    let (mut at, mut taken) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    while let Some(segment) = path.get(taken) {
        match pattern.get(at) {
            Some(&"**") => {
                last = Some((at, taken));
                at += 1;
            }
            Some(wanted) if *wanted == "*" || wanted == segment => {
                at += 1;
                taken += 1;
            }
            _ => match last {
                Some((star, from)) => {
                    last = Some((star, from + 1));
                    (at, taken) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == "**")
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.0)
    }
}

impl TryFrom<String> for Glob {
    type Error = GlobError;

    fn try_from(text: String) -> Result<Self, GlobError> {
        Self::parse(&text)
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.0
    }
}

/// The text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a pattern such as events/* or events/**, without empty segments")]
pub struct GlobError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, want: bool) {
        let path = StreamPath::new(path).unwrap();
        assert_eq!(Glob::parse(pattern).unwrap().matches(&path), want, "{pattern} {path}");
    }

    #[test]
    fn one_star_is_one_segment_and_two_are_any_number() {
        check("events/*", "events/a", true);
        check("/events/*", "events/a", true);
        check("events/*", "events/a/b", false);
        check("events/*", "events", false);
        check("events/**", "events", true);
        check("events/**", "events/a/b", true);
        check("**/a", "a", true);
        check("**/a", "x/y/a", true);
        check("**/a/**/b", "x/a/y/a/z/b", true);
        check("**/a/**/b", "x/a/y/a/z/c", false);
        check("*", "events", true);
        check("ev*", "events", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "/", "a//b", "a/", "a\n", &"x".repeat(SUBSCRIPTION_TEXT_BYTES_MAX + 1)] {
            assert_eq!(Glob::parse(bad), Err(GlobError), "{bad:?}");
        }
    }

    /// The definition, as slow as it may be.
    fn slow(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => {
                slow(rest, path) || path.split_first().is_some_and(|(_, path)| slow(pattern, path))
            }
            (Some((wanted, pattern)), Some((segment, path))) => {
                (*wanted == "*" || wanted == segment) && slow(pattern, path)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_defined(
            pattern in proptest::collection::vec("(a|b|\\*|\\*\\*)", 1..7),
            path in proptest::collection::vec("(a|b)", 1..7),
        ) {
            let pattern: Vec<_> = pattern.iter().map(String::as_str).collect();
            let path: Vec<_> = path.iter().map(String::as_str).collect();
            prop_assert_eq!(matches(&pattern, &path), slow(&pattern, &path));
        }
    }
}
