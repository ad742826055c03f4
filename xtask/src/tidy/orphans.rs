//! Dead files: a Rust file that no other file declares is compiled by nobody.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::tidy::rust_text::RustText;

/// Every file that is neither in `roots`, the first files of cargo's targets, nor declared as a module.
pub(crate) fn findings(files: &[RustText<'_>], roots: &BTreeSet<&str>) -> Vec<Finding> {
    let code: BTreeMap<&str, &str> = files.iter().map(|file| (file.path, &*file.code)).collect();
    let is_dead = |path: &&str| !roots.contains(*path) && !is_declared(path, &code, roots);
    let dead = code.keys().copied().filter(is_dead);
    dead.map(|path| Finding::of(path, "is compiled by nobody; declare it or delete it")).collect()
}

fn is_declared(path: &str, code: &BTreeMap<&str, &str>, roots: &BTreeSet<&str>) -> bool {
    let Some((folder, name)) = module(path) else { return false };
    let declaration = format!("mod {name};");
    let parents = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
    let beside = roots
        .iter()
        .copied()
        .filter(|root| root.rsplit_once('/').is_some_and(|(f, _)| f == folder));
    let mut candidates = parents.iter().map(String::as_str).chain(beside);
    candidates.any(|parent| code.get(parent).is_some_and(|code| code.contains(&declaration)))
}

/// The folder and the name of the module that `path` holds: `a/b.rs` and `a/b/mod.rs` hold `b`.
fn module(path: &str) -> Option<(&str, &str)> {
    let stem = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?;
    stem.rsplit_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::TextFile;

    /// Checks which of `files`, given as path and text, are dead; the first is a target's.
    #[track_caller]
    fn check(files: &[(&str, &str)], want: &[&str]) {
        let files: Vec<TextFile> = files
            .iter()
            .map(|(path, text)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() })
            .collect();
        let parsed: Vec<RustText<'_>> = files.iter().map(RustText::parse).collect();
        let roots = BTreeSet::from([parsed[0].path]);
        let got: Vec<String> = findings(&parsed, &roots).iter().map(Finding::to_string).collect();
        let places: Vec<&str> =
            got.iter().filter_map(|finding| finding.split(": ").next()).collect();
        assert_eq!(places, want);
    }

    #[test]
    fn declared_files_are_alive() {
        check(
            &[
                ("a/src/lib.rs", "mod b;\npub mod c;"),
                ("a/src/b.rs", "mod d;"),
                ("a/src/b/d.rs", ""),
                ("a/src/c/mod.rs", "mod e;"),
                ("a/src/c/e.rs", ""),
            ],
            &[],
        );
    }

    #[test]
    fn a_file_that_nobody_declares_is_dead() {
        check(&[("a/src/lib.rs", "// mod b;"), ("a/src/b.rs", "")], &["a/src/b.rs"]);
        check(&[("a/src/lib.rs", "mod bb;"), ("a/src/x/bb.rs", "")], &["a/src/x/bb.rs"]);
    }
}
