//! Links in Markdown that point into the checkout: the file must exist, and so must the heading.

use std::collections::BTreeMap;
use std::fs;

use crate::finding::Finding;
use crate::tidy::TextFile;

/// A link as it stands in a page.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// Counted from one.
    line: usize,
    target: String,
}

/// Every link of `pages` that leads nowhere; links to other hosts are not followed.
pub(crate) fn broken(pages: &[TextFile]) -> Vec<Finding> {
    broken_where(pages, |path| fs::exists(path).unwrap_or(false))
}

fn broken_where(pages: &[TextFile], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let anchors: BTreeMap<&str, Vec<String>> =
        pages.iter().map(|page| (&*page.path, anchors(&page.text))).collect();
    let mut findings = Vec::new();
    for page in pages {
        for Link { line, target } in links(&page.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = resolve(&page.path, path);
            let known = anchors.get(path.as_str());
            let leads_somewhere = match known {
                Some(anchors) => anchor.is_empty() || anchors.iter().any(|known| known == anchor),
                None => exists(&path),
            };
            if !leads_somewhere {
                findings.push(Finding::at(&page.path, line, format!("link to {target} is broken")));
            }
        }
    }
    findings
}

/// The path that `target` means on `page`, from the root of the workspace.
fn resolve(page: &str, target: &str) -> String {
    if target.is_empty() {
        return page.to_owned();
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// The links of a page that point into the checkout: `[text](target)` and `[name]: target`.
fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, prose) in prose(text) {
        // Every other piece lies between backticks, where a link is only shown.
        let prose: String = prose.split('`').step_by(2).collect();
        let spans = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let definition = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let targets = spans.chain(definition.map(|(_, target)| target.trim()));
        let local = targets.filter(|target| !target.contains(':') && !target.is_empty());
        links.extend(local.map(|target| Link { line, target: target.to_owned() }));
    }
    links
}

/// The names under which the headings of a page can be linked.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, heading)| slug(heading.trim_start_matches('#').trim())).collect()
}

/// A heading as hosts of Markdown spell it in a link.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The numbered lines of a page outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// Checks the broken links of a page `docs/A.md` beside `docs/B.md` and `README.md`.
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let pages = [page("docs/A.md", text), page("docs/B.md", "## How to, in 5 lines\n")];
        let found = broken_where(&pages, |path| path == "README.md" || path == "docs");
        let found: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn files_and_headings_that_exist_are_fine() {
        check(
            "# Own\n[a](B.md) [b](../README.md) [c](B.md#how-to-in-5-lines) [d](#own) [e](.)",
            &[],
        );
    }

    #[test]
    fn what_leads_nowhere_is_named_with_its_line() {
        check("\n[a](C.md)", &["docs/A.md:2: link to C.md is broken"]);
        check("[a](B.md#no)", &["docs/A.md:1: link to B.md#no is broken"]);
        check("[a]: ../../README.md", &["docs/A.md:1: link to ../../README.md is broken"]);
    }

    #[test]
    fn other_hosts_and_code_are_left_alone() {
        check("[a](https://example.org/x) [m](mailto:a@example.org)", &[]);
        check("```text\n[a](C.md)\n```\n", &[]);
        check("write `[a](C.md)`, as [`b`](B.md) does", &[]);
        check("[`c`](C.md)", &["docs/A.md:1: link to C.md is broken"]);
    }
}
