//! How a store on a cluster is set up.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits::{OPERATION_WAIT, SHARDS, SHARDS_MAX};

/// How a store on a cluster behaves; the defaults suit a cluster whose operator said nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsOptions {
    pub(crate) prefix: String,
    pub(crate) shards: u16,
    pub(crate) replicas: Option<u8>,
    pub(crate) synced: bool,
    pub(crate) credentials: Option<PathBuf>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            prefix: "millstream".to_owned(),
            shards: SHARDS,
            replicas: None,
            synced: false,
            credentials: None,
            user: None,
            token: None,
            roots: None,
            timeout: OPERATION_WAIT,
        }
    }
}

impl NatsOptions {
    /// What the names of streams and subjects begin with: `millstream` otherwise.
    ///
    /// Stores of one prefix share their logs.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Streams that logs are spread over, 1 to 256: [`SHARDS`] otherwise.
    ///
    /// Streams that exist keep their number, whatever is said here.
    #[must_use]
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards.clamp(1, SHARDS_MAX);
        self
    }

    /// Copies of each stream, 1 to 5, when it is made: otherwise three in a cluster and one
    /// elsewhere.
    #[must_use]
    pub fn replicas(mut self, replicas: u8) -> Self {
        self.replicas = Some(replicas.clamp(1, 5));
        self
    }

    /// Says that every server of the cluster has `sync_interval: always`, and so syncs before it
    /// acknowledges.
    ///
    /// Servers tell it to nobody but their operator.
    /// Unless it is said here, receipts claim no more than [`Durability::Os`].
    /// Servers older than 2.10 have no such setting: there it is ignored.
    ///
    /// [`Durability::Os`]: stream_log::Durability::Os
    #[must_use]
    pub fn synced(mut self) -> Self {
        self.synced = true;
        self
    }

    /// The file of credentials (a JWT and the seed of a key) to connect with.
    #[must_use]
    pub fn credentials(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials = Some(file.into());
        self
    }

    /// The user to connect as.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// The token to connect with.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The file of certificates that servers are trusted by, beside those of the system.
    #[must_use]
    pub fn roots(mut self, file: impl Into<PathBuf>) -> Self {
        self.roots = Some(file.into());
        self
    }

    /// How long an operation may take in all: [`OPERATION_WAIT`] otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Tells neither password nor token.
impl std::fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsOptions")
            .field("prefix", &self.prefix)
            .field("shards", &self.shards)
            .field("replicas", &self.replicas)
            .field("synced", &self.synced)
            .field("credentials", &self.credentials)
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("roots", &self.roots)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
