//! Folders of every format that was ever written, kept to be read for ever.
//!
//! A new format adds a folder and changes none: `UPDATE=1` writes those of the present formats if
//! they are missing.

use std::fs;
use std::path::{Path, PathBuf};

use stream_log::{Durability, LogStore, ReadError, ReadFrom, ReadLimit};
use stream_log_disk::{DiskOptions, DiskStore, inspect};
use stream_model::{Offset, Producer, ProducerId};

use crate::support::{batch, find, log, name, payloads};

/// The folders of the formats that this version writes: of segments as they are filled, and of
/// those that were compacted.
const PRESENT: [(&str, u8); 2] = [("format-1", FILLED), ("format-2", COMPACTED)];
const FILLED: u8 = 1;
const COMPACTED: u8 = 2;

/// Where a segment says its format.
const FORMAT_AT: usize = b"MSTREAM".len();

/// Fills a sealed segment with few of them.
const LONG: &str = "a record of one hundred bytes, which are enough to fill a segment with a few \
                    hundreds of records, yes";

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(format)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn producer(seq: u64) -> Producer {
    Producer { id: ProducerId::new("p").unwrap(), epoch: 3, seq }
}

async fn fill(store: &DiskStore, name: &str, batches: usize) {
    for _ in 0..batches {
        let batch = batch(&[LONG; 10]).durability(Durability::Os);
        assert!(log(store, name).await.append(batch).await.is_ok());
    }
}

/// Something of everything; with what is needed of the first segment alone, if it is compacted.
async fn write(path: &Path, format: u8) {
    let store = DiskStore::open(path, DiskOptions::default().segment_bytes(0)).unwrap();
    if format == COMPACTED {
        fill(&store, "forgotten", 45).await;
    }
    fill(&store, "long", 65).await;
    let closed = batch(&["last"]).producer(producer(0)).close();
    assert!(log(&store, "closed").await.append(closed).await.is_ok());
    let trimmed = log(&store, "trimmed").await;
    assert!(trimmed.append(batch(&["a", "b", "c"])).await.is_ok());
    trimmed.trim(Offset::new(2)).await.unwrap();
    assert!(log(&store, "deleted").await.append(batch(&["x"])).await.is_ok());
    assert!(store.delete(&name("deleted")).await.unwrap());
    if format == COMPACTED {
        assert!(store.delete(&name("forgotten")).await.unwrap());
        while store.usage().freed_bytes == 0 {
            tokio::task::yield_now().await;
        }
    }
    store.close();
}

/// The format of the first segment.
fn format_of(folder: &Path) -> u8 {
    fs::read(segment(folder, 1)).unwrap()[FORMAT_AT]
}

fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016x}.segment"))
}

/// Keeps what matters: not the zeros behind the last frame, nor the lock, nor the segment that
/// waits to be the next.
fn keep(from: &Path, to: &Path) {
    copy(from, to);
    fs::remove_file(to.join("lock")).unwrap();
    let segments = inspect(from).unwrap().segments;
    for one in &segments {
        let file = fs::File::options().write(true).open(segment(to, one.number)).unwrap();
        file.set_len(one.used_bytes).unwrap();
    }
    let next = segments.iter().map(|one| one.number + 1).max().unwrap_or_default();
    fs::remove_file(segment(to, next)).ok();
}

#[tokio::test]
async fn every_format_that_was_ever_written_is_read() {
    for (name, format) in PRESENT {
        let folder = folder(name);
        if std::env::var_os("UPDATE").is_some() && !folder.exists() {
            let fresh = tempfile::tempdir().unwrap();
            write(fresh.path(), format).await;
            keep(fresh.path(), &folder);
        }
        assert_eq!(format_of(&folder), format, "{name}");
    }
    let kept = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    for format in kept {
        let place = tempfile::tempdir().unwrap();
        copy(&format, place.path());
        let looked = inspect(place.path()).unwrap();
        assert_eq!((looked.segments.len(), looked.logs.len()), (2, 3), "{}", format.display());
        let store = DiskStore::open(place.path(), DiskOptions::default()).unwrap();
        assert_eq!(store.damage(), [], "{}", format.display());
        look(&store).await;
    }
}

async fn look(store: &DiskStore) {
    let long = payloads(&*find(store, "long").await.unwrap()).await;
    assert_eq!(long.len(), 650);
    assert!(long.iter().all(|payload| payload == LONG));
    let closed = find(store, "closed").await.unwrap();
    assert!(closed.tail().await.unwrap().state.closed);
    let again = batch(&["last"]).producer(producer(0));
    assert!(closed.append(again).await.unwrap().duplicate);
    let trimmed = find(store, "trimmed").await.unwrap();
    assert_eq!(payloads(&*trimmed).await, ["c"]);
    let gone = trimmed.read(ReadFrom::Offset(Offset::new(1)), ReadLimit::default()).await;
    assert!(matches!(gone, Err(ReadError::Trimmed { .. })), "{gone:?}");
    for gone in ["deleted", "forgotten"] {
        assert!(find(store, gone).await.is_none(), "{gone}");
    }
}
