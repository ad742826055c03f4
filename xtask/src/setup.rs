//! `cargo xtask setup`: what the tests need beyond a Rust toolchain, one entry each.

use anyhow::{Result, bail};

use crate::args::Args;
use crate::nats;
use crate::process::program;

/// A thing that must be on the machine before the commands that need it can run.
struct Need {
    name: &'static str,
    /// The commands that fail without it.
    needed_by: &'static str,
    /// Ends well if it is there.
    check: &'static [&'static str],
    /// Puts it there.
    install: &'static [&'static str],
}

/// Everything that is needed; what `nightly` alone wants it asks for itself.
const NEEDS: &[Need] = &[
    Need {
        name: "rustfmt",
        needed_by: "check",
        check: &["cargo", "fmt", "--version"],
        install: &["rustup", "component", "add", "rustfmt"],
    },
    Need {
        name: "clippy",
        needed_by: "check and features",
        check: &["cargo", "clippy", "--version"],
        install: &["rustup", "component", "add", "clippy"],
    },
];

/// Installs what is missing; fails with the exact command if that does not work.
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    for need in NEEDS {
        provide(need)?;
        println!("{}: ready", need.name);
    }
    println!("nats-server: {}", nats::server()?.display());
    match nats::old_server()? {
        Some(old) => println!("nats-server of Debian: {}", old.display()),
        None => println!("nats-server of Debian: not to be had without apt-get"),
    }
    Ok(())
}

fn provide(need: &Need) -> Result<()> {
    let Need { name, needed_by, check, install } = need;
    if succeeds(check) {
        return Ok(());
    }
    println!("{name}: missing, needed by {needed_by}");
    let installed = start(install).is_some_and(|install| install.run().is_ok());
    if !installed || !succeeds(check) {
        bail!("{name} is missing; install it with `{}`", install.join(" "));
    }
    Ok(())
}

fn succeeds(line: &[&str]) -> bool {
    start(line).is_some_and(crate::process::Process::succeeds)
}

fn start(line: &[&str]) -> Option<crate::process::Process> {
    let (name, args) = line.split_first()?;
    Some(program(name).args(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        let need = Need {
            name: "x",
            needed_by: "y",
            check: &["cargo", "--version"],
            install: &["no-such"],
        };
        provide(&need).unwrap();
    }

    #[test]
    fn what_cannot_be_installed_is_named_with_its_command() {
        let need = Need {
            name: "chrome",
            needed_by: "conformance",
            check: &["no-such-program"],
            install: &["no-such-installer", "chrome"],
        };
        let error = provide(&need).unwrap_err().to_string();
        assert_eq!(error, "chrome is missing; install it with `no-such-installer chrome`");
    }

    #[test]
    fn what_is_still_missing_after_installing_is_an_error() {
        let need = Need {
            name: "ghost",
            needed_by: "nobody",
            check: &["no-such-program"],
            install: &["cargo", "--version"],
        };
        let error = provide(&need).unwrap_err().to_string();
        assert_eq!(error, "ghost is missing; install it with `cargo --version`");
    }
}
