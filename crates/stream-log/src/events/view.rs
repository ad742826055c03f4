//! A projection and how far it has come.

use stream_model::Offset;

use super::{EventLog, EventQuery, Projection, ProjectionFull};
use crate::ReadError;
use crate::limits::EVENT_PAGE_MAX;

/// A projection that is kept up to date by reading only what is new.
#[derive(Debug, Clone)]
pub struct View<P> {
    query: EventQuery,
    projection: P,
    unreadable: u64,
}

/// Why a projection could not go on; it keeps what it had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The log could not be read.
    #[error("cannot read the log")]
    Read(#[from] ReadError),
    /// The projection holds as much as it may.
    #[error("cannot take the event at offset {offset}")]
    Full {
        /// The event that was not taken.
        offset: Offset,
        /// How much it may hold.
        source: ProjectionFull,
    },
}

impl<P: Projection> View<P> {
    /// A view of the events that `query` asks for, of which it has seen none yet.
    pub fn new(query: EventQuery, projection: P) -> Self {
        Self { query, projection, unreadable: 0 }
    }

    /// What the events so far add up to.
    pub fn projection(&self) -> &P {
        &self.projection
    }

    /// The projection.
    pub fn into_projection(self) -> P {
        self.projection
    }

    /// Records so far that are no events, or damaged.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Takes the events that were appended since; each one once.
    ///
    /// # Errors
    /// [`ProjectError::Read`] with [`ReadError::Trimmed`] if events were let go of before the view
    /// saw them: it can never be complete again.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the view has taken some of the events, and goes on
    /// after them.
    pub async fn catch_up(&mut self, log: &EventLog) -> Result<(), ProjectError> {
        loop {
            let (page, end) = log.page(&self.query, EVENT_PAGE_MAX).await?;
            for logged in &page.events {
                let offset = logged.offset;
                let taken = self.projection.apply(logged);
                taken.map_err(|source| ProjectError::Full { offset, source })?;
                self.query.start = Some(offset.next());
            }
            self.unreadable += page.unreadable.len() as u64;
            // A query that ends before it starts stays where it is.
            let next = page.next.unwrap_or(end);
            self.query.start = Some(self.query.start.unwrap_or(next).max(next));
            if page.next.is_none() {
                return Ok(());
            }
        }
    }
}

impl EventLog {
    /// Sums up the events that `query` asks for, as far as the log goes now.
    ///
    /// # Errors
    /// [`ProjectError`] if the log cannot be read, or the projection is full.
    ///
    /// # Cancel safety
    /// A read changes nothing.
    pub async fn project<P: Projection>(
        &self,
        query: EventQuery,
        projection: P,
    ) -> Result<P, ProjectError> {
        let mut view = View::new(query, projection);
        view.catch_up(self).await?;
        Ok(view.into_projection())
    }
}
