//! What the tests share: the binary, and a server of one's own.

use std::path::Path;

use checks::program::Program;

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_millstream"))
}

/// A server on a free port of loopback, with `args` besides.
pub(crate) async fn serve(args: &[&str]) -> Program {
    serve_with(&[&["--memory"], args].concat()).await
}

/// The same, with what keeps its logs among `args`.
pub(crate) async fn serve_with(args: &[&str]) -> Program {
    let all = ["serve", "--dev", "--listen", "127.0.0.1:0"];
    Program::start(binary(), all.iter().chain(args)).await.unwrap()
}

/// Where the small recording lies that the tests bring with them.
pub(crate) const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/chat.sse");
