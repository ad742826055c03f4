//! The rules for one Rust file.

use crate::finding::Finding;
use crate::tidy::rust_text::{RustText, lines_with};

/// The most lines that a file may have.
const LINES_MAX: usize = 800;

/// What no file may hold outside comments and literals, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("#[allow(", "silence a lint with `expect` and a reason, never `allow`"),
    ("#![allow(", "silence a lint with `expect` and a reason, never `allow`"),
    ("#[ignore", "a test that does not run is no test; mend it or delete it"),
    ("#[should_panic", "assert the error instead; bad input is never a panic"),
    ("todo!(", "finish it or leave it out"),
    ("unimplemented!(", "finish it or leave it out"),
];

/// What a pure crate may not reach for outside its tests.
const OUTSIDE: &[&str] =
    &["fastrand::", "std::env", "std::fs", "std::net::Tcp", "std::net::Udp", "std::process"];

/// The one file of the pure crates that makes ids, and so needs chance.
const MAKES_IDS: &str = "crates/stream-model/src/now.rs";

/// Every breach of the rules that bind all Rust files.
pub(crate) fn findings(file: &RustText<'_>) -> Vec<Finding> {
    [opens_with_its_purpose, fits, uses_nothing_banned, is_finished, never_sleeps, binds_no_port]
        .iter()
        .flat_map(|rule| rule(file))
        .chain(entry_without_logic(file))
        .collect()
}

/// A file opens with `//!`: what it is for.
fn opens_with_its_purpose(file: &RustText<'_>) -> Vec<Finding> {
    if file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![Finding::at(file.path, 1, "does not open with `//!` and its purpose")]
}

/// A file has at most [`LINES_MAX`] lines.
fn fits(file: &RustText<'_>) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![Finding::of(file.path, format!("has {lines} lines; {LINES_MAX} are the most"))]
}

/// Nothing of [`BANNED`] stands in code.
fn uses_nothing_banned(file: &RustText<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (banned, instead) in BANNED {
        let what = format!("`{}`: {instead}", banned.trim_end_matches('('));
        findings.extend(at(file, lines_with(&file.code, banned), &what));
    }
    findings
}

/// Comments promise nothing for later.
fn is_finished(file: &RustText<'_>) -> Vec<Finding> {
    let lines = ["TODO", "FIXME"].iter().flat_map(|mark| lines_with(&file.comments, mark));
    at(file, lines, "a promise for later; do it or drop it")
}

/// Nothing blocks a thread to wait, and a test waits on tokio's paused clock only.
///
/// Benches may pace their peers.
fn never_sleeps(file: &RustText<'_>) -> Vec<Finding> {
    // What they measure takes its time.
    if ["crates/bench/", "crates/stream-load/"].iter().any(|path| file.path.starts_with(path)) {
        return Vec::new();
    }
    let blocking = lines_with(&file.code, "thread::sleep(");
    let is_paused = file.code.contains("start_paused") || file.code.contains("time::pause(");
    let real = if is_paused { Vec::new() } else { lines_with(&file.tests, "time::sleep(") };
    let lines = blocking.into_iter().chain(real);
    at(file, lines, "sleeps; wait for what you wait for, or pause tokio's clock")
}

/// A test binds port 0 and asks which port it got.
fn binds_no_port(file: &RustText<'_>) -> Vec<Finding> {
    let fixed = |line: &str| {
        let calls = line.split("bind(\"").skip(1);
        let mut ports = calls.filter_map(|call| call.split('"').next()?.rsplit_once(':'));
        ports.any(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0))
    };
    let lines = file.tests_with_literals.lines().zip(1..).filter(|(line, _)| fixed(line));
    at(file, lines.map(|(_, line)| line), "a test binds port 0, not a number")
}

/// The `lib.rs` of a crate says what there is and where; the logic lies elsewhere.
fn entry_without_logic(file: &RustText<'_>) -> Vec<Finding> {
    if !(file.path.starts_with("crates/") && file.path.ends_with("/src/lib.rs")) {
        return Vec::new();
    }
    let items = ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<"];
    let is_item = |line: &str| {
        let line = ["pub ", "async ", "const "]
            .iter()
            .fold(line, |l, word| l.strip_prefix(word).unwrap_or(l));
        items.iter().any(|item| line.starts_with(item))
    };
    let lines = file.library.lines().zip(1..).filter(|(line, _)| is_item(line));
    at(file, lines.map(|(_, line)| line), "lib.rs holds no logic; move it to a module")
}

