//! What the types promise to the compiler.

use stream_async::{
    AsyncStream, Batcher, BatchingStream, Consumer, DataStream, EventStream, Frame, GuideStream,
    ItemHandler, MessageStream, Peer, WebSocketStream,
};

fn crosses_threads<T: Send + Sync + std::fmt::Debug>() {}

#[test]
fn streams_cross_threads() {
    crosses_threads::<AsyncStream>();
    crosses_threads::<BatchingStream>();
    crosses_threads::<Batcher<u8>>();
    crosses_threads::<Consumer>();
    crosses_threads::<DataStream<u8>>();
    crosses_threads::<EventStream<u8>>();
    crosses_threads::<Frame>();
    crosses_threads::<GuideStream<u8>>();
    crosses_threads::<ItemHandler<u8>>();
    crosses_threads::<MessageStream<u8>>();
    crosses_threads::<Peer>();
    crosses_threads::<WebSocketStream>();
}
