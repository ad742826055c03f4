//! Any bytes in the place of a segment's frames: the scanner ends, and takes none of them for a
//! record.
//!
//! Mirrored by the tests in `crates/stream-log-disk/src/scan.rs`.
#![no_main]

use fuzz::{check_files, whole_files};

/// Bytes before the first frame.
const SEGMENT_HEADER_BYTES: usize = 48;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut files = whole_files();
    // The catalog would say what is missing; without it the segments must speak for themselves.
    files.retain(|name, _| name.ends_with(".segment"));
    if let Some(mut newest) = files.last_entry() {
        let bytes = newest.get_mut();
        let frames = SEGMENT_HEADER_BYTES.min(bytes.len());
        bytes.truncate(frames);
        bytes.extend_from_slice(data);
    }
    check_files(files);
});
