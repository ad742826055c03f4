//! The one signal that ends everything in order.

use tokio::sync::watch;

/// Tells whether the server is going down; every connection has one.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Receiver<bool>);

/// The side that says so.
#[derive(Debug, Clone)]
pub(crate) struct ShutdownSender(watch::Sender<bool>);

impl ShutdownSender {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn signal(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }
}

impl Shutdown {
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server goes down.
    pub(crate) async fn begun(&mut self) {
        // An error means that the server is gone altogether.
        drop(self.0.wait_for(|begun| *begun).await.map(|_| ()));
    }
}
