//! Conditions over events, checked by the server so that readers get only what they asked for.
//!
//! A condition is `PATH OPERATOR VALUE` without spaces around the operator, for example
//! `type=error`, `data.amount>=10` or `metadata.tenant!="acme"`.
//! The path begins with `id`, `type`, `topic`, `data` or `metadata`; dots lead into objects, and
//! digits into arrays.
//! The value is JSON if it reads as JSON, and a string otherwise.
//! All conditions of a filter must hold.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::cmp::Ordering;

use serde_json::Value;
use stream_model::Event;

use crate::limits::{CONDITION_BYTES_MAX, CONDITIONS_MAX};

/// Conditions of which every one must hold; without any, every event is taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventFilter(Vec<Condition>);

#[derive(Debug, Clone, PartialEq)]
struct Condition {
    field: Field,
    /// The keys that lead from the field to the value.
    path: Vec<String>,
    operator: Operator,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Type,
    Topic,
    Data,
    Metadata,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// In the order in which they are looked for: longer ones first.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl EventFilter {
    /// Reads conditions.
    ///
    /// # Errors
    /// [`FilterError`] if there are more than [`CONDITIONS_MAX`], or one is malformed or longer
    /// than [`CONDITION_BYTES_MAX`].
    pub fn parse<C: AsRef<str>>(
        conditions: impl IntoIterator<Item = C>,
    ) -> Result<Self, FilterError> {
        let parsed = conditions.into_iter().map(|text| Condition::parse(text.as_ref()));
        let conditions = parsed.take(CONDITIONS_MAX + 1).collect::<Result<Vec<_>, _>>()?;
        if conditions.len() > CONDITIONS_MAX {
            return Err(FilterError::TooMany);
        }
        Ok(Self(conditions))
    }

    /// Whether `event` meets every condition.
    ///
    /// A path that leads nowhere meets `!=` only; values of different kinds are unequal, and
    /// neither is less.
    pub fn takes(&self, event: &Event) -> bool {
        // Parsed once for all conditions, and only if one asks for it.
        let data = LazyCell::new(|| event.parse::<Value>().ok());
        self.0.iter().all(|condition| condition.holds(event, || data.as_ref()))
    }

    /// Whether there are no conditions.
    pub fn takes_all(&self) -> bool {
        self.0.is_empty()
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, FilterError> {
        let error = || FilterError::Form { found: text.chars().take(80).collect() };
        if text.len() > CONDITION_BYTES_MAX {
            return Err(error());
        }
        let end = text.find(['=', '!', '<', '>']).ok_or_else(error)?;
        let (path, rest) = text.split_at_checked(end).ok_or_else(error)?;
        let matching = |(sign, operator)| Some((operator, rest.strip_prefix(sign)?));
        let (operator, value) = OPERATORS.into_iter().find_map(matching).ok_or_else(error)?;
        let mut keys = path.split('.');
        let field = match keys.next() {
            Some("id") => Field::Id,
            Some("type") => Field::Type,
            Some("topic") => Field::Topic,
            Some("data") => Field::Data,
            Some("metadata") => Field::Metadata,
            _ => return Err(error()),
        };
        let path: Vec<_> = keys.map(str::to_owned).collect();
        let leads_in = matches!(field, Field::Data | Field::Metadata);
        if path.iter().any(String::is_empty) || (!leads_in && !path.is_empty()) {
            return Err(error());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { field, path, operator, value })
    }

    fn holds<'a>(&self, event: &'a Event, data: impl FnOnce() -> Option<&'a Value>) -> bool {
        let found = self.find(event, data);
        let ordering = found.and_then(|found| compare(&found, &self.value));
        match self.operator {
            Operator::Equal => ordering == Some(Ordering::Equal),
            Operator::NotEqual => ordering != Some(Ordering::Equal),
            Operator::Less => ordering == Some(Ordering::Less),
            Operator::AtMost => ordering.is_some_and(Ordering::is_le),
            Operator::Greater => ordering == Some(Ordering::Greater),
            Operator::AtLeast => ordering.is_some_and(Ordering::is_ge),
        }
    }

