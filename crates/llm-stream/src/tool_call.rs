//! Assembles tool calls from the fragments that providers really send.

use std::collections::VecDeque;

use serde::de::IgnoredAny;

use crate::event::{
    Channel, Delta, ErrorKind, EventBody, Executor, Metadata, RawJson, StreamError, StreamEvent,
    ToolCall, ToolStart,
};
use crate::json_end::JsonEnd;
use crate::limits::{Limits, TOOL_CALL_EMISSIONS_MAX};

/// A piece of a tool call, as a provider's payload has it.
///
/// Empty ids and names count as missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToolFragment<'a> {
    /// The choice that calls.
    pub choice: u32,
    /// The provider's index of the call, if it sends one; need be neither dense nor unique.
    pub index: Option<u64>,
    /// The provider's id of the call.
    pub id: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// The next piece of the arguments.
    pub arguments: &'a str,
    /// The part number to use if this fragment begins a new call.
    pub part: u32,
    /// Who runs the tool; only a call's first fragment is asked.
    pub by: Executor,
    /// Whether the arguments are free text; only a call's first fragment is asked.
    pub custom: bool,
}

/// Turns fragments into tool-call events.
///
/// A call begins with [`ToolStart`], goes on with deltas of [`Channel::ToolArguments`], and is
/// emitted whole as [`ToolCall`] as soon as its JSON closes.
/// Fragments may lack an index, reuse one for another call, resend ids and names, or hold all of
/// the arguments at once. Time is linear in the bytes of the arguments.
///
/// # Examples
/// ```
/// use llm_stream::{EventBody, ToolCallAssembler, ToolFragment};
///
/// let mut calls = ToolCallAssembler::default();
/// calls.push(ToolFragment { id: "c1", name: "now", arguments: r#"{"zone":"#, ..Default::default() });
/// calls.push(ToolFragment { arguments: r#""UTC"}"#, ..Default::default() });
/// let last = std::iter::from_fn(|| calls.next_event()).last();
/// let Some(EventBody::ToolCall(call)) = last.map(|event| event.body) else { panic!() };
/// assert_eq!(call.arguments, r#"{"zone":"UTC"}"#);
/// ```
#[derive(Debug, Default)]
pub struct ToolCallAssembler {
    calls: Vec<Call>,
    limits: Limits,
    refused: bool,
    last: Option<usize>,
    /// Where the calls of the present generation begin.
    generation: usize,
    out: VecDeque<StreamEvent>,
}

#[derive(Debug)]
struct Call {
    choice: u32,
    key: Option<u64>,
    position: u32,
    part: u32,
    id: String,
    name: String,
    arguments: String,
    by: Executor,
    custom: bool,
    raw: Option<RawJson>,
    end: JsonEnd,
    /// Whether arguments were dropped because of the limit.
    cut: bool,
    stage: Stage,
    /// How often it has been emitted.
    emissions: u32,
}

/// What of a call has been emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// Its start, and the arguments so far.
    Announced,
    /// All of it; nothing has come since.
    Emitted,
}

impl ToolCallAssembler {
    /// An assembler with the bounds of `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes one fragment and returns whether it began a new call.
    pub fn push(&mut self, fragment: ToolFragment<'_>) -> bool {
        let known = self.find(&fragment);
        let place = known.or_else(|| self.open(&fragment));
        self.last = place;
        let Some(call) = place.and_then(|place| self.calls.get_mut(place)) else { return false };
        call.take(&fragment, self.limits.tool_arguments_bytes_max(), &mut self.out);
        known.is_none()
    }

