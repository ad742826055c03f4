//! Why a request to a subscription was refused: a code in JSON, as its clients expect it.

use http::StatusCode;
use serde_json::{Value, json};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The body or the id has another form.
    #[error("{0}")]
    Invalid(String),
    /// The webhook points where the server may not go.
    #[error("{0}")]
    WebhookUrl(String),
    /// There is no such subscription.
    #[error("there is no such subscription")]
    NotFound,
    /// One of this id is there with another configuration.
    #[error("a subscription of this id has another configuration")]
    Exists,
    /// The server holds as many as it may.
    #[error("the server holds as many subscriptions as it may: {limit}")]
    TooMany {
        /// How many.
        limit: usize,
    },
    /// The bearer token is missing, forged or too old.
    #[error("expected the bearer token of this wake")]
    Token,
    /// A newer wake has replaced the one that the request is about.
    #[error("the wake is over")]
    Fenced,
    /// Another worker holds the lease.
    #[error("worker {holder} holds the lease")]
    AlreadyClaimed {
        /// Who.
        holder: String,
        /// The wake that it holds.
        generation: u64,
    },
    /// There is nothing to claim.
    #[error("no stream has anything new")]
    NoPendingWork,
    /// Subscriptions of this kind do not take the request.
    #[error("a {0} subscription does not take this")]
    WrongKind(&'static str),
}

impl Fault {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::WebhookUrl(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Exists
            | Self::Fenced
            | Self::AlreadyClaimed { .. }
            | Self::NoPendingWork
            | Self::WrongKind(_) => StatusCode::CONFLICT,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_REQUEST",
            Self::WebhookUrl(_) => "WEBHOOK_URL_REJECTED",
            Self::NotFound => "SUBSCRIPTION_NOT_FOUND",
            Self::Exists => "SUBSCRIPTION_EXISTS",
            Self::TooMany { .. } => "TOO_MANY_SUBSCRIPTIONS",
            Self::Token => "TOKEN_INVALID",
            Self::Fenced => "FENCED",
            Self::AlreadyClaimed { .. } => "ALREADY_CLAIMED",
            Self::NoPendingWork => "NO_PENDING_WORK",
            Self::WrongKind(_) => "WRONG_TYPE",
        }
    }

    /// The body of the answer.
    pub fn to_json(&self) -> Value {
        let (code, message) = (self.code(), self.to_string());
        let error = match self {
            Self::AlreadyClaimed { holder, generation } => json!({
                "code": code,
                "message": message,
                "current_holder": holder,
                "generation": generation,
            }),
            _ => json!({"code": code, "message": message}),
        };
        json!({ "error": error })
    }
}
