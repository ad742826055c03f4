//! From where a request may come.
//!
//! A server on loopback is reached by every page that its user visits: by a name of the page's
//! own that is made to point at loopback (DNS rebinding), and by requests and sockets that
//! need no permission to be sent.
//! The `Host` tells the first, the `Origin` (RFC 6454) the second.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};
use stream_model::ErrorClass;

use crate::Problem;

/// Names by which this machine calls itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names that a server answers to, and the origins whose pages may use it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginRules {
    /// Any name if `None`.
    hosts: Option<Vec<String>>,
    origins: Vec<String>,
}

/// Where a request that may pass comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// No page of another origin.
    Same,
    /// A page of this origin, which is allowed.
    Other(HeaderValue),
}

impl OriginRules {
    /// Answers to the names of loopback alone, and lets no page of another origin in.
    pub fn loopback() -> Self {
        Self { hosts: Some(LOOPBACK.map(str::to_owned).to_vec()), origins: Vec::new() }
    }

    /// Answers to any name: right only where every caller is asked who they are.
    pub fn any_host() -> Self {
        Self::default()
    }

    /// Answers to this name too, given without a port.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.get_or_insert_default().push(name.into());
        self
    }

    /// Lets pages of this origin in, such as `https://app.example.org`; `*` is any but `null`.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Decides on a request with this address and these headers.
    ///
    /// # Errors
    /// The problem that names the host or the origin that is not allowed.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Sender, Problem> {
        let host = host(uri, headers)?;
        if let Some(host) = host.as_ref().filter(|host| !self.answers_to(host)) {
            let title = "The server does not answer to this name";
            return Err(Problem::new(ErrorClass::Forbidden, "host-refused", title)
                .detail(format!("{:?} is not among the hosts that are allowed", host.host())));
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(Sender::Same) };
        if self.takes(origin) {
            return Ok(Sender::Other(origin.clone()));
        }
        if host.is_some_and(|host| is_same(origin, &host)) {
            return Ok(Sender::Same);
        }
        let title = "Pages of this origin may not use the server";
        let found = String::from_utf8_lossy(origin.as_bytes());
        Err(Problem::new(ErrorClass::Forbidden, "origin-refused", title)
            .detail(format!("{found:?} is not among the origins that are allowed")))
    }

    /// Whether the server is called by a name of its own.
    pub fn answers_to(&self, host: &Authority) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        hosts.iter().any(|known| known.eq_ignore_ascii_case(host.host()))
    }

    fn takes(&self, origin: &HeaderValue) -> bool {
        let is_null = origin.as_bytes().eq_ignore_ascii_case(b"null");
        self.origins.iter().any(|known| match known.as_str() {
            "*" => !is_null,
            known => origin == known,
        })
    }
}

/// The name that a request is for: of HTTP/2's `:authority`, or of the header.
///
/// A request without any is not from a browser.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<Authority>, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(Some(authority.clone()));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let parsed = hosts.next().map(|host| Authority::try_from(host.as_bytes()));
    match (parsed.transpose(), hosts.next()) {
        (Ok(host), None) => Ok(host),
        // RFC 9112, 3.2.
        _ => Err(Problem::new(ErrorClass::Invalid, "host-invalid", "The Host header is broken")),
    }
}

/// Whether a page's origin is the server itself; a proxy may have ended TLS, so that the scheme
/// tells nothing.
fn is_same(origin: &HeaderValue, host: &Authority) -> bool {
    let text = origin.to_str().unwrap_or_default();
    let authority = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &OriginRules, host: &str, origin: Option<&str>, want: &str) {
        let mut headers = HeaderMap::new();
        if !host.is_empty() {
            headers.append(HOST, host.parse().unwrap());
        }
        headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
        let found = match rules.check(&Uri::from_static("/topics/a"), &headers) {
            Ok(Sender::Same) => "same".to_owned(),
            Ok(Sender::Other(origin)) => origin.to_str().unwrap().to_owned(),
            Err(problem) => {
                let kind = problem.to_json()["type"].as_str().unwrap().to_owned();
                kind.rsplit(':').next().unwrap().to_owned()
            }
        };
        assert_eq!(found, want, "host {host:?}, origin {origin:?}");
    }

    #[test]
    fn a_name_that_is_made_to_point_here_is_refused() {
        let rules = OriginRules::loopback();
        for good in ["localhost", "LOCALHOST:4437", "127.0.0.1:80", "[::1]:4437", ""] {
            check(&rules, good, None, "same");
        }
        for bad in [
            "evil.example:4437",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhostx",
            "169.254.169.254",
            "0.0.0.0:4437",
            "[::]",
        ] {
            check(&rules, bad, None, "host-refused");
        }
        for broken in ["a b", "http://localhost", "localhost/", "[::1"] {
            check(&rules, broken, None, "host-invalid");
        }
        check(&rules.clone().host("events.example"), "events.example", None, "same");
        check(&OriginRules::any_host(), "whatever.example", None, "same");
    }

    #[test]
    fn two_hosts_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert!(OriginRules::loopback().check(&Uri::from_static("/"), &headers).is_err());
        // HTTP/2 has the name in the address.
        let uri = Uri::from_static("http://evil.example/topics/a");
        assert!(OriginRules::loopback().check(&uri, &HeaderMap::new()).is_err());
    }

    #[test]
    fn pages_of_other_origins_are_refused_unless_allowed() {
        let rules = OriginRules::loopback();
        check(&rules, "localhost:4437", Some("http://localhost:4437"), "same");
        check(&rules, "localhost:4437", Some("https://localhost:4437"), "same");
        for bad in [
            "null",
            "http://localhost",
            "http://localhost:4438",
            "http://127.0.0.1:4437",
            "http://localhost:4437.evil.example",
            "http://evil.example",
            "http://localhost:4437/",
            "http://x@localhost:4437",
            "file://localhost:4437",
            "localhost:4437",
            "",
        ] {
            check(&rules, "localhost:4437", Some(bad), "origin-refused");
        }
        let open = rules.clone().origin("https://app.example.org");
        check(&open, "localhost", Some("https://app.example.org"), "https://app.example.org");
        check(&open, "localhost", Some("http://app.example.org"), "origin-refused");
        check(&open, "localhost", Some("https://app.example.org.evil"), "origin-refused");
        let any = rules.clone().origin("*");
        check(&any, "localhost", Some("https://evil.example"), "https://evil.example");
        check(&any, "localhost", Some("null"), "origin-refused");
        check(&rules.origin("null"), "localhost", Some("null"), "null");
    }

    #[test]
    fn a_request_without_a_name_is_of_no_origin() {
        check(&OriginRules::loopback(), "", Some("http://localhost"), "origin-refused");
    }
}
