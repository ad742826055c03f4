//! `genai`, in a process of its own, which is told over a pipe what to decode.
//!
//! It gets a workspace of its own because it switches on `preserve_order` in `serde_json`, which
//! would change what everybody else here is measured with.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

use super::recording::Recording;

/// The manifest of the process, from the folder of this crate.
const MANIFEST: &str = "genai/Cargo.toml";

/// A running process that knows some recordings.
#[derive(Debug)]
pub(super) struct Genai {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What all recordings say, put together in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) reasoning: String,
}

impl Genai {
    /// Builds and starts the process and hands it the recordings.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub(super) fn start(recordings: &[Recording]) -> anyhow::Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(MANIFEST);
        let mut process = Command::new(cargo)
            .args(["run", "--quiet", "--release", "--locked", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(target_folder()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let mut commands = process.stdin.take().context("no pipe to the process")?;
        let answers = process.stdout.take().context("no pipe from the process")?;
        for recording in recordings {
            writeln!(commands, "recording {} {}", recording.format, recording.bytes.len())?;
            commands.write_all(&recording.bytes)?;
        }
        Ok(Self { process, commands, answers: BufReader::new(answers) })
    }

    /// Has all recordings decoded, each served over loopback in chunks of `chunk_bytes`.
    ///
    /// # Errors
    /// The process is gone or says what went wrong.
    pub(super) fn decode(&mut self, chunk_bytes: usize) -> anyhow::Result<Said> {
        self.ask("decode", chunk_bytes)
    }

    /// Has the same bytes served and read by the same HTTP client, and nothing made of them.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub(super) fn transport(&mut self, chunk_bytes: usize) -> anyhow::Result<Said> {
        self.ask("transport", chunk_bytes)
    }

    fn ask(&mut self, what: &str, chunk_bytes: usize) -> anyhow::Result<Said> {
        writeln!(self.commands, "{what} {chunk_bytes}")?;
        self.commands.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let lengths: Vec<usize> =
            head.split_whitespace().map(str::parse).collect::<Result<_, _>>().unwrap_or_default();
        let &[text, reasoning] = lengths.as_slice() else {
            bail!("genai's process said {head:?}");
        };
        Ok(Said { text: self.read(text)?, reasoning: self.read(reasoning)? })
    }

    fn read(&mut self, bytes: usize) -> anyhow::Result<String> {
        let mut text = vec![0; bytes];
        self.answers.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

/// Ends the process, whatever it is doing.
impl Drop for Genai {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A folder beside the one in which this program was built.
fn target_folder() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("this program does not know where it lies")?;
    let folder = program.ancestors().nth(2).context("this program lies in no target folder")?;
    Ok(folder.join("genai"))
}
