//! What kind of failure an error is, so that every layer above can answer alike.

/// A cause whose type is nobody's business but the backend's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The closed set of failure kinds; transports map each to a status or a close code.
///
/// Errors in this workspace have a `class()`, so that a mapping is one exhaustive `match`
/// and a new error type needs no new mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request itself is malformed; sending it again cannot help.
    Invalid,
    /// The caller did not say who it is.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The thing is in a state that the caller did not expect.
    Conflict,
    /// The thing was there, and is gone for good.
    Gone,
    /// A size limit was exceeded.
    TooLarge,
    /// The content type is not one that this operation takes.
    Unsupported,
    /// Another writer took over; this one must stop.
    Fenced,
    /// Too much at once; later it may work.
    RateLimited,
    /// The service cannot do it now; later it may work.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorClass {
    /// Whether the same request may succeed later without being changed.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable)
    }
}
