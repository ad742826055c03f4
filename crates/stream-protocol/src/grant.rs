//! What a caller may do.
//!
//! The claims of a token say it:
//!
//! ```json
//! {
//!   "exp": 1893456000,
//!   "publish": ["orders.>"],
//!   "subscribe": ["orders.>", "news"],
//!   "llm": {"read": ["*"], "write": ["chat-*"]},
//!   "streams": {"read": ["notes/*"], "write": []},
//!   "admin": false
//! }
//! ```
//!
//! What is not said is not allowed.

use serde::Deserialize;
use stream_model::{ErrorClass, Topic, TopicFilter};
use time::OffsetDateTime;

use crate::Problem;

/// What a caller may do, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Grant {
    #[serde(default)]
    publish: Vec<TopicFilter>,
    #[serde(default)]
    subscribe: Vec<TopicFilter>,
    #[serde(default)]
    llm: Access,
    #[serde(default)]
    streams: Access,
    #[serde(default)]
    admin: bool,
    #[serde(default, rename = "exp", with = "time::serde::timestamp::option")]
    expires: Option<OffsetDateTime>,
}

/// Names that may be read and written: in full, or ending with `*` for all that begin so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct Access {
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    write: Vec<String>,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Publishes to a topic.
    Publish(&'a Topic),
    /// Reads a topic, or all that a pattern takes.
    Subscribe(&'a TopicFilter),
    /// Reads an LLM stream.
    ReadLlm(&'a str),
    /// Starts or stops an LLM stream.
    WriteLlm(&'a str),
    /// Reads a durable stream.
    ReadStream(&'a str),
    /// Makes, appends to, closes or deletes a durable stream.
    WriteStream(&'a str),
    /// Reads what is told to operators alone.
    Operate,
}

impl Grant {
    /// Everything, for ever: where nobody is asked who they are.
    pub fn everything() -> Self {
        let everything = || Access { read: vec!["*".to_owned()], write: vec!["*".to_owned()] };
        let topics = || {
            let own = TopicFilter::new("$sys.>").ok();
            std::iter::once(TopicFilter::all()).chain(own).collect()
        };
        Self {
            publish: topics(),
            subscribe: topics(),
            llm: everything(),
            streams: everything(),
            admin: true,
            expires: None,
        }
    }

    /// When it ends.
    pub fn expires(&self) -> Option<OffsetDateTime> {
        self.expires
    }

    /// Whether `action` is allowed.
    ///
    /// Topics of the server's own, which begin with `$`, are allowed only by patterns that begin
    /// so too.
    pub fn allows(&self, action: Action<'_>) -> bool {
        match action {
            Action::Publish(topic) => covered(&self.publish, &topic.into()),
            Action::Subscribe(filter) => covered(&self.subscribe, filter),
            Action::ReadLlm(id) => named(&self.llm.read, id),
            Action::WriteLlm(id) => named(&self.llm.write, id),
            Action::ReadStream(path) => named(&self.streams.read, path),
            Action::WriteStream(path) => named(&self.streams.write, path),
            Action::Operate => self.admin,
        }
    }

    /// As [`allows`](Self::allows), as a refusal.
    ///
    /// # Errors
    /// The problem that says what is not allowed.
    pub fn check(&self, action: Action<'_>) -> Result<(), Problem> {
        if self.allows(action) {
            return Ok(());
        }
        let detail = match action {
            Action::Publish(topic) => format!("the token's `publish` does not cover {topic}"),
            Action::Subscribe(filter) => format!("the token's `subscribe` does not cover {filter}"),
            Action::ReadLlm(id) => format!("the token's `llm.read` does not name {id}"),
            Action::WriteLlm(id) => format!("the token's `llm.write` does not name {id}"),
            Action::ReadStream(path) => format!("the token's `streams.read` does not name {path}"),
            Action::WriteStream(path) => {
                format!("the token's `streams.write` does not name {path}")
            }
            Action::Operate => "the token's `admin` is not true".to_owned(),
        };
        let title = "The token does not allow this";
        Err(Problem::new(ErrorClass::Forbidden, "not-allowed", title).detail(detail))
    }
}

fn covered(granted: &[TopicFilter], wanted: &TopicFilter) -> bool {
    let own = wanted.as_str().starts_with('$');
    let concerned = |filter: &&TopicFilter| !own || filter.as_str().starts_with('$');
    granted.iter().filter(concerned).any(|filter| filter.covers(wanted))
}

fn named(granted: &[String], name: &str) -> bool {
    granted.iter().any(|granted| match granted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => granted == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn grant(claims: Value) -> Grant {
        serde_json::from_value(claims).unwrap()
    }

    #[track_caller]
    fn check(grant: &Grant, action: Action<'_>, want: bool) {
        assert_eq!(grant.allows(action), want, "{action:?}");
        assert_eq!(grant.check(action).is_ok(), want);
    }

    #[test]
    fn topics_are_allowed_by_patterns() {
        let grant =
            grant(json!({"publish": ["a.*"], "subscribe": ["a.>", "b"], "sub": "somebody"}));
        let topic = |name| Topic::new(name).unwrap();
        let filter = |text| TopicFilter::new(text).unwrap();
        check(&grant, Action::Publish(&topic("a.b")), true);
        check(&grant, Action::Publish(&topic("a.b.c")), false);
        check(&grant, Action::Publish(&topic("b")), false);
        check(&grant, Action::Subscribe(&filter("a.*.c")), true);
        check(&grant, Action::Subscribe(&filter("b")), true);
        check(&grant, Action::Subscribe(&filter("*")), false);
        check(&grant, Action::Subscribe(&filter("*.b")), false);
    }

    #[test]
    fn topics_of_the_server_need_a_word_of_their_own() {
        let filter = TopicFilter::new("$sys.stats").unwrap();
        check(&grant(json!({"subscribe": ["*", ">"]})), Action::Subscribe(&filter), false);
        check(&grant(json!({"subscribe": ["$sys.*"]})), Action::Subscribe(&filter), true);
        check(&Grant::everything(), Action::Subscribe(&filter), true);
    }

    #[test]
    fn relays_and_streams_are_allowed_by_name() {
        let grant = grant(json!({
            "llm": {"read": ["*"], "write": ["chat-*", "one"]},
            "streams": {"read": ["notes/*"]},
        }));
        check(&grant, Action::ReadLlm("any"), true);
        check(&grant, Action::WriteLlm("chat-1"), true);
        check(&grant, Action::WriteLlm("one"), true);
        check(&grant, Action::WriteLlm("one-more"), false);
        check(&grant, Action::ReadStream("notes/a"), true);
        check(&grant, Action::ReadStream("note"), false);
        check(&grant, Action::WriteStream("notes/a"), false);
        check(&grant, Action::Operate, false);
    }

    #[test]
    fn what_is_malformed_is_no_grant() {
        for claims in [
            json!({"publish": "a"}),
            json!({"publish": ["a..b"]}),
            json!({"subscribe": [1]}),
            json!({"llm": ["*"]}),
            json!({"streams": {"read": "*"}}),
            json!({"admin": "true"}),
            json!({"exp": "soon"}),
        ] {
            assert!(serde_json::from_value::<Grant>(claims.clone()).is_err(), "{claims}");
        }
    }
}
