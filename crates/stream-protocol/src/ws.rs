//! What a client may say on a WebSocket.
//!
//! A message is a JSON object with one key, the command:
//!
//! ```json
//! {"subscribe": {"id": "s1", "topics": ["orders.>"], "filter": ["data.amount>=10"], "from": "earliest"}}
//! {"subscribe": {"id": "s1", "topics": ["orders.>"], "resume": "m…", "slow": "drop-oldest"}}
//! {"unsubscribe": {"id": "s1"}}
//! {"publish": {"id": "p1", "topic": "orders.eu", "data": {"amount": 12}, "idempotency_key": "o-17"}}
//! {"ping": {"id": "1"}}
//! ```
//!
//! Answers have one key too, and name the `id`: `subscribed`, `unsubscribed`, `published`, `pong`,
//! or `error` with a problem document.
//! Who speaks [`cloud`] events says the same in their form.

pub mod cloud;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stream_model::{Data, ErrorClass, Topic};

use crate::publish::{Draft, Publish, keyed};
use crate::subscribe::{SlowPolicy, StartAt, slow_policy, start_from};
use crate::{AnyToken, COMMAND_ID_BYTES_MAX, Interest, Positions, Problem, ResumeTokenError};

/// One command, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Read topics.
    Subscribe {
        /// The client's name for it.
        id: String,
        /// Which topics and events.
        interest: Interest,
        /// Where it starts; the live end unless said otherwise.
        start: StartAt<Positions>,
        /// What becomes of it if it is too slow.
        slow: SlowPolicy,
    },
    /// Read them no more.
    Unsubscribe {
        /// The client's name for it.
        id: String,
    },
    /// Publish an event.
    Publish {
        /// The client's name for it.
        id: String,
        /// Where to.
        topic: Topic,
        /// The event, and who publishes.
        publish: Publish,
    },
    /// Answer.
    Ping {
        /// The client's name for it.
        id: String,
    },
}

/// Why a message is no command.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The id that it had, as far as it could be read.
    pub id: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl Refusal {
    /// The answer that says so.
    pub fn to_json(&self) -> Value {
        json!({"error": {"id": self.id, "problem": self.problem.to_json()}})
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Message<'a> {
    #[serde(borrow)]
    Subscribe(Subscribe<'a>),
    #[serde(borrow)]
    Unsubscribe(OnlyId<'a>),
    #[serde(borrow)]
    Publish(PublishOne<'a>),
    #[serde(borrow)]
    Ping(OnlyId<'a>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    topics: Vec<String>,
    #[serde(default)]
    filter: Vec<String>,
    from: Option<String>,
    resume: Option<String>,
    slow: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyId<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishOne<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    idempotency_key: Option<String>,
}

impl Message<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Subscribe(Subscribe { id, .. })
            | Self::Publish(PublishOne { id, .. })
            | Self::Unsubscribe(OnlyId { id })
            | Self::Ping(OnlyId { id }) => id,
        }
    }
}

/// Reads a text message.
///
/// # Errors
/// [`Refusal`], which is to be sent back; the connection goes on.
pub fn parse(text: &str) -> Result<Command, Refusal> {
    let message = serde_json::from_str::<Message<'_>>(text).map_err(|error| Refusal {
        id: None,
        problem: invalid("command-invalid", "The message is no command", error.to_string()),
    })?;
    let id = message.id().to_owned();
    if id.is_empty() || id.len() > COMMAND_ID_BYTES_MAX {
        let detail = format!("expected an id of 1 to {COMMAND_ID_BYTES_MAX} bytes");
        let problem = invalid("command-id-invalid", "The id is empty or too long", detail);
        return Err(Refusal { id: None, problem });
    }
    understand(message, id.clone()).map_err(|problem| Refusal { id: Some(id), problem })
}

fn invalid(name: &str, title: &'static str, detail: String) -> Problem {
    Problem::new(ErrorClass::Invalid, name, title).detail(detail)
}

fn understand(message: Message<'_>, id: String) -> Result<Command, Problem> {
    Ok(match message {
        Message::Subscribe(subscribe) => {
            let interest = Interest::parse(&subscribe.topics, &subscribe.filter)?;
            let start = start(&subscribe, &interest)?;
            let slow = slow_policy(subscribe.slow.as_deref())?;
            Command::Subscribe { id, interest, start, slow }
        }
        Message::Unsubscribe(_) => Command::Unsubscribe { id },
        Message::Ping(_) => Command::Ping { id },
        Message::Publish(publish) => {
            let topic = Topic::new(&publish.topic).map_err(|error| {
                invalid("topic-invalid", "The name is no topic", error.to_string())
            })?;
            Command::Publish { id, topic, publish: published(&publish)? }
        }
    })
}

