//! A server that a command talks to.

use anyhow::{Context, bail};
use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{Response, StatusCode};
use millstream::http::client::{CallError, Client};

use crate::cli::RemoteArgs;

/// Bytes of an answer; it is a few hundred.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A server, and who calls it.
pub(crate) struct Remote {
    client: Client,
    server: String,
    token: Option<String>,
}

impl Remote {
    pub(crate) fn new(args: RemoteArgs) -> Self {
        let server = args.server.trim_end_matches('/').to_owned();
        Self { client: Client::new(), server, token: args.token }
    }

    /// Sends a request to a path of the server, whose builder has no address yet.
    pub(crate) async fn send(
        &self,
        path: &str,
        request: Builder,
        body: Body,
    ) -> anyhow::Result<Result<Response<Body>, CallError>> {
        let url = format!("{}{path}", self.server);
        let mut request = request.uri(&url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).with_context(|| format!("cannot call {url}"))?;
        Ok(self.client.send(request).await)
    }

    /// Posts, and prints what the server answers.
    pub(crate) async fn post(
        &self,
        path: &str,
        request: Builder,
        body: Body,
    ) -> anyhow::Result<()> {
        let response = self.send(path, request.method("POST"), body).await?;
        let response = response.with_context(|| format!("cannot call {}", self.server))?;
        let (status, answer) = read(response).await?;
        if !status.is_success() {
            bail!("{}{path} answered {status}: {answer}", self.server);
        }
        println!("{answer}");
        Ok(())
    }
}

/// A short answer, whole.
pub(crate) async fn read(response: Response<Body>) -> anyhow::Result<(StatusCode, String)> {
    let status = response.status();
    let answer = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await?;
    Ok((status, String::from_utf8_lossy(&answer).into_owned()))
}
