//! Runs other programs: each command line is shown before it runs, and a failure names it.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A program about to run, and its command line as a person would type it.
#[derive(Debug)]
pub(crate) struct Process {
    command: Command,
    line: String,
}

/// The cargo that started this tool, with `args`.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Process {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Process { command: Command::new(program), line: "cargo".to_owned() }.args(args)
}

/// The program `name`, looked up as the system does.
pub(crate) fn program(name: impl AsRef<Path>) -> Process {
    let name = name.as_ref();
    Process { command: Command::new(name), line: name.display().to_string() }
}

impl Process {
    /// Adds `args` to the command line.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.line = format!("{} {}", self.line, arg.as_ref().display());
            self.command.arg(arg);
        }
        self
    }

    /// Sets an environment variable for the program.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.line = format!("{name}='{}' {}", value.as_ref().display(), self.line);
        self.command.env(name, value);
        self
    }

    /// Shows the command line and runs it with our own input and output.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("$ {}", self.line);
        let status =
            self.command.status().with_context(|| format!("cannot run `{}`", self.line))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.line);
        }
        Ok(())
    }

    /// Runs it quietly and returns what it wrote to its standard output; errors stay visible.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run `{}`", self.line))?;
        if !output.status.success() {
            bail!("`{}` ended with {}", self.line, output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("output of `{}`", self.line))
    }

    /// Runs it without a sound and says whether it could be started and ended well.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_what_was_set() {
        let process = program("cc").args(["-c", "x.c"]).env("LANG", "C");
        assert_eq!(process.line, "LANG='C' cc -c x.c");
    }

    #[test]
    fn cargo_answers_and_failures_name_the_command() {
        assert!(cargo(["--version"]).read().unwrap().starts_with("cargo "));
        assert!(cargo(["--version"]).succeeds());
        let error = cargo(["no-such-subcommand", "--quiet"]).run().unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-subcommand --quiet` ended with"), "{error}");
        assert!(!program("no-such-program-here").succeeds());
    }
}
