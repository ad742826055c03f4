//! The list of commands: what each is called, what it is for, and what to say of a name that is none.

use anyhow::Result;

use crate::args::{Args, UsageError};
use crate::{
    api, bench, bless, check, ci, conformance, corpus, crash, crash_nats, docs, features, layers,
    nightly, setup, test, tidy, vectors,
};

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    /// What may follow the name.
    arguments: &'static str,
    /// One line of help.
    about: &'static str,
    run: fn(Args) -> Result<()>,
}

/// All commands, in the order in which a newcomer needs them.
const COMMANDS: &[Command] = &[
    command("setup", "", "install what the tests need beyond Rust, or say how", setup::run),
    command("check", "", "formatting, lints, layers and tidy, in seconds once built", check::run),
    command("layers", "", "prove that each crate imports lower layers only", layers::run),
    command("tidy", "", "hold the rules of docs/STYLE.md that a machine can hold", tidy::run),
    command("test", "[CRATE]", "every test and doctest, of one crate or of all", test::run),
    command(
        "features",
        "[CRATE]",
        "each crate with no features, each alone, and all",
        features::run,
    ),
    command("docs", "", "the documentation, its examples and its links", docs::run),
    command(
        "corpus",
        "[--dir DIR]",
        "recorded provider streams, through the real server",
        corpus::run,
    ),
    command("vectors", "[--dir DIR]", "golden cases of each documented behaviour", vectors::run),
    command(
        "conformance",
        "llm|sse|durable-streams",
        "the official clients, a browser and a published suite judge us",
        conformance::run,
    ),
    command(
        "crash",
        "[--points|--cycles|--appends|--seed N]",
        "kill server and disk under load, count what is lost",
        crash::run,
    ),
    command(
        "crash-nats",
        "[--faults N]",
        "kill and stop servers of a NATS cluster, count what is lost",
        crash_nats::run,
    ),
    command(
        "bench",
        "[NAME [ARGS]]",
        "one bench with optimisations on; without a name, list them",
        bench::run,
    ),
    command("api", "[--bless]", "compare the public API with docs/api", api::run),
    command(
        "bless",
        "[clippy|golden|api]",
        "rewrite what is generated; then read the diff",
        bless::run,
    ),
    command(
        "nightly",
        "[--cases N] [--seconds N]",
        "the long runs: many random cases, fuzzing",
        nightly::run,
    ),
    command("ci", "", "all of it, as continuous integration runs it", ci::run),
];

const fn command(
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(Args) -> Result<()>,
) -> Command {
    Command { name, arguments, about, run }
}

/// Runs the command that `args` names first; without a name, prints the help.
pub(crate) fn dispatch(mut args: Args) -> Result<()> {
    if args.flag("--help") || args.flag("-h") {
        print!("{}", help());
        return Ok(());
    }
    let Some(name) = args.word() else {
        print!("{}", help());
        return Ok(());
    };
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(args),
        None if name == "help" => {
            print!("{}", help());
            Ok(())
        }
        None => Err(UsageError(unknown(&name)).into()),
    }
}

/// One line per command.
fn help() -> String {
    let line = |Command { name, arguments, about, .. }: &Command| {
        let call = format!("{name} {arguments}");
        format!("  {call:<35} {about}\n")
    };
    let lines: String = COMMANDS.iter().map(line).collect();
    format!("Usage: cargo xtask COMMAND\n\n{lines}")
}

/// What to say of a command that does not exist.
fn unknown(name: &str) -> String {
    let nearest = COMMANDS.iter().map(|command| command.name).min_by_key(|c| distance(name, c));
    match nearest {
        Some(nearest) if distance(name, nearest) <= 2 || nearest.starts_with(name) => {
            format!("no command `{name}`; did you mean `{nearest}`?")
        }
        _ => format!("no command `{name}`; `cargo xtask help` lists them"),
    }
}

/// How many letters must be put in, left out or changed to make `left` into `right`.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, other) in right.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_has_a_line_for_each_command() {
        let help = help();
        for command in COMMANDS {
            assert!(help.contains(&format!("\n  {} ", command.name)), "{}", command.name);
            assert!(help.contains(command.about), "{}", command.name);
        }
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }

    #[test]
    fn names_are_unique() {
        for command in COMMANDS {
            let same = COMMANDS.iter().filter(|other| other.name == command.name).count();
            assert_eq!(same, 1, "{}", command.name);
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_the_nearest_name() {
        assert_eq!(unknown("chekc"), "no command `chekc`; did you mean `check`?");
        assert_eq!(unknown("test-all"), "no command `test-all`; `cargo xtask help` lists them");
    }

    #[test]
    fn distance_counts_letters() {
        for (left, right, want) in [("", "", 0), ("", "ab", 2), ("ab", "", 2), ("tidy", "tiny", 1)]
        {
            assert_eq!(distance(left, right), want, "{left} {right}");
        }
    }
}
