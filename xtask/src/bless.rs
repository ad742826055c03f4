//! `cargo xtask bless`: rewrites everything that is generated; the diff is then read by a person.

use anyhow::Result;

use crate::args::{Args, UsageError};
use crate::process::cargo;
use crate::test::with_corpus;
use crate::{api, clippy_config};

/// Rewrites one kind of generated file.
type Rewrite = fn() -> Result<()>;

/// What can be rewritten, by name, the quickest first.
const GENERATED: &[(&str, Rewrite)] =
    &[("clippy", clippy_config::write), ("golden", golden), ("api", api::bless)];

/// `cargo xtask bless [WHAT]`; without a name, all of it.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let only = args.word();
    args.finish()?;
    if let Some(name) = &only
        && !GENERATED.iter().any(|(known, _)| known == name)
    {
        let known = GENERATED.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
        return Err(
            UsageError(format!("nothing to bless called `{name}`; there are {known}")).into()
        );
    }
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    GENERATED.iter().filter(|(name, _)| wanted(name)).try_for_each(|(_, write)| write())
}

/// The files under `testdata/`, which their own tests rewrite.
fn golden() -> Result<()> {
    let tests = cargo(["test", "--workspace", "--all-features", "--all-targets"]);
    with_corpus(tests).env("UPDATE", "1").run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_blesses_nothing() {
        let args = Args::new(["everything".to_owned()], "/".into());
        let error = run(args).unwrap_err().to_string();
        assert_eq!(error, "nothing to bless called `everything`; there are clippy, golden, api");
    }
}
