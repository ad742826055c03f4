//! What a check or bench needs beyond Rust: installed as a lock file has it, or as a command says.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::process::{Process, program};

/// Clients that are installed from a lock file.
pub(crate) struct Installation {
    /// The lock file.
    pub(crate) lock: PathBuf,
    /// Where they go.
    pub(crate) folder: PathBuf,
    /// The commands that put them there, run one after the other.
    pub(crate) commands: Vec<Vec<String>>,
}

/// A command line as a person would type it, without quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Installs what is not there as its lock file has it; fails with the commands to run.
pub(crate) fn install(installation: &Installation) -> Result<()> {
    let Installation { lock, folder, commands } = installation;
    let wanted = fs::read(lock)?;
    let stamp = folder.join("installed.lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run_all(&lock.display().to_string(), commands)?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Runs the commands that install `what`; if one fails, says what to run.
pub(crate) fn run_all(what: &str, commands: &[Vec<String>]) -> Result<()> {
    for command in commands {
        let done = start(command).map(Process::run);
        if done.is_none_or(|result| result.is_err()) {
            let lines: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
            bail!("cannot install {what}; run `{}`", lines.join(" && "));
        }
    }
    Ok(())
}

fn start(words: &[String]) -> Option<Process> {
    let (name, args) = words.split_first()?;
    Some(program(name).args(args))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_cannot_be_installed_is_named_with_its_commands() {
        let folder = std::env::temp_dir();
        let commands = vec![words("no-such-program --one"), words("no-such-program --two")];
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let installation = Installation { lock, folder, commands };
        let error = install(&installation).unwrap_err().to_string();
        let commands = "`no-such-program --one && no-such-program --two`";
        assert!(error.ends_with(&format!("; run {commands}")), "{error}");
    }
}
