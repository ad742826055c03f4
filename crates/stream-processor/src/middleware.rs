//! `tower` layers around a function of a pipeline.

use std::num::NonZeroUsize;

use stream_model::BoxError;
use tower::util::{Oneshot, ServiceFn};
use tower::{Layer, Service, ServiceExt as _, service_fn};

use crate::stage::Chain;
use crate::stages::{Fallible, MapAsync, MapAsyncOptions, NoLanes, Order};
use crate::{Stage, StreamProcessor};

/// Calls a service with an item.
type Call<T, V> = Box<dyn FnMut(T) -> Oneshot<V, T> + Send>;

/// The stage that calls a service.
type Served<T, V> = MapAsync<T, Call<T, V>, Oneshot<V, T>, Fallible>;

/// A processor with one stage more.
type With<In, S, C, B> = StreamProcessor<In, S, Chain<C, B>>;

/// # Middleware of `tower`
impl<In, S, C: Stage<In, Out: Clone>> StreamProcessor<In, S, C> {
    /// Turns each item into another by a [`tower::Service`], of which `limit` calls are under way;
    /// results keep the order of the items.
    ///
    /// Each call has a clone of the service, once that is ready.
    pub fn serve<V>(self, limit: NonZeroUsize, service: V) -> With<In, S, C, Served<C::Out, V>>
    where
        V: Service<C::Out, Error: Into<BoxError>, Response: Send + 'static> + Clone + Send,
        V: 'static,
    {
        let call: Call<C::Out, V> = Box::new(move |item| service.clone().oneshot(item));
        let options = MapAsyncOptions { order: Order::Input, limit, timeout: None };
        self.chained("serve", MapAsync::new(call, NoLanes, options).with_copies())
    }

    /// As [`try_map_async`](Self::try_map_async), with a [`tower::Layer`] around the function.
    pub fn layered<L, F, Fut, U, X>(
        self,
        limit: NonZeroUsize,
        layer: L,
        call: F,
    ) -> With<In, S, C, Served<C::Out, L::Service>>
    where
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output = Result<U, X>>,
        L: Layer<ServiceFn<F>>,
        L::Service: Service<C::Out, Error: Into<BoxError>, Response: Send + 'static>,
        L::Service: Clone + Send + 'static,
    {
        self.serve(limit, layer.layer(service_fn(call)))
    }
}
