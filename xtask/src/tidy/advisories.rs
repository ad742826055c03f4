//! Versions below which a published advisory names a crate that we could come to depend on.
//!
//! The list is ours, as the database of advisories cannot be had from the package registry; it
//! holds those that name what a server of event streams is made of.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::finding::Finding;
use crate::metadata::{list, text};

/// A crate, the first version without the hole, and what names the hole.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("async-nats", [0, 32, 0], "RUSTSEC-2023-0027"),
    ("axum-core", [0, 3, 0], "RUSTSEC-2022-0055"),
    ("bytes", [1, 11, 1], "RUSTSEC-2026-0007"),
    ("crossbeam-channel", [0, 5, 15], "RUSTSEC-2025-0024"),
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258, RUSTSEC-2024-0332, RUSTSEC-2024-0003"),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009"),
    ("rustls", [0, 23, 18], "RUSTSEC-2024-0399, RUSTSEC-2024-0336"),
    ("time", [0, 3, 47], "RUSTSEC-2026-0009"),
    ("tungstenite", [0, 20, 1], "RUSTSEC-2023-0065"),
];

/// Crates that an advisory names in every version.
const NEVER: &[(&str, &str)] = &[("websocket", "RUSTSEC-2022-0035"), ("ws", "RUSTSEC-2020-0043")];

/// Every crate in the answer of `cargo metadata` that an advisory names.
pub(crate) fn findings(metadata: &str) -> Result<Vec<Finding>> {
    let value: Value = serde_json::from_str(metadata).context("answer of cargo metadata")?;
    let mut findings = Vec::new();
    for package in list(&value, "packages") {
        findings.extend(breach(text(package, "name")?, text(package, "version")?));
    }
    Ok(findings)
}

fn breach(name: &str, version: &str) -> Option<Finding> {
    if let Some((_, advisory)) = NEVER.iter().find(|(known, _)| *known == name) {
        return Some(Finding::of(name, format!("{advisory} names every version")));
    }
    let (_, floor, advisory) = FLOORS.iter().find(|(known, ..)| *known == name)?;
    let [major, minor, patch] = floor;
    (numbers(version) < *floor).then(|| {
        Finding::of(name, format!("{version} is below {major}.{minor}.{patch}: {advisory}"))
    })
}

/// Major, minor and patch; what comes behind them is left out.
fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or_default());
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_below_the_floor_is_named() {
        assert_eq!(breach("h2", "0.4.16"), None);
        assert_eq!(breach("h2", "0.10.0"), None, "numbers are compared, not texts");
        assert_eq!(breach("serde", "0.1.0"), None);
        let found = breach("h2", "0.4.15").unwrap().to_string();
        assert!(found.contains("0.4.15 is below 0.4.16") && found.contains("2026-0258"), "{found}");
        assert!(breach("ws", "99.0.0").is_some());
    }
}
