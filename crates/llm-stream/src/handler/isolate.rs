//! Runs the code of others so that its panics stay its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `call` and returns what it returns, or the words of its panic.
///
/// Where panics abort the process there is nothing to catch.
pub(super) fn isolate<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("no message").to_owned()
    })
}
