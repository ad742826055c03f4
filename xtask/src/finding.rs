//! What a check found: where, and what is wrong there.

use std::fmt;

use anyhow::{Result, bail};

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A file, from the root of the workspace, or the name of a crate.
    place: String,
    /// Counted from one; zero when the whole place is meant.
    line: usize,
    what: String,
}

impl Finding {
    /// A finding about a whole file or crate.
    pub(crate) fn of(place: &str, what: impl Into<String>) -> Self {
        Self::at(place, 0, what)
    }

    /// A finding at a line, counted from one.
    pub(crate) fn at(place: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.place, self.what),
            line => write!(formatter, "{}:{line}: {}", self.place, self.what),
        }
    }
}

/// Prints all findings and fails if there is one.
pub(crate) fn conclude(mut findings: Vec<Finding>, clean: &str) -> Result<()> {
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{clean}"),
        1 => bail!("1 finding"),
        count => bail!("{count} findings"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        assert_eq!(Finding::at("a.rs", 3, "too long").to_string(), "a.rs:3: too long");
        assert_eq!(Finding::of("a.rs", "too long").to_string(), "a.rs: too long");
    }

    #[test]
    fn any_finding_is_a_failure() {
        conclude(Vec::new(), "clean").unwrap();
        let error = conclude(vec![Finding::of("a", "b"), Finding::of("c", "d")], "").unwrap_err();
        assert_eq!(error.to_string(), "2 findings");
    }
}
