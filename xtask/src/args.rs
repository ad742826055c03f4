//! The words behind `cargo xtask`: flags, values and names, taken one by one until none is left.

use std::fmt;
use std::path::PathBuf;

/// The words of a command line that no command has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Args {
    words: Vec<String>,
    called_from: PathBuf,
}

/// A command line that no command understands; the process exits with 2.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

impl Args {
    /// Takes `words` as typed; relative paths among them are meant from `called_from`.
    pub(crate) fn new(words: impl IntoIterator<Item = String>, called_from: PathBuf) -> Self {
        Self { words: words.into_iter().collect(), called_from }
    }

    /// Takes the next word that is not a flag.
    pub(crate) fn word(&mut self) -> Option<String> {
        let place = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(place))
    }

    /// Takes the flag `name` and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// Takes the value of `name`, written as `--name VALUE` or `--name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>, UsageError> {
        let prefix = format!("{name}=");
        let is_it = |word: &String| word == name || word.starts_with(&prefix);
        let Some(place) = self.words.iter().position(is_it) else { return Ok(None) };
        let word = self.words.remove(place);
        if let Some(value) = word.strip_prefix(&prefix) {
            return Ok(Some(value.to_owned()));
        }
        if place < self.words.len() {
            return Ok(Some(self.words.remove(place)));
        }
        Err(UsageError(format!("{name} needs a value")))
    }

    /// Takes the value of `name` as a path, made absolute from where the caller stands.
    pub(crate) fn path(&mut self, name: &str) -> Result<Option<PathBuf>, UsageError> {
        Ok(self.value(name)?.map(|path| self.called_from.join(path)))
    }

    /// Takes the value of `name` as a whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, UsageError> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(UsageError(format!("{name} needs a whole number, not `{text}`"))),
        }
    }

    /// Takes everything that is left, for a program that is called in turn.
    pub(crate) fn rest(self) -> Vec<String> {
        self.words
    }

    /// Ends the command line; a word that nobody took is an error.
    pub(crate) fn finish(self) -> Result<(), UsageError> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(UsageError(format!("unexpected argument `{word}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned), PathBuf::from("/from"))
    }

    #[test]
    fn a_value_may_follow_or_be_joined() {
        for line in ["--dir x rest", "--dir=x rest", "rest --dir x"] {
            let mut args = args(line);
            assert_eq!(args.value("--dir").unwrap().as_deref(), Some("x"), "{line}");
            assert_eq!(args.word().as_deref(), Some("rest"), "{line}");
            args.finish().unwrap();
        }
    }

    #[test]
    fn a_missing_value_is_an_error_and_a_missing_name_is_none() {
        assert_eq!(args("--dir").value("--dir").unwrap_err().0, "--dir needs a value");
        assert_eq!(args("x").value("--dir").unwrap(), None);
    }

    #[test]
    fn a_path_is_meant_from_where_the_caller_stands() {
        let path = |line| args(line).path("--dir").unwrap().unwrap();
        assert_eq!(path("--dir here"), PathBuf::from("/from/here"));
        assert_eq!(path("--dir /there"), PathBuf::from("/there"));
    }

    #[test]
    fn a_number_is_whole() {
        assert_eq!(args("--cases 12").number("--cases").unwrap(), Some(12));
        assert!(args("--cases many").number("--cases").is_err());
    }

    #[test]
    fn what_nobody_took_is_an_error() {
        let mut args = args("--bless --blses");
        assert!(args.flag("--bless"));
        assert!(!args.flag("--bless"));
        assert_eq!(args.finish().unwrap_err().0, "unexpected argument `--blses`");
    }
}
