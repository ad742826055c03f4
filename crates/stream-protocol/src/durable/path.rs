//! The name of a stream: its path below the root of all streams.

use std::fmt;
use std::sync::Arc;

use super::limits::PATH_BYTES_MAX;

/// The first segment of paths that belong to the protocol itself (6).
const RESERVED: &str = "__ds";

/// A stream's path below the root, decoded, without a leading slash: `events/abc`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamPath(Arc<str>);

impl StreamPath {
    /// Takes `text` as a stream's path.
    ///
    /// # Errors
    /// [`StreamPathError`] if it is empty, longer than [`PATH_BYTES_MAX`] bytes, holds a control
    /// character, or lies under the reserved `__ds`.
    pub fn new(text: &str) -> Result<Self, StreamPathError> {
        let fits = (1..=PATH_BYTES_MAX).contains(&text.len());
        if !fits || text.starts_with('/') || text.chars().any(char::is_control) {
            return Err(StreamPathError::Form);
        }
        if text.split('/').next() == Some(RESERVED) {
            return Err(StreamPathError::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// The path that a `Stream-Forked-From` names: the path of a URL below `root`, which starts
    /// and ends with a slash.
    ///
    /// # Errors
    /// [`StreamPathError`] as for [`new`](Self::new), or if it does not lie below `root`.
    pub fn from_url_path(url_path: &str, root: &str) -> Result<Self, StreamPathError> {
        let decoded = percent_encoding::percent_decode_str(url_path).decode_utf8();
        let decoded = decoded.map_err(|_| StreamPathError::Form)?;
        Self::new(decoded.strip_prefix(root).ok_or(StreamPathError::Form)?)
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamPath({:?})", self.0)
    }
}

/// Why a text is no stream's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamPathError {
    /// It has another form.
    #[error("expected a stream's path of 1 to {PATH_BYTES_MAX} bytes without control characters")]
    Form,
    /// It belongs to the protocol itself.
    #[error("paths under `{RESERVED}` are reserved")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_bounds() {
        for good in ["a", "a/b/c", "a b", "__dsx", "é", &"x".repeat(PATH_BYTES_MAX)] {
            assert!(StreamPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a\nb", "\u{0}", &"x".repeat(PATH_BYTES_MAX + 1)] {
            assert_eq!(StreamPath::new(bad), Err(StreamPathError::Form), "{bad:?}");
        }
        for reserved in ["__ds", "__ds/subscriptions/a"] {
            assert_eq!(StreamPath::new(reserved), Err(StreamPathError::Reserved));
        }
    }

    #[test]
    fn a_url_s_path_is_decoded_below_the_root() {
        let parse = |path| StreamPath::from_url_path(path, "/v1/stream/");
        assert_eq!(parse("/v1/stream/a%20b/c").unwrap().as_str(), "a b/c");
        for bad in ["/v2/stream/a", "/v1/stream/", "a", "/v1/stream/%ff"] {
            assert_eq!(parse(bad), Err(StreamPathError::Form), "{bad}");
        }
    }
}
