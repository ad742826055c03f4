//! Where a webhook may point (12.8): to the outside, by HTTPS, and never into the server's own
//! network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use super::super::limits::SUBSCRIPTION_TEXT_BYTES_MAX;

/// Which addresses webhooks may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public ones.
    #[default]
    Public,
    /// This machine's loopback as well, also by plain HTTP: for development and tests.
    PublicAndLoopback,
}

/// Checks a webhook's URL.
///
/// A name passes: what it resolves to is to be checked with [`may_reach`] at each connection, for
/// it may be another address each time.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(url: &str, reach: Reach) -> Result<Uri, String> {
    if url.len() > SUBSCRIPTION_TEXT_BYTES_MAX {
        return Err(format!("expected a URL of at most {SUBSCRIPTION_TEXT_BYTES_MAX} bytes"));
    }
    let uri: Uri = url.parse().map_err(|_| "expected a URL".to_owned())?;
    let host = uri.host().ok_or("expected an absolute URL")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("expected a URL without a user".to_owned());
    }
    let address = address(host);
    let local = match address {
        Some(address) => address.is_loopback(),
        None => is_local_name(host),
    };
    let local_allowed = local && reach == Reach::PublicAndLoopback;
    let scheme_fits = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => local_allowed,
        _ => false,
    };
    if !scheme_fits {
        return Err("expected an https URL".to_owned());
    }
    let address_fits = address.is_none_or(|address| may_reach(address, reach));
    if (local && !local_allowed) || !address_fits {
        return Err("expected a host beyond the server's own network".to_owned());
    }
    Ok(uri)
}

/// Whether a webhook may be sent to `address`.
pub fn may_reach(address: IpAddr, reach: Reach) -> bool {
    let loopback = address.is_loopback() && reach == Reach::PublicAndLoopback;
    loopback || is_public(address)
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

fn is_local_name(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    ["localhost", "local", "internal"].iter().any(|local| last.eq_ignore_ascii_case(local))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the registry of special addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // Addresses of version 4 in the clothes of version 6.
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            let [.., a, b, c, d] = address.octets();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // 6to4 and Teredo carry one too, and nobody needs them.
        [0x2002, ..] | [0x2001, 0 | 0xdb8, ..] => false,
        // Everything that is public lies in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_own_network_is_out_of_reach() {
        for bad in [
            "http://example.org/hook",
            "http://10.0.0.1/hook",
            "https://10.0.0.1/hook",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://127.0.0.1/",
            "https://127.9.9.9/",
            "https://0.0.0.0/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://[2002:a00:1::]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://metadata.google.internal/",
            "https://user@example.org/",
            "ftp://example.org/",
            "/hook",
            "example.org",
            "",
        ] {
            assert!(check(bad, Reach::Public).is_err(), "{bad}");
        }
        for good in [
            "https://example.org/hook?x=1",
            "https://93.184.216.34:8443/",
            "https://[2606:4700::1]/",
        ] {
            assert!(check(good, Reach::Public).is_ok(), "{good}");
        }
    }

    #[test]
    fn loopback_must_be_allowed_and_nothing_else_is_with_it() {
        let reach = Reach::PublicAndLoopback;
        for good in ["http://127.0.0.1:9/hook", "http://localhost:9/", "https://example.org/"] {
            assert!(check(good, reach).is_ok(), "{good}");
        }
        for bad in ["http://10.0.0.1/hook", "http://example.org/", "https://192.168.0.1/"] {
            assert!(check(bad, reach).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_name_resolves_to_is_checked_too() {
        assert!(!may_reach(Ipv4Addr::LOCALHOST.into(), Reach::Public));
        assert!(may_reach(Ipv4Addr::LOCALHOST.into(), Reach::PublicAndLoopback));
        assert!(!may_reach(Ipv4Addr::new(10, 1, 2, 3).into(), Reach::PublicAndLoopback));
        assert!(may_reach(Ipv4Addr::new(93, 184, 216, 34).into(), Reach::Public));
    }
}