/// A pure crate knows no file, socket, process, environment or chance outside its tests.
pub(crate) fn reaches_outside(file: &RustText<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for outside in OUTSIDE.iter().filter(|_| file.path != MAKES_IDS) {
        let lines = lines_with(&file.library, outside);
        findings.extend(at(file, lines, &format!("a pure crate does not use {outside}")));
    }
    findings
}

/// The same finding on each of `lines`.
fn at(file: &RustText<'_>, lines: impl IntoIterator<Item = usize>, what: &str) -> Vec<Finding> {
    lines.into_iter().map(|line| Finding::at(file.path, line, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::TextFile;

    type Rule = fn(&RustText<'_>) -> Vec<Finding>;

    /// Checks on which lines of `text` at `path` the rule finds something.
    #[track_caller]
    fn check_at(path: &str, rule: Rule, text: &str, want: &[&str]) {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let got: Vec<String> =
            rule(&RustText::parse(&file)).iter().map(Finding::to_string).collect();
        let places: Vec<&str> =
            got.iter().filter_map(|finding| finding.split(": ").next()).collect();
        assert_eq!(places, want, "{got:?}");
    }

    #[track_caller]
    fn check(rule: Rule, text: &str, want: &[&str]) {
        check_at("a.rs", rule, text, want);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        check(opens_with_its_purpose, "//! Counts.\n", &[]);
        check(opens_with_its_purpose, "use a::b;\n", &["a.rs:1"]);
        check(opens_with_its_purpose, "\n//! Counts.\n", &["a.rs:1"]);
        check(opens_with_its_purpose, "", &["a.rs:1"]);
    }

    #[test]
    fn a_file_has_eight_hundred_lines_at_most() {
        check(fits, &"\n".repeat(LINES_MAX), &[]);
        check(fits, &"\n".repeat(LINES_MAX + 1), &["a.rs"]);
    }

    #[test]
    fn banned_words_are_found_in_code_only() {
        for (banned, _) in BANNED {
            check(uses_nothing_banned, &format!("\n {banned}x"), &["a.rs:2"]);
            check(uses_nothing_banned, &format!("// {banned}\n\"{banned}\""), &[]);
        }
        check(uses_nothing_banned, "#[expect(dead_code, reason = \"x\")]", &[]);
    }

    #[test]
    fn promises_are_found_in_comments_only() {
        check(is_finished, "a();\n// TODO: more", &["a.rs:2"]);
        check(is_finished, "/// FIXME", &["a.rs:1"]);
        check(is_finished, "a(\"TODO\"); // to be done by the caller", &[]);
    }

    #[test]
    fn a_sleep_on_the_real_clock_is_found() {
        check(never_sleeps, "std::thread::sleep(x);", &["a.rs:1"]);
        check_at("crates/bench/src/a.rs", never_sleeps, "std::thread::sleep(x);", &[]);
        check(never_sleeps, "tokio::time::sleep(x).await;", &[]);
        let test = "#[cfg(test)]\nmod tests {\n tokio::time::sleep(x).await;\n}";
        check(never_sleeps, test, &["a.rs:3"]);
        check(never_sleeps, &format!("{test}\n#[tokio::test(start_paused = true)]"), &[]);
    }

    #[test]
    fn a_port_number_in_a_test_is_found() {
        let path = "crates/a/tests/it/a.rs";
        check_at(path, binds_no_port, "bind(\"127.0.0.1:8080\")", &["crates/a/tests/it/a.rs:1"]);
        check_at(path, binds_no_port, "bind(\"127.0.0.1:0\"); url(\"http://localhost:80/x\")", &[]);
        check(binds_no_port, "bind(\"127.0.0.1:8080\")", &[]);
    }

    #[test]
    fn logic_in_the_entry_file_is_found() {
        let path = "crates/a/src/lib.rs";
        let good = "//! A.\nmod b;\npub use b::B;\n#[cfg(test)]\nfn c() {}\n";
        check_at(path, entry_without_logic, good, &[]);
        for bad in ["pub fn a() {}", "impl<T> A for T {}", "pub const fn a() {}", "struct A;"] {
            check_at(path, entry_without_logic, bad, &["crates/a/src/lib.rs:1"]);
        }
        check_at("xtask/src/lib.rs", entry_without_logic, "fn a() {}", &[]);
    }

    #[test]
    fn a_pure_crate_that_opens_a_file_is_found() {
        check(reaches_outside, "use std::fs;", &["a.rs:1"]);
        check(reaches_outside, "use std::net::IpAddr;", &[]);
        check(reaches_outside, "let id = fastrand::u64(..);", &["a.rs:1"]);
        check_at(MAKES_IDS, reaches_outside, "let id = fastrand::u64(..);", &[]);
        check(reaches_outside, "#[cfg(test)]\nmod tests { use std::fs; }", &[]);
    }
}
