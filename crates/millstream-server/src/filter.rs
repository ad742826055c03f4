//! The part of the configuration that says what must not reach a reader.

use anyhow::{Context, bail};
use millstream::llm::filter::{Action, Case, Pattern, PatternSet};
use serde::Deserialize;

/// What the file may say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterFile {
    /// Bytes up to which a match is followed, where an expression has no longest one.
    max_match: Option<usize>,
    pub(crate) patterns: Vec<PatternFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternFile {
    literal: Option<String>,
    regex: Option<String>,
    #[serde(default)]
    case: CaseFile,
    #[serde(default)]
    action: ActionFile,
    /// What takes the place of a match that is replaced.
    replacement: Option<String>,
    /// What takes the place of each character of a match that is masked.
    mask: Option<char>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CaseFile {
    #[default]
    Ascii,
    Exact,
    Unicode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActionFile {
    #[default]
    Replace,
    Mask,
    Drop,
    Block,
}

/// Compiles what the file says.
pub(crate) fn load(file: &FilterFile) -> anyhow::Result<PatternSet> {
    let numbered = file.patterns.iter().zip(1..);
    let patterns = numbered
        .map(|(pattern, number)| pattern.load().with_context(|| format!("filter pattern {number}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let set = match file.max_match {
        Some(bytes) => PatternSet::with_max_match(patterns, bytes),
        None => PatternSet::new(patterns),
    };
    set.context("filter")
}

impl PatternFile {
    fn load(&self) -> anyhow::Result<Pattern> {
        let pattern = match (&self.literal, &self.regex) {
            (Some(text), None) => Pattern::literal(text),
            (None, Some(expression)) => Pattern::regex(expression),
            _ => bail!("expected either literal or regex"),
        };
        let case = match self.case {
            CaseFile::Ascii => Case::Ascii,
            CaseFile::Exact => Case::Exact,
            CaseFile::Unicode => Case::Unicode,
        };
        Ok(pattern.case(case).action(self.action()?))
    }

    fn action(&self) -> anyhow::Result<Action> {
        if self.replacement.is_some() && self.action != ActionFile::Replace {
            bail!("expected a replacement with action = \"replace\" alone");
        }
        if self.mask.is_some() && self.action != ActionFile::Mask {
            bail!("expected a mask with action = \"mask\" alone");
        }
        Ok(match self.action {
            ActionFile::Replace => match &self.replacement {
                Some(text) => Action::Replace(text.clone()),
                None => Action::default(),
            },
            ActionFile::Mask => Action::Mask(self.mask.unwrap_or('*')),
            ActionFile::Drop => Action::Drop,
            ActionFile::Block => Action::Block,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<PatternSet> {
        load(&toml::from_str(text)?)
    }

    #[test]
    fn patterns_are_literals_or_expressions_with_a_case_and_an_action() {
        let text = r##"
            max_match = 254
            patterns = [
                { literal = "project tulip" },
                { regex = '\S+@\S+\.\w+', action = "mask", mask = "#" },
                { literal = "Straße", case = "unicode", replacement = "road" },
                { regex = "AKIA[0-9A-Z]{16}", case = "exact", action = "block" },
                { literal = "x", action = "drop" },
            ]"##;
        assert_eq!(parse(text).unwrap().max_match(), 254);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        for (text, want) in [
            ("patterns = [{ literal = 'a' }, {}]", "filter pattern 2: expected either literal"),
            ("patterns = [{ literal = 'a', regex = 'b' }]", "expected either literal or regex"),
            ("patterns = [{ literal = 'a', mask = '*' }]", "expected a mask with"),
            ("patterns = [{ literal = 'a', action = 'drop', replacement = 'b' }]", "a replacement"),
            ("patterns = [{ regex = '(' }]", "filter"),
            ("patterns = [{ regex = 'a+' }]", "filter"),
            ("patterns = [{ literal = 'a', action = 'explode' }]", "unknown variant"),
            ("patterns = [{ literal = 'a', colour = 'red' }]", "unknown field"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
