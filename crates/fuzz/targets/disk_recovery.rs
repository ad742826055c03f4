//! A damaged disk: no damage makes opening it panic, and no byte of a record is read that was not
//! written there.
//!
//! Mirrored by the tests in `crates/stream-log-disk/src/engine/simulation/damage.rs`.
#![no_main]

use fuzz::{Input, check_files, whole_files};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut files = whole_files();
    let names: Vec<String> = files.keys().cloned().collect();
    while !input.is_empty() {
        let name = &names[input.below(names.len())];
        let kind = input.byte() % 5;
        let other = &names[input.below(names.len())];
        let Some(bytes) = files.get_mut(name).filter(|bytes| !bytes.is_empty()) else { continue };
        let at = input.short() % bytes.len();
        match kind {
            0 => bytes[at] ^= input.byte().max(1),
            1 => {
                let with = input.bytes();
                let end = bytes.len().min(at + with.len());
                bytes[at..end].copy_from_slice(&with[..end - at]);
            }
            2 => bytes.truncate(at),
            3 => drop(files.remove(name)),
            _ => {
                let from = bytes.clone();
                files.insert(other.clone(), from);
            }
        }
    }
    check_files(files);
});
