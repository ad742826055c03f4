//! The same conversation in `CloudEvents`: the
//! [WebSocket binding](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/websockets-protocol-binding.md),
//! whose subprotocol is [`SUBPROTOCOL`].
//!
//! Every text message, either way, is one event in the structured mode.
//! An event that a client sends is published on the topic that its `subject` names, once if it has
//! the extension `idempotencykey`, unless its type begins with [`TYPE_PREFIX`]: then it is a
//! command, whose data is what stands behind the command's name in the plain form:
//!
//! ```json
//! {"specversion": "1.0", "id": "1", "source": "/app", "type": "millstream.ws.subscribe",
//!  "data": {"id": "s1", "topics": ["orders.>"], "from": "earliest"}}
//! ```
//!
//! What is published comes as the event that it is, with the extensions [`SUBSCRIPTION`],
//! [`OFFSET`] and [`RESUME`]; what the server itself says has a type of that prefix.

use serde_json::{Map, Value};
use stream_model::cloud_event::{CloudEventError, Source, from_json, to_json};
use stream_model::{Event, Offset, Topic};

use super::{Command, Refusal, invalid};
use crate::publish::{Draft, Publish, keyed};

/// What a client names to speak `CloudEvents`.
pub const SUBPROTOCOL: &str = "cloudevents.json";

/// How the types of commands, answers and notices begin.
pub const TYPE_PREFIX: &str = "millstream.ws.";

/// The extension that names the subscription an event comes from.
pub const SUBSCRIPTION: &str = "streamsubscription";

/// The extension that holds the event's place in its topic, in decimal digits.
pub const OFFSET: &str = "streamoffset";

/// The extension that resumes the subscription after the event.
pub const RESUME: &str = "streamresume";

/// The extension that makes it harmless to send an event again.
const IDEMPOTENCY_KEY: &str = "idempotencykey";

/// Reads a text message.
///
/// # Errors
/// [`Refusal`], which is to be sent back; the connection goes on.
pub fn parse(text: &str) -> Result<Command, Refusal> {
    let event = from_json(text.as_bytes()).map_err(|error| Refusal {
        id: None,
        problem: invalid("cloud-event-invalid", "The message is no CloudEvent", error.to_string()),
    })?;
    let id = event.id().to_string();
    let kind = event.metadata().get_str("type").unwrap_or_default();
    let command = match kind.strip_prefix(TYPE_PREFIX) {
        Some(name) => return command(name, &event, id),
        None => publish(&event, id.clone()),
    };
    command.map_err(|problem| Refusal { id: Some(id), problem })
}

/// A command in the plain form; one whose data has no id is answered by the event's.
fn command(name: &str, event: &Event, id: String) -> Result<Command, Refusal> {
    let data = event.data().to_value().unwrap_or_default();
    let plain = Value::Object(Map::from_iter([(name.to_owned(), data)]));
    let command = super::parse(&plain.to_string());
    command.map_err(|refusal| Refusal { id: refusal.id.or(Some(id)), ..refusal })
}

fn publish(event: &Event, id: String) -> Result<Command, crate::Problem> {
    let topic = Topic::new(event.topic().unwrap_or_default()).map_err(|error| {
        let detail = format!("expected the attribute `subject` to name a topic: {error}");
        invalid("topic-invalid", "The name is no topic", detail)
    })?;
    let key = event.metadata().get_str(IDEMPOTENCY_KEY);
    let producer = key.map(keyed).transpose()?;
    let publish = Publish { events: vec![Draft::Event(event.clone())], producer, trace: None };
    Ok(Command::Publish { id, topic, publish })
}

/// An event of a topic as a message.
///
/// # Errors
/// [`CloudEventError`] if its timestamp lies outside the years 0 to 9999.
pub fn event(
    event: &Event,
    offset: Offset,
    subscription: &str,
    resume: &str,
    source: &Source,
) -> Result<String, CloudEventError> {
    let placed = event
        .to_builder()
        .meta(SUBSCRIPTION, subscription)
        .meta(OFFSET, offset.to_string())
        .meta(RESUME, resume);
    to_json(&placed.build(), source)
}