    fn find<'a>(
        &self,
        event: &'a Event,
        data: impl FnOnce() -> Option<&'a Value>,
    ) -> Option<Cow<'a, Value>> {
        match self.field {
            Field::Id => Some(Cow::Owned(event.id().to_string().into())),
            Field::Type => Some(Cow::Owned(event.event_type().as_str().into())),
            Field::Topic => event.topic().map(|topic| Cow::Owned(topic.into())),
            Field::Data => follow(data()?, &self.path).map(Cow::Borrowed),
            Field::Metadata => {
                let (first, rest) = self.path.split_first()?;
                follow(event.metadata().get(first)?, rest).map(Cow::Borrowed)
            }
        }
    }
}

/// The value that `path` leads to.
fn follow<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(object) => object.get(key),
        Value::Array(array) => array.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// `None` if the values are of different kinds, or have no order and are unequal.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let integers = left.as_i64().zip(right.as_i64());
            let exact = integers.map(|(left, right)| left.cmp(&right));
            exact.or_else(|| left.as_f64()?.partial_cmp(&right.as_f64()?))
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}

/// Why conditions cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// More conditions than one filter may have.
    #[error("expected at most {CONDITIONS_MAX} conditions")]
    TooMany,
    /// One has another form.
    #[error(
        "expected a condition such as type=error or data.amount>=10, at most \
         {CONDITION_BYTES_MAX} bytes long, on id, type, topic, data or metadata, found {found:?}"
    )]
    Form {
        /// How it begins.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream_model::EventType;

    fn event() -> Event {
        Event::json(r#"{"amount":10,"who":{"name":"ada"},"tags":["x","y"],"none":null}"#)
            .unwrap()
            .to_builder()
            .event_type(EventType::Message)
            .meta("tenant", "acme")
            .build()
    }

    #[track_caller]
    fn check(condition: &str, want: bool) {
        let filter = EventFilter::parse([condition]).unwrap();
        assert_eq!(filter.takes(&event()), want, "{condition}");
    }

    #[test]
    fn values_are_compared_by_kind() {
        check("data.amount=10", true);
        check("data.amount=10.0", true);
        check("data.amount>=10", true);
        check("data.amount>9.5", true);
        check("data.amount<10", false);
        check("data.amount<=10", true);
        check("data.amount=\"10\"", false);
        check("data.amount!=\"10\"", true);
        check("data.amount>\"1\"", false);
        check("data.none=null", true);
        check("data.tags=[\"x\",\"y\"]", true);
    }

    #[test]
    fn paths_lead_into_objects_and_arrays() {
        check("data.who.name=ada", true);
        check("data.who.name!=ada", false);
        check("data.tags.1=y", true);
        check("data.tags.2=y", false);
        check("data.tags.2!=y", true);
        check("metadata.tenant=acme", true);
        check("metadata.tenant>\"abc\"", true);
        check("type=message", true);
        check("topic=a", false);
    }

    #[test]
    fn all_conditions_must_hold() {
        let takes = |conditions: &[&str]| EventFilter::parse(conditions).unwrap().takes(&event());
        assert!(takes(&[]));
        assert!(takes(&["type=message", "data.amount>1"]));
        assert!(!takes(&["type=message", "data.amount>10"]));
    }

    #[test]
    fn data_that_is_no_json_is_a_string_or_nothing() {
        let text = Event::text("hello");
        let takes = |condition: &str| EventFilter::parse([condition]).unwrap().takes(&text);
        assert!(takes("type=message"));
        assert!(!takes("data.amount=1"));
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in ["", "type", "=1", "color=red", "type.x=1", "data..x=1", "data.x~1", "data.x!1"]
        {
            let found = bad.to_owned();
            assert_eq!(EventFilter::parse([bad]), Err(FilterError::Form { found }), "{bad}");
        }
        let at_bound = format!("type={}", "x".repeat(CONDITION_BYTES_MAX - 5));
        assert!(EventFilter::parse([&at_bound]).is_ok());
        assert!(EventFilter::parse([format!("{at_bound}x")]).is_err());
        assert!(EventFilter::parse(["type=a"; CONDITIONS_MAX]).is_ok());
        assert_eq!(EventFilter::parse(["type=a"; CONDITIONS_MAX + 1]), Err(FilterError::TooMany));
    }
}
