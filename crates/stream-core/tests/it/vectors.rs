//! The golden cases of the documents, each of them, with handlers of every kind and with queues.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stream_core::{InMemoryStream, Stream, Subscribe, TopicStream, broadcast};
use stream_model::{Event, Handler, Subscription, Topic};

/// How subscribers get their events.
#[derive(Debug, Clone, Copy)]
enum By {
    Handler,
    AsyncHandler,
    Queue,
}

const WAYS: [By; 3] = [By::Handler, By::AsyncHandler, By::Queue];

type Received = Arc<Mutex<BTreeMap<String, Vec<Value>>>>;

/// A stream under test, and all that happened to it.
struct Bench<S> {
    stream: S,
    by: By,
    subscriptions: BTreeMap<String, Subscription>,
    /// Those that neither handle nor read.
    inert: BTreeSet<String>,
    received: Received,
    /// What is kept of an event.
    note: fn(&Event) -> Value,
}

fn cases(suite: &str) -> Vec<Value> {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let cases = suite["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn event(op: &Value) -> Event {
    let mut dict = json!({"data": op["data"], "type": op.get("type")});
    if let Some(topic) = op.get("topic") {
        dict["metadata"] = json!({ "topic": topic });
    }
    Event::from_dict(&dict).unwrap()
}

fn data(event: &Event) -> Value {
    event.data().to_value().unwrap()
}

fn topic_and_data(event: &Event) -> Value {
    json!([event.topic(), data(event)])
}

/// The predicates of the golden cases.
fn holds(predicate: &Value, event: &Event) -> Result<bool, io::Error> {
    let (name, value) = predicate.as_object().unwrap().iter().next().unwrap();
    match name.as_str() {
        "data_gt" => Ok(data(event).as_f64() > value.as_f64()),
        "type_is" => Ok(event.event_type().as_str() == value),
        "fail" if value == "KeyError" => panic!("a filter panics"),
        "fail" => Err(io::Error::other("a filter fails")),
        other => panic!("no predicate {other}"),
    }
}

impl<S: Stream> Bench<S> {
    fn new(stream: S, by: By, note: fn(&Event) -> Value) -> Self {
        let (subscriptions, inert) = (BTreeMap::new(), BTreeSet::new());
        Self { stream, by, subscriptions, inert, received: Received::default(), note }
    }

    fn request(&mut self, op: &Value) -> Subscribe {
        let name = op["name"].as_str().unwrap().to_owned();
        let mut request = Subscribe::to(op["topic"].as_str().unwrap_or("*"));
        if let Some(predicate) = op.get("filter").cloned() {
            request = request.filter(move |event: &Event| holds(&predicate, event));
        }
        self.received.lock().unwrap().insert(name.clone(), Vec::new());
        let handler = op["handler"].as_str().unwrap_or("collect").to_owned();
        if handler == "none" {
            self.inert.insert(name.clone());
        }
        if handler == "none" || matches!(self.by, By::Queue) {
            return request;
        }
        let (received, note) = (Arc::clone(&self.received), self.note);
        let collect = move |event: &Event| {
            received.lock().unwrap().get_mut(&name).unwrap().push(note(event));
            match handler.as_str() {
                "fail:ValueError" => Err(io::Error::other("a handler fails")),
                "collect" => Ok(()),
                _ => panic!("a handler panics"),
            }
        };
        let collect = Arc::new(collect);
        request.with(match self.by {
            By::AsyncHandler => Handler::asynchronous(move |event| {
                let collect = Arc::clone(&collect);
                async move { collect(&event) }
            }),
            By::Handler | By::Queue => Handler::new(move |event: &Event| collect(event)),
        })
    }

    async fn run(&mut self, op: &Value, recent: impl Fn(&S, &Value) -> Value) -> Value {
        match op["op"].as_str().unwrap() {
            "pub" => match self.stream.publish(event(op)).await {
                Ok(_) => json!("ok"),
                Err(error) => json!(format!("error: {error}")),
            },
            "sub" => {
                let request = self.request(op);
                let subscription = self.stream.subscribe(request).await.unwrap();
                self.subscriptions.insert(op["name"].as_str().unwrap().to_owned(), subscription);
                Value::Null
            }
            "unsub" => {
                let id = self.subscriptions[op["name"].as_str().unwrap()].id();
                json!(self.stream.unsubscribe(id).await)
            }
            "cancel" => {
                self.subscriptions[op["name"].as_str().unwrap()].cancel();
                Value::Null
            }
            _ => recent(&self.stream, op),
        }
    }

    /// What each subscriber has received when all is done.
    async fn finish(mut self, close: impl AsyncFnOnce(&S)) -> Value {
        close(&self.stream).await;
        self.subscriptions.retain(|name, _| !self.inert.contains(name));
        for (name, subscription) in &mut self.subscriptions {
            while let Some(next) = subscription.next().await {
                let noted = (self.note)(&next.unwrap());
                self.received.lock().unwrap().get_mut(name).unwrap().push(noted);
            }
        }
        json!(*self.received.lock().unwrap())
    }
}

#[tokio::test]
async fn in_memory() {
    for case in cases(include_str!("../../testdata/vectors/in_memory.json")) {
        for by in WAYS {
            check_in_memory(&case, by).await;
        }
    }
}

async fn check_in_memory(case: &Value, by: By) {
    let (input, expect, id) = (&case["input"], &case["expect"], &case["id"]);
    if let Some(count) = input.get("publish_n").and_then(Value::as_u64) {
        let stream = InMemoryStream::new();
        for n in 0..count {
            stream.try_publish(Event::new(json!(n))).unwrap();
        }
        let recent = stream.recent(usize::try_from(input["recent"].as_u64().unwrap()).unwrap());
        let found = json!({
            "len": recent.len(), "first": data(&recent[0]), "last": data(recent.last().unwrap()),
        });
        assert_eq!(found, *expect, "{id}");
        return;
    }
    let capacity = input.get("capacity").and_then(Value::as_u64).unwrap_or(1000);
    let stream = InMemoryStream::with_capacity(usize::try_from(capacity).unwrap());
    let mut bench = Bench::new(stream, by, data);
    let recent = |stream: &InMemoryStream, op: &Value| {
        let count = usize::try_from(op["count"].as_u64().unwrap()).unwrap();
        stream.recent(count).iter().map(data).collect()
    };
    let mut returns = Vec::new();
    for op in input["ops"].as_array().unwrap() {
        returns.push(bench.run(op, recent).await);
    }
    assert_eq!(json!(returns), expect["returns"], "{id} by {by:?}");
    let found = bench.finish(InMemoryStream::close).await;
    assert_eq!(found, expect["received"], "{id} by {by:?}");
}

#[tokio::test]
async fn topic_stream() {
    for case in cases(include_str!("../../testdata/vectors/topic_stream.json")) {
        for by in WAYS {
            let (input, expect, id) = (&case["input"], &case["expect"], &case["id"]);
            let mut bench = Bench::new(TopicStream::new(), by, topic_and_data);
            let mut returns = Vec::new();
            for op in input["ops"].as_array().unwrap() {
                returns.push(bench.run(op, look_at_topics).await);
            }
            assert_eq!(json!(returns), expect["returns"], "{id} by {by:?}");
            let found = bench.finish(TopicStream::close).await;
            assert_eq!(found, expect["received"], "{id} by {by:?}");
        }
    }
}

fn look_at_topics(stream: &TopicStream, op: &Value) -> Value {
    let topic = || Topic::new(op["topic"].as_str().unwrap()).unwrap();
    match op["op"].as_str().unwrap() {
        "list" => json!(stream.topics()),
        "recent" => stream.recent(&topic(), 1000).iter().map(topic_and_data).collect(),
        "touch" => {
            stream.topic(&topic()).unwrap();
            Value::Null
        }
        other => panic!("no operation {other}"),
    }
}

#[tokio::test]
async fn broadcasts() {
    for case in cases(include_str!("../../testdata/vectors/broadcast.json")) {
        let mut streams = Vec::new();
        for kind in case["input"]["streams"].as_array().unwrap() {
            let stream = InMemoryStream::new();
            if kind == "fail" {
                stream.close().await;
            }
            streams.push(stream);
        }
        let targets: Vec<&dyn Stream> = streams.iter().map(|stream| stream as _).collect();
        let report = broadcast(&targets, Event::new(json!(7))).await;
        let recent: Vec<Vec<Value>> =
            streams.iter().map(|stream| stream.recent(9).iter().map(data).collect()).collect();
        let result = if report.is_ok() { "ok" } else { "error" };
        assert_eq!(json!({"recent": recent, "result": result}), case["expect"], "{}", case["id"]);
    }
}