/// An answer or notice of the plain form, such as `{"subscribed": {"id": "s1"}, "resume": "m…"}`,
/// as a message.
///
/// # Errors
/// [`CloudEventError`] as for an [`event`]; no present time has it.
pub fn statement(plain: &Value, source: &Source) -> Result<String, CloudEventError> {
    let mut builder = Event::builder();
    for (name, value) in plain.as_object().into_iter().flatten() {
        builder = match (name.as_str(), value) {
            ("subscription", Value::String(id)) => builder.meta(SUBSCRIPTION, id.as_str()),
            ("resume", Value::String(token)) => builder.meta(RESUME, token.as_str()),
            (name, data) => builder.meta("type", format!("{TYPE_PREFIX}{name}")).data(data.clone()),
        };
    }
    to_json(&builder.build(), source)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Interest;
    use crate::subscribe::{SlowPolicy, StartAt};

    fn message(kind: &str, more: &Value) -> String {
        let mut message = json!({"specversion": "1.0", "id": "e1", "source": "/s", "type": kind});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message.to_string()
    }

    #[test]
    fn an_event_is_published_on_its_subject() {
        let text = message("com.x", &json!({"subject": "a.b", "data": 1, "idempotencykey": "k"}));
        let Command::Publish { id, topic, publish } = parse(&text).unwrap() else {
            panic!("expected a publish")
        };
        assert_eq!((id.as_str(), topic.as_str()), ("e1", "a.b"));
        assert_eq!(publish.producer, Some(keyed("k").unwrap()));
        let event = publish.events[0].on(&topic);
        assert_eq!(event.metadata().get_str("type"), Some("com.x"));
        // Even a type that begins like those of events of ours.
        let text = message("millstream.message", &json!({"subject": "a"}));
        assert!(matches!(parse(&text), Ok(Command::Publish { .. })));
    }

    #[test]
    fn commands_are_events_of_a_type_of_ours() {
        let data = json!({"data": {"id": "s", "topics": ["a.>"], "from": "earliest"}});
        let interest = Interest::parse(["a.>"], [""; 0]).unwrap();
        let start = StartAt::Earliest;
        let slow = SlowPolicy::CatchUp;
        let want = Command::Subscribe { id: "s".to_owned(), interest, start, slow };
        assert_eq!(parse(&message("millstream.ws.subscribe", &data)), Ok(want));
        let ping = message("millstream.ws.ping", &json!({"data": {"id": "1"}}));
        assert_eq!(parse(&ping), Ok(Command::Ping { id: "1".to_owned() }));
    }

    #[track_caller]
    fn check_refused(text: &str, id: Option<&str>, want: &str) {
        let refusal = parse(text).unwrap_err();
        assert_eq!(refusal.id.as_deref(), id, "{text}");
        let problem = refusal.problem.to_json();
        assert_eq!(problem["type"], format!("urn:millstream:problem:{want}"), "{text}");
    }

    #[test]
    fn what_is_no_command_is_answered_with_its_id() {
        check_refused("{}", None, "cloud-event-invalid");
        check_refused(r#"{"ping":{"id":"1"}}"#, None, "cloud-event-invalid");
        check_refused(&message("com.x", &json!({})), Some("e1"), "topic-invalid");
        check_refused(&message("com.x", &json!({"subject": "a.*"})), Some("e1"), "topic-invalid");
        check_refused(&message("millstream.ws.shout", &json!({})), Some("e1"), "command-invalid");
        let unknown = json!({"data": {"id": "s", "topics": []}});
        check_refused(&message("millstream.ws.subscribe", &unknown), Some("s"), "topic-missing");
    }

    #[test]
    fn answers_and_events_say_where_the_subscription_stands() {
        let source = Source::new("/").unwrap();
        let parse = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let plain = json!({"subscribed": {"id": "s"}, "resume": "m1"});
        let said = parse(statement(&plain, &source).unwrap());
        assert_eq!(said["type"], "millstream.ws.subscribed");
        assert_eq!((&said[RESUME], &said["data"]), (&json!("m1"), &json!({"id": "s"})));
        let published = Event::builder().meta("topic", "a").data(json!(1)).build();
        let sent = event(&published, Offset::new(4), "s", "m2", &source).unwrap();
        let sent = parse(sent);
        assert_eq!((&sent["id"], &sent["subject"]), (&json!(published.id()), &json!("a")));
        assert_eq!(
            (&sent[SUBSCRIPTION], &sent[OFFSET], &sent[RESUME]),
            (&json!("s"), &json!("4"), &json!("m2"))
        );
    }
}
