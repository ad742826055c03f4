//! `cargo xtask vectors`: the golden cases of each documented behaviour.

use anyhow::Result;

use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::process::program;

/// `cargo xtask vectors [--dir DIR]`; without a folder, the cases that the crates carry.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let dir = args.path("--dir")?;
    args.finish()?;
    let built = Executables::build(&[PACKAGES, &["--bin=vectors"]].concat())?;
    let mut check = program(built.path("vectors")?);
    if let Some(dir) = dir {
        check = check.args(["--dir".as_ref(), dir.as_os_str()]);
    }
    check.run()
}