    /// The next event, until `None`.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        self.out.pop_front()
    }

    /// Emits the calls of `choice` that have not been emitted; `whole` tells whether the provider
    /// says that it is done with them.
    pub fn finish_choice(&mut self, choice: u32, whole: bool) {
        for call in &mut self.calls {
            let fresh = call.emissions < TOOL_CALL_EMISSIONS_MAX;
            if call.choice == choice && call.stage != Stage::Emitted && fresh {
                call.emit(whole, &mut self.out);
            }
        }
    }

    /// Emits all calls that have not been emitted, as not complete where their JSON is not.
    pub fn finish(&mut self) {
        for call in &mut self.calls {
            if call.stage != Stage::Emitted {
                call.emit(false, &mut self.out);
            }
        }
    }

    /// Emits what is open, and counts calls from 0 again.
    pub(crate) fn begin_generation(&mut self) {
        self.finish();
        self.generation = self.calls.len();
    }

    /// Whether `choice` has made a call that its caller must run, in this generation.
    pub(crate) fn any_for_client(&self, choice: u32) -> bool {
        let mut calls = self.calls.iter().skip(self.generation);
        calls.any(|call| call.choice == choice && call.by == Executor::Client)
    }

    /// Which call the last fragment belonged to.
    pub(crate) fn last_place(&self) -> Option<usize> {
        self.last
    }

    /// Takes more arguments of the call at `place`; refuses if it has been emitted, because then
    /// it needs a look at the whole fragment.
    pub(crate) fn push_to(&mut self, place: usize, arguments: &str) -> bool {
        let Some(call) = self.calls.get_mut(place).filter(|call| call.stage != Stage::Emitted)
        else {
            return false;
        };
        let fragment = ToolFragment { arguments, ..ToolFragment::default() };
        call.take(&fragment, self.limits.tool_arguments_bytes_max(), &mut self.out);
        true
    }

    /// Emits the latest call with this choice and index, if it has not been emitted.
    ///
    /// `fallback` is what its arguments are if no fragment brought any.
    pub(crate) fn close(&mut self, choice: u32, index: u64, fallback: &str) {
        let Some(call) = self.latest(choice, Some(index)) else { return };
        let Some(call) = self.calls.get_mut(call) else { return };
        if call.arguments.is_empty() && fallback != "{}" {
            call.announce(&mut self.out);
            call.append(fallback, &mut self.out);
        }
        if call.stage != Stage::Emitted {
            call.emit(true, &mut self.out);
        }
    }

    /// Keeps the provider's own object with the latest call of this choice and index.
    pub(crate) fn keep_raw(&mut self, choice: u32, index: u64, raw: &str) {
        let call = self.latest(choice, Some(index));
        if let Some(call) = call.and_then(|call| self.calls.get_mut(call)) {
            call.raw = Some(RawJson::from_valid(raw));
        }
    }

    fn latest(&self, choice: u32, key: Option<u64>) -> Option<usize> {
        self.calls.iter().rposition(|call| call.choice == choice && call.key == key)
    }

    /// The call that a fragment continues; `None` if it begins a new one.
    fn find(&self, fragment: &ToolFragment<'_>) -> Option<usize> {
        let of_choice = |call: &Call| call.choice == fragment.choice;
        let of_index = |call: &Call| fragment.index.is_none() || call.key == fragment.index;
        let same_id = |call: &Call| !call.id.is_empty() && call.id == fragment.id;
        let mut places = self.calls.iter();
        let known = places.rposition(|call| of_choice(call) && of_index(call) && same_id(call));
        let place = known.or_else(|| {
            let can_lack_id = fragment.index.is_some() || fragment.id.is_empty();
            let latest = self.calls.iter().rposition(|call| of_choice(call) && of_index(call));
            latest.filter(|_| can_lack_id)
        })?;
        self.calls.get(place).filter(|call| call.continues(fragment)).map(|_| place)
    }

    fn open(&mut self, fragment: &ToolFragment<'_>) -> Option<usize> {
        if self.calls.len() >= self.limits.tool_calls_max() {
            if !self.refused {
                self.refused = true;
                let message = format!("more than {} tool calls", self.limits.tool_calls_max());
                self.out.push_back(limit_error(message));
            }
            return None;
        }
        let siblings = self.calls.iter().skip(self.generation);
        let siblings = siblings.filter(|call| call.choice == fragment.choice).count();
        self.calls.push(Call {
            choice: fragment.choice,
            key: fragment.index,
            position: u32::try_from(siblings).unwrap_or(u32::MAX),
            part: fragment.part,
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            by: fragment.by,
            custom: fragment.custom,
            raw: None,
            end: JsonEnd::default(),
            cut: false,
            stage: Stage::New,
            emissions: 0,
        });
        Some(self.calls.len() - 1)
    }
}

