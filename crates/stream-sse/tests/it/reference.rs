//! The standard's own words as slow code, to compare the decoder with.

use crate::support::{Item, Outcome};

/// Interprets a whole stream as WHATWG HTML 9.2.6 says, step by step.
pub(crate) fn interpret(bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let mut stream = Interpreter::default();
    for line in lines(text) {
        stream.line(line);
    }
    stream.outcome
}

/// The lines that have an end.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\r', '\n']) {
        lines.push(&rest[..end]);
        let line_end = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + line_end..];
    }
    lines
}

#[derive(Default)]
struct Interpreter {
    data: String,
    event_type: String,
    id: String,
    sets_id: bool,
    outcome: Outcome,
}

impl Interpreter {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            let text = comment.strip_prefix(' ').unwrap_or(comment);
            self.outcome.items.push(Item::Comment(text.to_owned()));
        } else if let Some((field, value)) = line.split_once(':') {
            self.field(field, value.strip_prefix(' ').unwrap_or(value));
        } else {
            self.field(line, "");
        }
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.event_type),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.id);
                self.sets_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.outcome.retry_ms = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.outcome.last_event_id.clone_from(&self.id);
        let data = std::mem::take(&mut self.data);
        let event_type = std::mem::take(&mut self.event_type);
        let sets_id = std::mem::take(&mut self.sets_id);
        if let Some(data) = data.strip_suffix('\n') {
            self.outcome.items.push(Item::Event {
                event_type: if event_type.is_empty() { "message".to_owned() } else { event_type },
                data: data.to_owned(),
                last_event_id: self.outcome.last_event_id.clone(),
                sets_id,
            });
        }
    }
}
