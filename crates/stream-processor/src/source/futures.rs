//! Any `futures_core::Stream` as a source.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Arrival, Source, SourceError, Sourced};
use crate::Flow;

/// The items of a [`futures_core::Stream`], counted from 0.
pub struct FromStream<S> {
    items: Pin<Box<S>>,
    next: u64,
    is_closing: bool,
    is_over: bool,
}

impl<S> FromStream<S> {
    /// The items of `stream`.
    pub fn new(stream: S) -> Self {
        Self { items: Box::pin(stream), next: 0, is_closing: false, is_over: false }
    }
}

impl<S> fmt::Debug for FromStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromStream").field("next", &self.next).finish_non_exhaustive()
    }
}

impl<S: futures_core::Stream + Send> Source for FromStream<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<S::Item>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match self.items.as_mut().poll_next(cx) {
            Poll::Ready(Some(item)) => {
                let position = self.next;
                self.next += 1;
                Poll::Ready(Some(Ok(Sourced { position, item })))
            }
            Poll::Pending if !self.is_closing => Poll::Pending,
            Poll::Ready(None) | Poll::Pending => {
                self.is_over = true;
                Poll::Ready(None)
            }
        }
    }

    #[inline]
    fn poll_each<F>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: F,
    ) -> Poll<Option<Result<(), SourceError>>>
    where
        F: FnMut(Sourced<S::Item>) -> Flow,
    {
        if self.is_over {
            return Poll::Ready(None);
        }
        // In a register for as long as items are there; nobody else changes it.
        let mut position = self.next;
        loop {
            match self.items.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    self.next = position + 1;
                    if take(Sourced { position, item }).is_break() {
                        return Poll::Ready(Some(Ok(())));
                    }
                    position += 1;
                }
                Poll::Pending if !self.is_closing => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => {
                    self.is_over = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn close(&mut self) {
        self.is_closing = true;
    }
}
