//! The bytes of a stored event: no bytes make it panic, and an event that is read is written and
//! read again as it was.
//!
//! Mirrored by `events_read_back` and `no_bytes_make_it_panic` in
//! `crates/stream-model/src/envelope.rs`.
#![no_main]

use bytes::Bytes;
use stream_model::Event;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(event) = Event::decode(&Bytes::copy_from_slice(data)) {
        let written = event.encode();
        assert_eq!(Event::decode(&written).as_ref(), Ok(&event));
        assert_eq!(Event::decode(&written).map(|event| event.encode()), Ok(written));
    }
});
