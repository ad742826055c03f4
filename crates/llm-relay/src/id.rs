//! What a relay is called.

use std::fmt;
use std::str::FromStr;

use stream_log::{LogName, LogNameError, Namespace};

/// Characters of an id; longer ones are refused.
const ID_BYTES_MAX: usize = 128;

/// A relay's name: 1 to 128 letters, digits, `-`, `_`, `.` and `~`, which need no escape in a URL
/// (RFC 3986, 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(String);

impl RelayId {
    /// Takes `text` as a relay's name.
    ///
    /// # Errors
    /// [`RelayIdError`] if it holds another character, or too many or none.
    pub fn new(text: &str) -> Result<Self, RelayIdError> {
        let fits = (1..=ID_BYTES_MAX).contains(&text.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if !fits || !text.bytes().all(plain) {
            return Err(RelayIdError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The log that holds the relay's events.
    ///
    /// # Errors
    /// None in practice: every relay's name is a log's name.
    pub fn log_name(&self) -> Result<LogName, LogNameError> {
        LogName::new(Namespace::Relay, &self.0)
    }
}

impl FromStr for RelayId {
    type Err = RelayIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no relay's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of 1 to {ID_BYTES_MAX} letters, digits, `-`, `_`, `.` or `~`")]
pub struct RelayIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_form() {
        for good in ["a", "chat-1_2.3~", &"x".repeat(ID_BYTES_MAX)] {
            assert!(RelayId::new(good).unwrap().log_name().is_ok());
        }
        for bad in ["", "a/b", "a b", "ä", "..\n", &"x".repeat(ID_BYTES_MAX + 1)] {
            assert_eq!(RelayId::new(bad), Err(RelayIdError), "{bad:?}");
        }
    }
}