impl Call {
    /// Whether a fragment found by its index, id or position belongs to this call.
    fn continues(&self, fragment: &ToolFragment<'_>) -> bool {
        let new_id = !fragment.id.is_empty() && !self.id.is_empty() && fragment.id != self.id;
        if new_id {
            return false;
        }
        let same_id = !fragment.id.is_empty() && fragment.id == self.id;
        let named = !fragment.name.is_empty();
        // Without an id, a name announces a new call if this one is whole or has another name.
        let announces = named && !same_id;
        let other_name =
            fragment.index.is_none() && !self.name.is_empty() && self.name != fragment.name;
        !(announces
            && (other_name
                || (self.stage == Stage::Emitted && !fragment.arguments.trim().is_empty())))
    }

    fn take(
        &mut self,
        fragment: &ToolFragment<'_>,
        bytes_max: usize,
        out: &mut VecDeque<StreamEvent>,
    ) {
        if self.id.is_empty() {
            fragment.id.clone_into(&mut self.id);
        }
        self.take_name(fragment);
        if !self.name.is_empty() || !fragment.arguments.is_empty() {
            self.announce(out);
        }
        let repeats = self.stage == Stage::Emitted
            && (fragment.arguments.trim().is_empty() || fragment.arguments == self.arguments);
        if fragment.arguments.is_empty() || repeats || self.cut {
            return;
        }
        if self.arguments.len() + fragment.arguments.len() > bytes_max {
            self.cut = true;
            out.push_back(limit_error(format!("tool arguments longer than {bytes_max} bytes")));
            return;
        }
        self.append(fragment.arguments, out);
    }

    /// Sets the name, or completes one that comes in pieces before the arguments.
    fn take_name(&mut self, fragment: &ToolFragment<'_>) {
        let name = fragment.name;
        if self.name.is_empty() || (name.len() > self.name.len() && name.starts_with(&self.name)) {
            name.clone_into(&mut self.name);
        } else if name != self.name && fragment.id.is_empty() && self.arguments.is_empty() {
            self.name.push_str(name);
        }
    }

    fn announce(&mut self, out: &mut VecDeque<StreamEvent>) {
        if self.stage != Stage::New {
            return;
        }
        self.stage = Stage::Announced;
        let start = ToolStart {
            choice: self.choice,
            part: self.part,
            index: self.position,
            id: self.id.clone(),
            name: self.name.clone(),
            by: self.by,
        };
        out.push_back(Metadata::ToolStart(start).into());
    }

    fn append(&mut self, piece: &str, out: &mut VecDeque<StreamEvent>) {
        self.arguments.push_str(piece);
        let delta = Delta {
            choice: self.choice,
            part: self.part,
            channel: Channel::ToolArguments,
            text: piece.to_owned(),
        };
        out.push_back(EventBody::Delta(delta).into());
        // What follows a closed value makes the call open again: its end decides what it is.
        let closes = self.end.push(piece) && !self.custom;
        self.stage = Stage::Announced;
        if closes && self.is_json() {
            self.emit(true, out);
        }
    }

    fn is_json(&self) -> bool {
        serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }

    fn emit(&mut self, whole: bool, out: &mut VecDeque<StreamEvent>) {
        self.announce(out);
        if whole && !self.custom && self.arguments.trim().is_empty() {
            "{}".clone_into(&mut self.arguments);
        }
        let complete = !self.cut && if self.custom { whole } else { self.is_json() };
        self.stage = Stage::Emitted;
        self.emissions = self.emissions.saturating_add(1);
        out.push_back(
            EventBody::ToolCall(Box::new(ToolCall {
                choice: self.choice,
                part: self.part,
                index: self.position,
                id: self.id.clone(),
                name: self.name.clone(),
                arguments: self.arguments.clone(),
                by: self.by,
                complete,
                custom: self.custom,
                raw: self.raw.clone(),
            }))
            .into(),
        );
    }
}

fn limit_error(message: String) -> StreamEvent {
    EventBody::Error(Box::new(StreamError::new(ErrorKind::Limit, message))).into()
}
