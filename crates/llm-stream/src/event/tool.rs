//! Tool calls as events: that one begins, and the whole of it.

use serde::{Deserialize, Serialize};

use super::RawJson;
use super::metadata::is_zero;
use crate::names::wire_names;

/// Who runs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Executor {
    /// The caller of the model must run it.
    #[default]
    Client,
    /// The provider runs it itself.
    Server,
}

wire_names!(Executor {
    Client = "client",
    Server = "server",
});

/// The beginning of a tool call; its arguments follow as deltas of the same choice and part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolStart {
    /// The choice that calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// The part that the call is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u32,
    /// Its place among the choice's calls, counted from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub index: u32,
    /// The provider's id of the call; empty if it gave none (so far).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The tool's name.
    #[serde(default)]
    pub name: String,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "is_client")]
    pub by: Executor,
}

/// A whole tool call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ToolCall {
    /// The choice that calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// The part that the call is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u32,
    /// Its place among the choice's calls, counted from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub index: u32,
    /// The provider's id of the call; empty if it gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The tool's name.
    #[serde(default)]
    pub name: String,
    /// The arguments: JSON text, or free text for a custom tool.
    ///
    /// `{}` where a finished call has none at all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "is_client")]
    pub by: Executor,
    /// Whether the arguments are whole; if not, the stream or a token limit cut them off.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub complete: bool,
    /// Whether the arguments are free text for a custom tool rather than JSON.
    #[serde(default, skip_serializing_if = "is_false")]
    pub custom: bool,
    /// The provider's own object, where it says more than the fields above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawJson>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_client(by: &Executor) -> bool {
    *by == Executor::Client
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
