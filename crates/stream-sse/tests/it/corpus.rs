//! Real provider streams, if they are at hand.

use std::path::{Path, PathBuf};

use stream_sse::DecoderLimits;

use crate::reference;
use crate::support::decode;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sse") {
            found.push(path);
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn recorded_streams_decode_as_the_standard_says_in_any_chunks() {
    let Some(folder) = std::env::var_os("MILLSTREAM_CORPUS") else {
        eprintln!("not run: MILLSTREAM_CORPUS is not set");
        return;
    };
    let mut found = Vec::new();
    files(Path::new(&folder), &mut found);
    assert!(!found.is_empty(), "no streams in {}", folder.display());
    for path in found {
        let bytes = std::fs::read(&path).expect("a readable file");
        let want = reference::interpret(&bytes);
        for size in [1, 7, 64, 1400, 16_384, usize::MAX] {
            let got = decode(DecoderLimits::default(), bytes.chunks(size));
            assert_eq!(got, want, "{} in chunks of {size}", path.display());
        }
    }
}
