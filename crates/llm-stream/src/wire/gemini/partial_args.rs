//! Arguments that come as values at JSON paths, written as one JSON text while they come.

use super::super::lenient::{Raw, Text, payload};
use crate::event::write_string;

payload! {
    /// A value, or a piece of a string, at a path.
    pub(super) struct PartialArg<'a> {
        path: Text<'a> = "jsonPath",
        string: Text<'a> = "stringValue",
        number: Raw<'a> = "numberValue",
        boolean: Raw<'a> = "boolValue",
        null: Raw<'a> = "nullValue",
        will_continue: Raw<'a> = "willContinue",
    }
}

/// One step of a path: a field of an object, or an element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(String),
}

/// Writes values in the order in which their paths come.
///
/// The order is taken for that of the document: a container that a path has left is closed.
#[derive(Debug, Default)]
pub(super) struct ArgsWriter {
    /// The path of the last value; a container is open for each of its steps.
    path: Vec<Step>,
    in_string: bool,
}

impl ArgsWriter {
    /// Appends what a partial argument adds to the text.
    pub(super) fn write(&mut self, argument: &PartialArg<'_>, out: &mut String) {
        let path = parse_path(argument.path.as_str());
        if path.is_empty() {
            return;
        }
        let continues = self.in_string && path == self.path;
        if !continues {
            self.move_to(path, out);
        }
        let scalar = argument.number.0.or(argument.boolean.0);
        match (argument.string.0.as_deref(), scalar) {
            (Some(piece), _) => {
                if !continues {
                    out.push('"');
                }
                push_escaped(piece, out);
                self.in_string = true;
                if !argument.will_continue.is_true() {
                    self.end_string(out);
                }
            }
            (None, Some(scalar)) if !continues => out.push_str(scalar),
            (None, None) if !continues => out.push_str("null"),
            _ => self.end_string(out),
        }
    }

    /// Appends what closes all that is open.
    pub(super) fn finish(&mut self, out: &mut String) {
        self.end_string(out);
        for step in self.path.drain(..).rev() {
            out.push(step.closer());
        }
    }

    /// Leaves the last value's place and goes to `path`.
    fn move_to(&mut self, path: Vec<Step>, out: &mut String) {
        self.end_string(out);
        let same = self.path.iter().zip(&path).take_while(|(old, new)| old == new).count();
        // The last step of either path is a value, not a container to stay in.
        let same = same.min(self.path.len().saturating_sub(1)).min(path.len().saturating_sub(1));
        let stays = !self.path.is_empty();
        for step in self.path.iter().skip(same + 1).rev() {
            out.push(step.closer());
        }
        for (depth, step) in path.iter().enumerate().skip(same) {
            if stays && depth == same {
                out.push(',');
            } else {
                out.push(step.opener());
            }
            if let Step::Field(name) = step {
                out.push('"');
                push_escaped(name, out);
                out.push_str("\":");
            }
        }
        self.path = path;
    }

    fn end_string(&mut self, out: &mut String) {
        if std::mem::take(&mut self.in_string) {
            out.push('"');
        }
    }
}

impl Step {
    fn opener(&self) -> char {
        match self {
            Self::Field(_) => '{',
            Self::Element(_) => '[',
        }
    }

    fn closer(&self) -> char {
        match self {
            Self::Field(_) => '}',
            Self::Element(_) => ']',
        }
    }
}

/// Appends `text` as it stands inside a JSON string.
fn push_escaped(text: &str, out: &mut String) {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut quoted);
    let quoted = String::from_utf8(quoted).unwrap_or_default();
    out.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

/// The steps of a path like `$.a[0]['b c']`.
fn parse_path(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inner) => parse_bracket(inner),
            None => {
                let name = rest.strip_prefix('.').unwrap_or(rest);
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at_checked(end).unwrap_or((name, ""));
                (Step::Field(name.to_owned()), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    steps
}

/// The step whose bracket has been opened just before `inner`.
fn parse_bracket(inner: &str) -> (Step, &str) {
    for quote in ['\'', '"'] {
        if let Some(name) = inner.strip_prefix(quote) {
            let (name, after) = name.split_once(quote).unwrap_or((name, ""));
            return (Step::Field(name.to_owned()), after.strip_prefix(']').unwrap_or(after));
        }
    }
    let (index, after) = inner.split_once(']').unwrap_or((inner, ""));
    (Step::Element(index.to_owned()), after)
}

#[cfg(test)]
mod tests {
    use super::super::super::cursor::parse;
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], want: &str) {
        let mut writer = ArgsWriter::default();
        let mut text = String::new();
        for argument in arguments {
            writer.write(&parse(argument).unwrap(), &mut text);
        }
        writer.finish(&mut text);
        assert_eq!(text, want);
        if !want.is_empty() {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    #[test]
    fn strings_in_pieces() {
        check(
            &[
                r#"{"jsonPath":"$.id","stringValue":"A","willContinue":true}"#,
                r#"{"jsonPath":"$.id","stringValue":"\"B","willContinue":true}"#,
                r#"{"jsonPath":"$.id","stringValue":""}"#,
            ],
            r#"{"id":"A\"B"}"#,
        );
    }

    #[test]
    fn nested_containers_open_and_close() {
        check(
            &[
                r#"{"jsonPath":"$.list[0].name","stringValue":"x"}"#,
                r#"{"jsonPath":"$.list[0].price","numberValue":0.5}"#,
                r#"{"jsonPath":"$.list[1].name","stringValue":"y"}"#,
                r#"{"jsonPath":"$['done it']","boolValue":true}"#,
                r#"{"jsonPath":"$.none","nullValue":"NULL_VALUE"}"#,
            ],
            r#"{"list":[{"name":"x","price":0.5},{"name":"y"}],"done it":true,"none":null}"#,
        );
    }

    #[test]
    fn arrays_of_arrays() {
        check(
            &[
                r#"{"jsonPath":"$.m[0][0]","numberValue":1}"#,
                r#"{"jsonPath":"$.m[0][1]","numberValue":2}"#,
                r#"{"jsonPath":"$.m[1][0]","numberValue":3}"#,
            ],
            r#"{"m":[[1,2],[3]]}"#,
        );
    }

    #[test]
    fn nothing_is_nothing() {
        check(&[], "");
        check(&[r#"{"stringValue":"lost"}"#], "");
    }
}
