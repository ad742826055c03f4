//! How long a stream lives (5.1): for ever, while it is used, or up to a moment.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::headers::{STREAM_EXPIRES_AT, STREAM_TTL};
use super::refusal::Refusal;

/// How long caches may keep an answer, and how long they may use it while they ask again (10.1).
const CACHE_S: (u64, u64) = (60, 300);

/// When a stream expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Never.
    #[default]
    Unlimited,
    /// After so many seconds in which nobody read or wrote; a `HEAD` counts for nothing.
    Ttl(u64),
    /// At this moment, whoever reads or writes.
    ExpiresAt(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
}

impl Lifetime {
    /// What a request asks for.
    ///
    /// # Errors
    /// A refusal with status 400 if a value is malformed, or both are there.
    pub fn parse(headers: &HeaderMap) -> Result<Self, Refusal> {
        match (text(headers, &STREAM_TTL)?, text(headers, &STREAM_EXPIRES_AT)?) {
            (None, None) => Ok(Self::Unlimited),
            (Some(ttl), None) => decimal(ttl).map(Self::Ttl).ok_or_else(|| {
                invalid("expected Stream-TTL as whole seconds in decimal digits, such as 3600")
            }),
            (None, Some(at)) => match OffsetDateTime::parse(at, &Rfc3339) {
                Ok(at) => Ok(Self::ExpiresAt(at)),
                Err(_) => Err(invalid("expected Stream-Expires-At as a time by RFC 3339")),
            },
            (Some(_), Some(_)) => {
                Err(invalid("expected Stream-TTL or Stream-Expires-At, not both"))
            }
        }
    }

    /// The lifetime of a fork that asked for this one (4.2).
    #[must_use]
    pub fn or_of_source(self, source: Self) -> Self {
        if self == Self::Unlimited { source } else { self }
    }

    /// The moment at which a stream expires that was last used at `used`; `None` is never.
    pub fn deadline(self, used: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Unlimited => None,
            Self::ExpiresAt(at) => Some(at),
            // A time beyond the calendar never comes.
            Self::Ttl(seconds) => {
                used.checked_add(time::Duration::new(i64::try_from(seconds).ok()?, 0))
            }
        }
    }

    /// Whether a stream that was last used at `used` has expired at `now`.
    pub fn is_over(self, used: OffsetDateTime, now: OffsetDateTime) -> bool {
        self.deadline(used).is_some_and(|deadline| deadline <= now)
    }

    /// What caches may do with an answer at `now`: they keep none for longer than the stream lives.
    pub(super) fn cache_control(self, now: OffsetDateTime) -> String {
        let left = self
            .deadline(now)
            .map(|deadline| Duration::try_from(deadline - now).unwrap_or_default().as_secs());
        let at_most = |seconds: u64| left.map_or(seconds, |left| seconds.min(left));
        let (fresh, stale) = CACHE_S;
        let fresh = at_most(fresh);
        let stale = at_most(fresh.saturating_add(stale)).saturating_sub(fresh);
        format!("public, max-age={fresh}, stale-while-revalidate={stale}")
    }

    /// The header that tells of it, if there is anything to tell.
    pub(super) fn header(self) -> Option<(HeaderName, String)> {
        match self {
            Self::Unlimited => None,
            Self::Ttl(seconds) => Some((STREAM_TTL, seconds.to_string())),
            Self::ExpiresAt(at) => Some((STREAM_EXPIRES_AT, at.format(&Rfc3339).ok()?)),
        }
    }
}

/// A whole number in decimal digits and no other form: no sign, no leading zero (5.1).
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (digits && !padded).then(|| text.parse().ok()).flatten()
}

/// The header's text.
pub(super) fn text<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| invalid(format!("expected visible ASCII in {name}")))
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal::invalid("header-invalid", "A header is not understood", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn parse(headers: &[(HeaderName, &'static str)]) -> Option<Lifetime> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        Lifetime::parse(&headers.collect()).ok()
    }

    #[test]
    fn only_plain_digits_are_a_ttl() {
        assert_eq!(parse(&[(STREAM_TTL, "3600")]), Some(Lifetime::Ttl(3600)));
        assert_eq!(parse(&[(STREAM_TTL, "0")]), Some(Lifetime::Ttl(0)));
        for bad in ["", "+1", "-1", "01", "1.0", "1e3", "abc", "99999999999999999999"] {
            assert_eq!(parse(&[(STREAM_TTL, bad)]), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_may_have_any_zone_but_must_be_one() {
        let at = Some(Lifetime::ExpiresAt(T0));
        assert_eq!(parse(&[(STREAM_EXPIRES_AT, "2026-01-02T03:04:05Z")]), at);
        assert_eq!(parse(&[(STREAM_EXPIRES_AT, "2026-01-02T05:04:05.000+02:00")]), at);
        assert_eq!(parse(&[(STREAM_EXPIRES_AT, "tomorrow")]), None);
        assert_eq!(parse(&[(STREAM_TTL, "1"), (STREAM_EXPIRES_AT, "2026-01-02T03:04:05Z")]), None);
        assert_eq!(parse(&[]), Some(Lifetime::Unlimited));
    }

    #[test]
    fn a_ttl_slides_and_a_moment_does_not() {
        let later = T0 + Duration::from_secs(9);
        assert!(!Lifetime::Ttl(10).is_over(T0, later));
        assert!(Lifetime::Ttl(10).is_over(T0, T0 + Duration::from_secs(10)));
        assert!(!Lifetime::Ttl(10).is_over(later, T0 + Duration::from_secs(10)));
        assert!(Lifetime::ExpiresAt(later).is_over(later, later));
        assert!(!Lifetime::Unlimited.is_over(T0, later));
        assert!(!Lifetime::Ttl(u64::MAX).is_over(T0, later));
    }

    #[test]
    fn no_cache_keeps_an_answer_longer_than_the_stream_lives() {
        let check = |lifetime: Lifetime, want| assert_eq!(lifetime.cache_control(T0), want);
        check(Lifetime::Unlimited, "public, max-age=60, stale-while-revalidate=300");
        check(Lifetime::Ttl(5), "public, max-age=5, stale-while-revalidate=0");
        check(Lifetime::Ttl(100), "public, max-age=60, stale-while-revalidate=40");
        check(Lifetime::ExpiresAt(T0), "public, max-age=0, stale-while-revalidate=0");
    }

    #[test]
    fn a_fork_inherits_what_it_does_not_say() {
        use Lifetime::{ExpiresAt, Ttl, Unlimited};
        for (asked, source, want) in [
            (Unlimited, Unlimited, Unlimited),
            (Ttl(1), Unlimited, Ttl(1)),
            (Unlimited, Ttl(2), Ttl(2)),
            (Ttl(9), Ttl(2), Ttl(9)),
            (Unlimited, ExpiresAt(T0), ExpiresAt(T0)),
            (Ttl(9), ExpiresAt(T0), Ttl(9)),
            (ExpiresAt(T0), Ttl(9), ExpiresAt(T0)),
        ] {
            assert_eq!(asked.or_of_source(source), want);
        }
    }
}