fn start(subscribe: &Subscribe<'_>, interest: &Interest) -> Result<StartAt<Positions>, Problem> {
    if let Some(token) = &subscribe.resume {
        let positions = token.parse::<AnyToken>().and_then(|token| token.for_interest(interest));
        return positions.map(StartAt::Token).map_err(token_problem);
    }
    match start_from(subscribe.from.as_deref())? {
        StartAt::Offset(_) => Err(invalid(
            "from-invalid",
            "The start is no position",
            "expected `from` to be earliest or latest, or a resume token in `resume`".to_owned(),
        )),
        start => Ok(start),
    }
}

fn token_problem(error: ResumeTokenError) -> Problem {
    crate::subscribe::SubscribeError::Token(error).into()
}

fn published(publish: &PublishOne<'_>) -> Result<Publish, Problem> {
    let data = Data::json(publish.data.get().to_owned()).map_err(|error| {
        invalid("data-invalid", "The data cannot be published", error.to_string())
    })?;
    let producer = publish.idempotency_key.as_deref().map(keyed).transpose()?;
    Ok(Publish { events: vec![Draft::Data(data)], producer, trace: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn command(text: &str) -> Command {
        parse(text).unwrap()
    }

    #[test]
    fn commands_are_understood() {
        let subscribe = command(
            r#"{"subscribe":{"id":"s","topics":["a","b.>"],"filter":["type=message"],"from":"earliest"}}"#,
        );
        let interest = Interest::parse(["a", "b.>"], ["type=message"]).unwrap();
        let start = StartAt::Earliest;
        let slow = SlowPolicy::CatchUp;
        assert_eq!(subscribe, Command::Subscribe { id: "s".to_owned(), interest, start, slow });
        let Command::Subscribe { start, .. } =
            command(r#"{"subscribe":{"id":"s","topics":["a"],"resume":"e.5"}}"#)
        else {
            panic!("expected a subscription")
        };
        let StartAt::Token(positions) = start else { panic!("expected a token") };
        assert_eq!(positions.len(), 1);
        assert_eq!(
            command(r#"{"unsubscribe":{"id":"s"}}"#),
            Command::Unsubscribe { id: "s".into() }
        );
        assert_eq!(command(r#"{"ping":{"id":"1"}}"#), Command::Ping { id: "1".into() });
        let Command::Publish { topic, publish, .. } = command(
            r#"{"publish":{"id":"p","topic":"a.b","data":{"n": 1},"idempotency_key":"k"}}"#,
        ) else {
            panic!("expected a publish")
        };
        assert_eq!(topic.as_str(), "a.b");
        assert_eq!(publish.events, [Draft::Data(Data::json(r#"{"n": 1}"#).unwrap())], "as it came");
        assert_eq!(publish.producer, Some(keyed("k").unwrap()));
    }

    #[track_caller]
    fn check_refusal(text: &str, id: Option<&str>, want: &str) {
        let refusal = parse(text).unwrap_err();
        assert_eq!(refusal.id.as_deref(), id, "{text}");
        let problem = &refusal.to_json()["error"]["problem"];
        assert_eq!(problem["type"], format!("urn:millstream:problem:{want}"), "{text}");
    }

    #[test]
    fn what_is_no_command_is_answered_with_its_id() {
        check_refusal("", None, "command-invalid");
        check_refusal(r#"{"shout":{"id":"s"}}"#, None, "command-invalid");
        check_refusal(r#"{"ping":{"id":"s","more":1}}"#, None, "command-invalid");
        check_refusal(r#"{"ping":{"id":""}}"#, None, "command-id-invalid");
        check_refusal(r#"{"subscribe":{"id":"s","topics":[]}}"#, Some("s"), "topic-missing");
        check_refusal(
            r#"{"subscribe":{"id":"s","topics":["a"],"from":"7"}}"#,
            Some("s"),
            "from-invalid",
        );
        check_refusal(
            r#"{"subscribe":{"id":"s","topics":["a","b"],"resume":"e.5"}}"#,
            Some("s"),
            "resume-token-invalid",
        );
        check_refusal(
            r#"{"publish":{"id":"p","topic":"a.*","data":1}}"#,
            Some("p"),
            "topic-invalid",
        );
        let ping = |id: &str| format!(r#"{{"ping":{{"id":"{id}"}}}}"#);
        assert!(parse(&ping(&"x".repeat(COMMAND_ID_BYTES_MAX))).is_ok());
        check_refusal(&ping(&"x".repeat(COMMAND_ID_BYTES_MAX + 1)), None, "command-id-invalid");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in r#"\{"(subscribe|publish|ping)":\{("(id|topics|from|data)":("a"|\["."\]|1),?){0,4}\}\}"#
        ) {
            let _refused_or_understood = parse(&text);
        }
    }
}
