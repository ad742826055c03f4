//! `cargo xtask conformance`: what we write, read by the clients that others publish.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::args::{Args, UsageError};
use crate::corpus::{self, PACKAGES};
use crate::executables::Executables;
use crate::process::{Process, program};

/// The scripts, and the lock files of what they import.
const SCRIPTS: &str = "crates/checks/conformance";

/// Where the clients for Python are installed, below the scripts.
const VENV: &str = "crates/checks/conformance/.venv";

/// Where npm installs the AI SDK and its Node.
const NODE_MODULES: &str = "crates/checks/conformance/node_modules";

/// `cargo xtask conformance llm [--dir DIR]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let suite = args.word();
    let dir = args.path("--dir")?;
    args.finish()?;
    match suite.as_deref() {
        Some("llm") => llm(dir.or_else(corpus::find).as_deref()),
        Some(other) => {
            Err(UsageError(format!("no conformance suite `{other}`; there is llm")).into())
        }
        None => Err(UsageError("which conformance suite? there is llm".to_owned()).into()),
    }
}

/// Has the official clients of LLM providers read our encodings.
fn llm(dir: Option<&Path>) -> Result<()> {
    install(&python())?;
    install(&node())?;
    let built = Executables::build(&[PACKAGES, &["--bin=conformance"]].concat())?;
    let mut check = program(built.path("conformance")?)
        .args([Path::new("--python"), &Path::new(VENV).join("bin/python")])
        .args([Path::new("--node"), &Path::new(NODE_MODULES).join(".bin/node")])
        .args(["--scripts", SCRIPTS]);
    match dir {
        Some(dir) => check = check.args([Path::new("--dir"), dir]),
        None => corpus::say_untested(),
    }
    check.run()
}

/// Clients that are installed from a lock file.
struct Installation {
    /// The lock file.
    lock: PathBuf,
    /// Where they go.
    folder: PathBuf,
    /// The commands that put them there, run one after the other.
    commands: Vec<Vec<String>>,
}

fn python() -> Installation {
    let lock = Path::new(SCRIPTS).join("requirements.txt");
    let pip = format!("{VENV}/bin/pip install --quiet --disable-pip-version-check --no-deps -r");
    let commands = vec![
        words(&format!("python3 -m venv {VENV}")),
        words(&format!("{pip} {}", lock.display())),
    ];
    Installation { lock, folder: VENV.into(), commands }
}

fn node() -> Installation {
    let lock = Path::new(SCRIPTS).join("package-lock.json");
    let commands = vec![words(&format!("npm --prefix {SCRIPTS} ci --no-audit --no-fund"))];
    Installation { lock, folder: NODE_MODULES.into(), commands }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Installs what is not there as its lock file has it; fails with the commands to run.
fn install(installation: &Installation) -> Result<()> {
    let Installation { lock, folder, commands } = installation;
    let wanted = fs::read(lock)?;
    let stamp = folder.join("installed.lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    for command in commands {
        let done = start(command).map(Process::run);
        if done.is_none_or(|result| result.is_err()) {
            let lines: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
            bail!("cannot install {}; run `{}`", lock.display(), lines.join(" && "));
        }
    }
    fs::write(stamp, wanted)?;
    Ok(())
}

fn start(words: &[String]) -> Option<Process> {
    let (name, args) = words.split_first()?;
    Some(program(name).args(args))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_suite_must_be_named() {
        for line in [vec![], vec!["x".to_owned()]] {
            assert!(run(Args::new(line, PathBuf::new())).unwrap_err().is::<UsageError>());
        }
    }
}
