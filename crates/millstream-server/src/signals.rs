//! The signals that ask a process to end.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn asked_to_end() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers, the signals end the process at once, as they always did.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Has a write beyond a limit on file sizes fail, as a write to a full disk does, instead of
/// ending the process.
pub(crate) fn outlive_file_limits() -> std::io::Result<()> {
    // The handler that takes the place of the default action stays when the stream is dropped.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    Ok(())
}

/// The signal of a file that grows too long, by its number on Linux and macOS.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const SIGXFSZ: std::ffi::c_int = 25;
