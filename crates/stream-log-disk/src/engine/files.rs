//! The files of a folder: how they are made, and which of them nobody needs.

use std::io;

use stream_model::now::new_uuid;

use crate::segment::{Header, segment_name};
use crate::vfs::Vfs;

/// What a file is called until it is complete.
pub(super) const DRAFT_ENDING: &str = ".new";

/// What the file of an emptied segment is called.
const SPARE_ENDING: &str = ".spare";

/// What checksums of a new segment start from: of no use to anybody who does not have the file.
pub(super) fn new_secret() -> u32 {
    let (_, low) = new_uuid().as_u64_pair();
    u32::try_from(low & u64::from(u32::MAX)).unwrap_or_default()
}

/// Makes a segment of `bytes`, from a spare file if there is one; says how many bytes it has.
pub(super) fn create_segment(
    vfs: &dyn Vfs,
    header: Header,
    bytes: u32,
    spare: Option<&str>,
) -> io::Result<u32> {
    let draft = format!("{}{DRAFT_ENDING}", segment_name(header.number));
    let file = match spare {
        Some(spare) => {
            vfs.rename(spare, &draft)?;
            vfs.open(&draft)?
        }
        None => vfs.create(&draft)?,
    };
    let length = u32::try_from(file.len()?).unwrap_or(u32::MAX);
    file.write_at(&header.to_bytes(), 0)?;
    let start = length.max(crate::segment::HEADER_BYTES);
    file.put_zeros(start.into(), bytes.into())?;
    file.sync_all()?;
    vfs.rename(&draft, &segment_name(header.number))?;
    vfs.sync_dir()?;
    Ok(bytes.max(length))
}

/// The name under which the file of an emptied segment is kept.
pub(super) fn spare_name(number: u64) -> String {
    format!("{number:016x}{SPARE_ENDING}")
}

/// Whether a file is kept to be used again.
pub(super) fn is_spare(name: &str) -> bool {
    name.ends_with(SPARE_ENDING)
}

/// Whether a file was being made when the process ended.
pub(super) fn is_draft(name: &str) -> bool {
    name.ends_with(DRAFT_ENDING)
}

/// Whether a failure only means that there is no room.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}
