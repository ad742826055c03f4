//! What the guide's streams have in common, for the cases.

use anyhow::bail;
use millstream::asynchronous::{
    DataChunk, DataStream, Delivery, EventStream, GenericEvent, HandlerId, ItemHandler, Message,
    MessageStream,
};
use serde_json::{Value, json};
use tokio::time::Duration;

/// An item with data.
pub(super) trait Carries: Clone + Send + Sync + 'static {
    fn data(&self) -> &Value;
}

impl Carries for DataChunk<Value> {
    fn data(&self) -> &Value {
        &self.data
    }
}

impl Carries for GenericEvent<Value> {
    fn data(&self) -> &Value {
        &self.data
    }
}

impl Carries for Message<Value> {
    fn data(&self) -> &Value {
        &self.content
    }
}

/// A stream of one kind; what it does not do is an error.
pub(super) trait Kind {
    type Item: Carries;

    fn data(item: &Self::Item) -> &Value {
        item.data()
    }

    fn enter(&self, route: &str, handler: ItemHandler<Self::Item>) -> anyhow::Result<HandlerId>;
    fn leave(&self, id: HandlerId) -> bool;
    async fn put(&self, route: &str, data: Value) -> anyhow::Result<()>;
    fn change(&self, change: impl Fn(Value) -> Value + Send + Sync + 'static)
    -> anyhow::Result<()>;
    async fn close(&self);

    fn on_error(
        &self,
        _route: &str,
        _handler: impl Fn(&Self::Item) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        bail!("not an operation of this stream")
    }

    async fn get(&self, _timeout: Option<f64>) -> anyhow::Result<Value> {
        bail!("not an operation of this stream")
    }

    fn filter(&self, _bound: f64) -> anyhow::Result<()> {
        bail!("not an operation of this stream")
    }
}

impl Kind for DataStream<Value> {
    type Item = DataChunk<Value>;

    fn enter(&self, _: &str, handler: ItemHandler<Self::Item>) -> anyhow::Result<HandlerId> {
        Ok(self.subscribe(handler)?)
    }

    fn leave(&self, id: HandlerId) -> bool {
        self.unsubscribe(id)
    }

    async fn put(&self, _: &str, data: Value) -> anyhow::Result<()> {
        let delivery = DataStream::put(self, DataChunk::new(data)).await?;
        anyhow::ensure!(delivery != Delivery::Undeliverable, "data needs no subscriber");
        Ok(())
    }

    fn change(
        &self,
        change: impl Fn(Value) -> Value + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        self.add_transformer(move |chunk: Self::Item| {
            let data = change(chunk.data.clone());
            async move { Some(DataChunk { data, ..chunk }) }
        });
        Ok(())
    }

    async fn close(&self) {
        DataStream::close(self).await;
    }

    async fn get(&self, timeout: Option<f64>) -> anyhow::Result<Value> {
        let chunk = match timeout {
            Some(seconds) => self.get_timeout(Duration::from_secs_f64(seconds)).await,
            None => DataStream::get(self).await,
        };
        Ok(json!(chunk.map(|chunk| chunk.data)))
    }

    fn filter(&self, bound: f64) -> anyhow::Result<()> {
        self.add_filter(move |chunk: Self::Item| {
            std::future::ready(chunk.data.as_f64().is_some_and(|data| data > bound))
        });
        Ok(())
    }
}

impl Kind for EventStream<Value> {
    type Item = GenericEvent<Value>;

    fn enter(&self, route: &str, handler: ItemHandler<Self::Item>) -> anyhow::Result<HandlerId> {
        Ok(self.on(route, handler)?)
    }

    fn leave(&self, id: HandlerId) -> bool {
        self.off(id)
    }

    async fn put(&self, route: &str, data: Value) -> anyhow::Result<()> {
        self.emit(GenericEvent::new(route, data)).await?;
        Ok(())
    }

    fn change(
        &self,
        change: impl Fn(Value) -> Value + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        self.add_middleware(move |event: Self::Item| {
            let data = change(event.data.clone());
            async move { Some(GenericEvent { data, ..event }) }
        });
        Ok(())
    }

    async fn close(&self) {
        EventStream::close(self).await;
    }

    fn on_error(
        &self,
        route: &str,
        handler: impl Fn(&Self::Item) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        EventStream::on_error(self, route, move |_, event| handler(event));
        Ok(())
    }
}

impl Kind for MessageStream<Value> {
    type Item = Message<Value>;

    fn enter(&self, route: &str, handler: ItemHandler<Self::Item>) -> anyhow::Result<HandlerId> {
        Ok(self.register(route, handler)?)
    }

    fn leave(&self, id: HandlerId) -> bool {
        self.unregister(id)
    }

    async fn put(&self, route: &str, data: Value) -> anyhow::Result<()> {
        let before = self.counts().undeliverable;
        let delivery = self.send(Message::new("alice", route, data)).await?;
        let is_reported = self.counts().undeliverable > before;
        anyhow::ensure!(is_reported == (delivery == Delivery::Undeliverable), "lost in silence");
        Ok(())
    }

    fn change(
        &self,
        change: impl Fn(Value) -> Value + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        self.add_middleware(move |message: Self::Item| {
            let content = change(message.content.clone());
            async move { Some(Message { content, ..message }) }
        });
        Ok(())
    }

    async fn close(&self) {
        MessageStream::close(self).await;
    }

    fn on_error(
        &self,
        route: &str,
        handler: impl Fn(&Self::Item) + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        MessageStream::on_error(self, route, move |_, message| handler(message));
        Ok(())
    }
}
