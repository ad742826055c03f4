//! `cargo xtask corpus`: recorded provider streams through the real server, compared with what they mean.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::executables::Executables;
use crate::process::program;

/// Names the folder of recorded streams, here and in every test that reads them.
pub(crate) const VARIABLE: &str = "MILLSTREAM_CORPUS";

/// Where the folder lies if nothing names it, from the root of the workspace.
const BESIDE: &str = "../shared/corpus";

/// What to choose programs from: as the tests do, so that all share what was compiled.
pub(crate) const PACKAGES: &[&str] = &["--workspace", "--all-features"];

/// `cargo xtask corpus [--dir DIR]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let given = args.path("--dir")?;
    args.finish()?;
    match given.or_else(find) {
        Some(dir) => check(&dir),
        None => bail!("no recorded streams: pass --dir DIR or set {VARIABLE}"),
    }
}

/// Checks the recorded streams if there are any; says loudly if there are none.
pub(crate) fn if_present() -> Result<()> {
    if let Some(dir) = find() {
        return check(&dir);
    }
    say_untested();
    Ok(())
}

/// Says which tests a run without recorded streams leaves out.
pub(crate) fn say_untested() {
    println!("NOT TESTED: recorded provider streams ({VARIABLE} is not set)");
}

/// The folder that the environment names, absolute, because tests run inside their crate's folder.
pub(crate) fn named() -> Option<PathBuf> {
    std::path::absolute(env::var_os(VARIABLE)?).ok()
}

/// The folder that the environment names, or the one beside the checkout.
pub(crate) fn find() -> Option<PathBuf> {
    let beside = || Some(PathBuf::from(BESIDE)).filter(|dir| dir.is_dir());
    named().or_else(beside)
}

fn check(dir: &Path) -> Result<()> {
    if !dir.is_dir() {
        bail!("no folder of recorded streams at {}", dir.display());
    }
    let programs = ["--bin=corpus", "--bin=millstream"];
    let built = Executables::build(&[PACKAGES, &programs].concat())?;
    let server = built.path("millstream")?;
    let check = program(built.path("corpus")?).args(["--dir".as_ref(), dir.as_os_str()]);
    check.args(["--server".as_ref(), server.as_os_str()]).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = check(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert_eq!(error, "no folder of recorded streams at /no/such/folder");
    }
}
