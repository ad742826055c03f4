//! Folders of every format that was ever written, kept to be read for ever.
//!
//! A new format adds a folder and changes none: `UPDATE=1` writes the one of the present format if
//! it is missing.

use std::fs;
use std::path::{Path, PathBuf};

use stream_log::{Durability, LogStore, ReadError, ReadFrom, ReadLimit};
use stream_log_disk::{DiskOptions, DiskStore, inspect};
use stream_model::{Offset, Producer, ProducerId};

use crate::support::{batch, find, log, name, payloads};

/// The folder of the format that this version writes.
const PRESENT: &str = "format-1";

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

/// Something of everything.
async fn write(path: &Path) {
    let store = DiskStore::open(path, DiskOptions::default().segment_bytes(0)).unwrap();
    for _ in 0..65 {
        let batch = batch(&[LONG; 10]).durability(Durability::Os);
        assert!(log(&store, "long").await.append(batch).await.is_ok());
    }
    let closed = batch(&["last"]).producer(producer(0)).close();
    assert!(log(&store, "closed").await.append(closed).await.is_ok());
    let trimmed = log(&store, "trimmed").await;
    assert!(trimmed.append(batch(&["a", "b", "c"])).await.is_ok());
    trimmed.trim(Offset::new(2)).await.unwrap();
    assert!(log(&store, "deleted").await.append(batch(&["x"])).await.is_ok());
    assert!(store.delete(&name("deleted")).await.unwrap());
    store.close();
}

/// Keeps what matters: not the zeros behind the last frame, nor the lock.
fn keep(from: &Path, to: &Path) {
    copy(from, to);
    fs::remove_file(to.join("lock")).unwrap();
    for segment in inspect(from).unwrap().segments {
        let file = to.join(format!("{:016x}.segment", segment.number));
        fs::File::options().write(true).open(file).unwrap().set_len(segment.used_bytes).unwrap();
    }
}

#[tokio::test]
async fn every_format_that_was_ever_written_is_read() {
    if std::env::var_os("UPDATE").is_some() && !folder(PRESENT).exists() {
        let fresh = tempfile::tempdir().unwrap();
        write(fresh.path()).await;
        keep(fresh.path(), &folder(PRESENT));
    }
    let kept = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for format in kept {
        let place = tempfile::tempdir().unwrap();
        copy(&format, place.path());
        let looked = inspect(place.path()).unwrap();
        assert_eq!((looked.segments.len(), looked.logs.len()), (2, 3), "{}", format.display());
        let store = DiskStore::open(place.path(), DiskOptions::default()).unwrap();
        assert_eq!(store.damage(), [], "{}", format.display());
        look(&store).await;
        count += 1;
    }
    assert!(count > 0 && folder(PRESENT).exists());
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
    assert!(find(store, "deleted").await.is_none());
}
