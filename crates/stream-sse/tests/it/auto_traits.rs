//! All public types may cross threads.

use stream_sse::client::{Input, Output, Reconnect, ReconnectOptions, StopReason};
use stream_sse::{
    Damage, Decoded, Decoder, DecoderLimits, Encoder, EventName, EventRef, Events, FieldError,
    FrameRef, Heartbeat, LastEventId, SseFrame,
};

#[test]
fn public_types_are_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<(Damage, Decoded<'_>, Decoder, DecoderLimits, Encoder, EventName<'_>, EventRef<'_>)>();
    check::<(Events<'_>, FieldError, FrameRef<'_>, Heartbeat, LastEventId<'_>, SseFrame)>();
    check::<(Input<'_>, Output, Reconnect, ReconnectOptions, StopReason)>();
}
