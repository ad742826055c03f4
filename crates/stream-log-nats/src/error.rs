//! What can be wrong between a log and its cluster.

use stream_log::{AppendError, ReadError, StoreError, TrimError};

/// Why a store on a cluster cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No server was reached, or none let us in.
    #[error("cannot connect: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The credentials cannot be read.
    #[error("cannot read credentials")]
    Credentials(#[source] std::io::Error),
    /// The prefix is not fit for names of streams and subjects.
    #[error("expected a prefix of 1 to 32 letters, digits, `-` and `_`, found {0:?}")]
    Prefix(String),
    /// The server has no JetStream, or this account may not use it.
    #[error("server {server} of version {version} offers no jetstream")]
    NoJetStream {
        /// Its name.
        server: String,
        /// Its version.
        version: String,
    },
    /// A stream of that name is there, and is none of ours or was made by another version.
    #[error("stream {stream} was not made for logs of this version: {found:?}")]
    Foreign {
        /// The stream.
        stream: String,
        /// What it says of itself.
        found: String,
    },
    /// The cluster refused a request or gave no answer.
    #[error("cannot set up streams")]
    Engine(#[from] NatsError),
}

/// Why the cluster did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// Nobody answered in time; what was asked for may or may not happen.
    #[error("cluster gave no answer in time to a request to {what}")]
    Timeout {
        /// What it was asked for.
        what: &'static str,
    },
    /// The connection is lost or no server leads the stream; nothing was done yet.
    #[error("cluster not available to {what}")]
    Unavailable {
        /// What it was asked for.
        what: &'static str,
    },
    /// It refused.
    #[error("cluster refused to {what}: {description} ({code})")]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// JetStream's number of the error.
        code: u32,
        /// Its words.
        description: String,
    },
    /// An answer is not what this version understands.
    #[error("cannot read message {at} of the cluster")]
    Malformed {
        /// The message's number in its stream, 0 if it has none.
        at: u64,
    },
    /// The cluster lost messages of the log that it had acknowledged; what is left has a new
    /// epoch.
    #[error("cluster lost messages of the log, which has a new epoch now")]
    Lost,
    /// Others change the log so fast that this change never comes first.
    #[error("log changed too often by others")]
    Contended,
}

impl NatsError {
    /// Whether sending the same again may help.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Unavailable { .. })
    }
}

impl From<NatsError> for AppendError {
    fn from(error: NatsError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<NatsError> for ReadError {
    fn from(error: NatsError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<NatsError> for TrimError {
    fn from(error: NatsError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<NatsError> for StoreError {
    fn from(error: NatsError) -> Self {
        Self::Backend(Box::new(error))
    }
}
