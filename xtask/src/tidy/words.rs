//! The rules for prose: no paths of one machine, and every decision record linked.

use crate::finding::Finding;
use crate::tidy::TextFile;

/// First folders of paths that mean something on one machine only.
const MACHINE_FOLDERS: &[&str] = &["Users", "home", "root", "work"];

/// The page that lists the decision records.
const CODE_MAP: &str = "docs/ARCHITECTURE.md";

/// Lines of a file that name a path of one machine.
pub(crate) fn machine_paths(file: &TextFile) -> Vec<Finding> {
    let lines = file.text.lines().zip(1..).filter(|(line, _)| names_a_machine(line));
    lines.map(|(_, n)| Finding::at(&file.path, n, "names a path of one machine")).collect()
}

fn names_a_machine(line: &str) -> bool {
    MACHINE_FOLDERS.iter().any(|folder| {
        let path = format!("/{folder}/");
        line.match_indices(&path).any(|(at, _)| {
            // In the middle of a path or an address the word is somebody else's.
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !(c.is_alphanumeric() || "./-_~*}".contains(c)))
        })
    })
}

/// Decision records that the code map does not link.
pub(crate) fn unlinked_decisions(pages: &[TextFile]) -> Vec<Finding> {
    let map = pages.iter().find(|page| page.path == CODE_MAP).map_or("", |page| &page.text);
    let records = pages.iter().filter_map(|page| page.path.strip_prefix("docs/"));
    let unlinked =
        records.filter(|path| path.starts_with("adr/") && !map.contains(&format!("]({path})")));
    unlinked.map(|path| Finding::of(path, format!("is not linked from {CODE_MAP}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            let text = format!("see\n`/{folder}/me/x`");
            let want = [Finding::at("a.md", 2, "names a path of one machine")];
            assert_eq!(machine_paths(&page("a.md", &text)), want, "{folder}");
        }
    }

    #[test]
    fn an_address_or_a_relative_path_is_not() {
        for text in ["https://example.org/home/x", "./home/x", "crates/home/x", "at / home"] {
            assert_eq!(machine_paths(&page("a.md", text)), [], "{text}");
        }
    }

    #[test]
    fn a_decision_that_nobody_links_is_found() {
        let record = page("docs/adr/0001-bytes.md", "");
        let map = |text| page("docs/ARCHITECTURE.md", text);
        let linked = map("[bytes](adr/0001-bytes.md)");
        assert_eq!(unlinked_decisions(&[linked, page(&record.path, "")]), []);
        assert_eq!(unlinked_decisions(&[map("nothing"), page(&record.path, "")]).len(), 1);
        assert_eq!(unlinked_decisions(&[record]).len(), 1);
    }
}
