//! The stream that a connection appended to last: most writers keep to one.

use std::sync::Arc;

use stream_protocol::durable::Refusal;

use super::routes::parse_path;
use super::stream::Stream;
use super::streams::Streams;

/// Remembers a stream, so that it need not be looked up for each append.
///
/// So each connection keeps at most one stream in memory that nobody else may use any more.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Option<Arc<Stream>>);

impl LastUsed {
    /// The stream at `path`, for whoever wants to use it.
    ///
    /// # Errors
    /// A refusal if there is none, or the path is no stream's.
    pub(super) async fn or_find(
        &mut self,
        path: &str,
        streams: &Streams,
    ) -> Result<Arc<Stream>, Refusal> {
        let last = self.0.take().filter(|stream| stream.path.as_str() == path);
        let stream = match last.filter(|stream| stream.is_alive_here()) {
            Some(stream) => stream,
            None => streams.find(&parse_path(path)?).await?,
        };
        // One that must be asked about is not worth its memory.
        self.0 = Some(Arc::clone(&stream)).filter(|stream| stream.is_alive_here());
        Ok(stream)
    }
}
