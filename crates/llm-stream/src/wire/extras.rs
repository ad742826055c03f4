//! Remembers fields outside a format's known ones, so that each is reported only when it changes.

use crate::limits::{EXTRA_FIELD_BYTES_MAX, EXTRA_FIELDS_MAX};

/// The last seen value of each extra field.
#[derive(Debug, Default)]
pub(super) struct Extras(Vec<Seen>);

#[derive(Debug)]
struct Seen {
    choice: Option<u32>,
    key: String,
    value: String,
}

impl Extras {
    /// Notes the value of a field and returns whether it is news.
    ///
    /// Fields past [`EXTRA_FIELDS_MAX`] and values past [`EXTRA_FIELD_BYTES_MAX`] are not
    /// remembered and so always news.
    pub(super) fn is_news(&mut self, choice: Option<u32>, key: &str, value: &str) -> bool {
        let known = self.0.iter().position(|seen| seen.choice == choice && seen.key == key);
        if let Some(seen) = known.and_then(|at| self.0.get_mut(at)) {
            if seen.value == value {
                return false;
            }
            seen.value.clear();
            if value.len() <= EXTRA_FIELD_BYTES_MAX {
                seen.value.push_str(value);
            }
        } else if self.0.len() < EXTRA_FIELDS_MAX && value.len() <= EXTRA_FIELD_BYTES_MAX {
            self.0.push(Seen { choice, key: key.to_owned(), value: value.to_owned() });
        }
        true
    }
}
