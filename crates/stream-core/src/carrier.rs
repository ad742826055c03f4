//! What a hub carries that delivers events.

use std::borrow::Borrow;

use stream_model::Event;

use crate::Callback;
use crate::hub::Call;
use crate::sync::Arc;

/// An event, or an event with what was made of it once for all readers, such as its frame.
///
/// # Examples
///
/// ```
/// use std::borrow::Borrow;
/// use stream_core::Carrier;
/// use stream_model::Event;
///
/// #[derive(Clone)]
/// struct Weighed {
///     event: Event,
///     bytes: usize,
/// }
///
/// impl Borrow<Event> for Weighed {
///     fn borrow(&self) -> &Event {
///         &self.event
///     }
/// }
///
/// impl From<Weighed> for Event {
///     fn from(weighed: Weighed) -> Self {
///         weighed.event
///     }
/// }
///
/// impl Carrier for Weighed {}
/// ```
pub trait Carrier: Borrow<Event> + Into<Event> + Clone + Send + Sync + 'static {
    /// Lets a hub call an event's handler.
    fn callback(handler: Arc<Call<Event>>) -> Callback<Self> {
        Callback::new(move |carrier: &Self| handler(carrier.borrow()))
    }
}

impl Carrier for Event {
    /// Without a call in between.
    fn callback(handler: Arc<Call<Self>>) -> Callback<Self> {
        Callback::shared(handler)
    }
}
