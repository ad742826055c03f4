//! How many files this process may have open: each connection is one.

use millstream::http::limits::CONNECTIONS_MAX;
use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Files beside the connections: segments, indexes, listeners, and connections to providers.
const OTHER_FILES: usize = 1024;

/// Opens as many files as `asked` connections need, or as the system lets it; says how many
/// connections there may be.
///
/// Who asks for no number gets what fits, and who asks for more than fits is warned.
pub(crate) fn connections_max(asked: Option<usize>) -> usize {
    let wanted = asked.unwrap_or(CONNECTIONS_MAX);
    let fits = files(wanted.saturating_add(OTHER_FILES)).saturating_sub(OTHER_FILES);
    match asked {
        Some(asked) if asked > fits => {
            warn!(
                connections_max = asked,
                fits, "the system allows fewer open files; raise `ulimit -n`"
            );
            asked
        }
        Some(asked) => asked,
        None => {
            let max = wanted.min(fits).max(1);
            debug!(connections_max = max, "as many connections as there may be open files");
            max
        }
    }
}

/// The files that may be open, `wanted` of them if the system allows it.
fn files(wanted: usize) -> usize {
    let to_usize = |files: Option<u64>| {
        files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
    };
    let mut limit = getrlimit(Resource::Nofile);
    let current = to_usize(limit.current);
    if current >= wanted {
        return current;
    }
    let most = to_usize(limit.maximum).min(wanted);
    limit.current = u64::try_from(most).ok();
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => most,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_promised_more_than_fits_without_asking() {
        assert_eq!(connections_max(Some(7)), 7);
        let max = connections_max(None);
        assert!((1..=CONNECTIONS_MAX).contains(&max));
        let allowed = to_count(getrlimit(Resource::Nofile).current);
        assert!(max <= allowed, "{max} of {allowed}");
    }

    fn to_count(files: Option<u64>) -> usize {
        files.map_or(usize::MAX, |files| usize::try_from(files).unwrap())
    }
}
