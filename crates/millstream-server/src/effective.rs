//! `millstream config`: the settings that a server would have, and where each comes from.
//!
//! What is printed is a configuration file that says the same; JSON's texts, numbers and lists are
//! TOML's too.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use millstream::http::limits;
use serde_json::Value;

use crate::cli::ServeArgs;
use crate::config::{Config, DATA, File, PORT, Provider, read};
use crate::engine::NatsFile;

/// Prints the settings, if a server would start with them.
pub(crate) fn run(args: &ServeArgs, given: Option<&ArgMatches>) -> anyhow::Result<()> {
    Config::load(args, |name| std::env::var(name).ok())?;
    let file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
    for line in lines(args, &file, &|name| given.and_then(|given| given.value_source(name))) {
        println!("{line}");
    }
    Ok(())
}

/// Finds out how a flag of this name was given.
type GivenBy<'a> = &'a dyn Fn(&str) -> Option<ValueSource>;

/// The settings, one a line, tables last as TOML wants them.
fn lines(args: &ServeArgs, file: &File, given: GivenBy<'_>) -> Vec<String> {
    let time = |time: Duration| Value::from(humantime::format_duration(time).to_string());
    let text = |text: &dyn Display| Value::from(text.to_string());
    let number = |number: u64| Value::from(number);
    let setting = |name, said: Option<Value>, in_file: Option<Value>, default: Value| {
        let by_flag =
            said.filter(|_| given(name).is_some_and(|by| by != ValueSource::DefaultValue));
        match (by_flag, in_file) {
            (Some(value), _) => line(name, &value, &origin(name, given)),
            (None, Some(value)) => line(name, &value, "file"),
            (None, None) => line(name, &default, "default"),
        }
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| text(&path.display()));
    let memory = given("memory").map(|_| Value::from(args.memory));
    let mut lines = vec![
        setting(
            "listen",
            args.listen.as_ref().map(|it| text(it)),
            file.listen.as_ref().map(|it| text(it)),
            text(&format!("127.0.0.1:{PORT}")),
        ),
        setting("data", path(&args.data), path(&file.data), text(&DATA)),
        setting("memory", memory, file.memory.then(|| true.into()), false.into()),
        setting("heartbeat", args.heartbeat.map(time), file.heartbeat.map(time), text(&"30s")),
        setting(
            "long_poll",
            args.long_poll.map(time),
            file.long_poll.map(time),
            time(limits::LONG_POLL),
        ),
        setting("drain", args.drain.map(time), file.drain.map(time), time(limits::DRAIN)),
    ];
    lines.extend(engine(args, file, given));
    let body_bytes = file.body_bytes_max.map(Value::from);
    lines.push(setting("body_bytes_max", None, body_bytes, number(1 << 20)));
    let connections = file.connections_max.map(Value::from);
    lines.push(setting("connections_max", None, connections, limits::CONNECTIONS_MAX.into()));
    lines.extend(file.public_url.as_ref().map(|url| line("public_url", &text(url), "file")));
    for (name, list) in [("hosts", &file.hosts), ("origins", &file.origins)] {
        let list_given = (!list.is_empty()).then(|| Value::from(list.clone()));
        lines.push(setting(name, None, list_given, Value::Array(Vec::new())));
    }
    lines.push("\n[topics]".to_owned());
    let topics = &file.topics;
    lines.push(setting(
        "records_max",
        None,
        topics.records_max.map(number),
        number(limits::TOPIC_RECORDS),
    ));
    lines.push(setting(
        "bytes_max",
        None,
        topics.bytes_max.map(number),
        number(limits::TOPIC_BYTES),
    ));
    lines.extend(topics.age_max.map(|age| line("age_max", &time(age), "file")));
    lines.extend(cluster(args, file, given));
    if let Some(path) = &args.secret_file {
        lines.push("\n[auth]".to_owned());
        lines.push(line("secret_file", &text(&path.display()), &origin("secret_file", given)));
    } else if file.auth.is_some() {
        lines.push("\n# [auth] is in the file".to_owned());
    }
    if let Some(filter) = &file.filter {
        lines.push(format!("\n# [filter] with {} patterns is in the file", filter.patterns.len()));
    }
    lines.extend(file.upstreams.iter().flat_map(|(name, provider)| upstream(name, provider)));
    lines
}

/// The cluster that keeps everything, if there is one.
fn engine(args: &ServeArgs, file: &File, given: GivenBy<'_>) -> Option<String> {
    let by_flag = args.engine.as_ref().map(|servers| (servers, origin("engine", given)));
    let (servers, by) = by_flag.or_else(|| Some((file.engine.as_ref()?, "file".to_owned())))?;
    Some(line("engine", &servers.clone().into(), &by))
}

/// The cluster's table; it names secrets, and holds none.
fn cluster(args: &ServeArgs, file: &File, given: GivenBy<'_>) -> Vec<String> {
    if engine(args, file, given).is_none() {
        return Vec::new();
    }
    let NatsFile { prefix, shards, replicas, synced, credentials, user, .. } = &file.nats;
    let path = |path: &PathBuf| Value::from(path.display().to_string());
    let mut lines = vec!["\n[nats]".to_owned()];
    let credentials = match &args.nats_credentials {
        Some(file) => Some((path(file), origin("nats_credentials", given))),
        None => credentials.as_ref().map(|file| (path(file), "file".to_owned())),
    };
    lines.extend(credentials.map(|(value, by)| line("credentials", &value, &by)));
    let said = |name: &str, value: Option<Value>| value.map(|value| line(name, &value, "file"));
    let text = |text: &Option<String>| text.clone().map(Value::from);
    lines.extend(said("prefix", text(prefix)));
    lines.extend(said("shards", shards.map(Value::from)));
    lines.extend(said("replicas", replicas.map(Value::from)));
    lines.push(line("synced", &(*synced).into(), if *synced { "file" } else { "default" }));
    lines.extend(said("user", text(user)));
    lines.extend(said("password_env", text(&file.nats.password_env)));
    lines.extend(said("token_env", text(&file.nats.token_env)));
    lines.extend(said("roots", file.nats.roots.as_ref().map(path)));
    let timeout = file.nats.timeout.map(|time| humantime::format_duration(time).to_string());
    lines.extend(said("timeout", timeout.map(Value::from)));
    lines
}

/// A provider's table.
fn upstream(name: &str, provider: &Provider) -> Vec<String> {
    let text = |name, text: &str| line(name, &text.into(), "file");
    let mut lines = vec![
        format!("\n[upstreams.{}]", Value::from(name)),
        text("url", &provider.url),
        text("format", &provider.format),
    ];
    lines.extend(provider.key_env.as_ref().map(|key| text("key_env", key)));
    lines.extend(provider.retries.map(|retries| line("retries", &retries.into(), "file")));
    let times = [
        ("retry_delay", provider.retry_delay),
        ("response_timeout", provider.response_timeout),
        ("silence_max", provider.silence_max),
    ];
    let times = times.into_iter().filter_map(|(name, time)| Some((name, time?)));
    lines.extend(
        times.map(|(name, time)| text(name, &humantime::format_duration(time).to_string())),
    );
    lines
}

fn line(name: &str, value: &Value, origin: &str) -> String {
    format!("{:<48} # {origin}", format!("{name} = {value}"))
}

/// The flag or the variable that a setting was given by.
fn origin(name: &str, given: GivenBy<'_>) -> String {
    match given(name) {
        Some(ValueSource::EnvVariable) => format!("MILLSTREAM_{}", name.to_uppercase()),
        _ => format!("--{}", name.replace('_', "-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn every_setting_says_where_it_comes_from() {
        let args = ServeArgs {
            heartbeat: Some(Duration::from_secs(5)),
            drain: Some(Duration::from_secs(7)),
            ..ServeArgs::default()
        };
        let by = |name: &str| match name {
            "heartbeat" => Some(ValueSource::CommandLine),
            "drain" => Some(ValueSource::EnvVariable),
            "memory" => Some(ValueSource::DefaultValue),
            _ => None,
        };
        let file = file("heartbeat = '1s'\nhosts = ['a']\n[topics]\nrecords_max = 5\n");
        let text = lines(&args, &file, &by).join("\n");
        let origin_of = |setting: &str| {
            let found = text.lines().find(|line| line.starts_with(setting)).unwrap();
            found.rsplit("# ").next().unwrap().to_owned()
        };
        assert_eq!(origin_of("listen = \"127.0.0.1:4437\""), "default");
        assert_eq!(origin_of("memory = false"), "default");
        assert_eq!(origin_of("heartbeat = \"5s\""), "--heartbeat");
        assert_eq!(origin_of("drain = \"7s\""), "MILLSTREAM_DRAIN");
        assert_eq!(origin_of("hosts = [\"a\"]"), "file");
        assert_eq!(origin_of("records_max = 5"), "file");
    }

    #[test]
    fn what_is_printed_is_a_configuration() {
        let upstreams = "[upstreams.'my own']\nurl = 'http://h/v1'\nformat = 'ollama'\nkey_env = 'K'\n\
             retries = 5\nsilence_max = '1m'";
        let text = lines(&ServeArgs::default(), &file(upstreams), &|_| None).join("\n");
        let again = file(&text);
        assert_eq!(again.upstreams["my own"].key_env.as_deref(), Some("K"));
        assert_eq!(again.engine, None);
        assert_eq!(again.upstreams["my own"].silence_max, Some(Duration::from_mins(1)));
        assert_eq!(
            lines(&ServeArgs::default(), &again, &|_| None).len(),
            text.lines().filter(|line| !line.is_empty()).count()
        );
    }

    #[test]
    fn a_cluster_is_printed_with_the_names_of_its_secrets() {
        let args = ServeArgs { engine: Some("nats://a".to_owned()), ..ServeArgs::default() };
        let nats = "[nats]\nuser = 'u'\npassword_env = 'P'\nreplicas = 3\ntimeout = '3s'";
        let text = lines(&args, &file(nats), &|_| None).join("\n");
        let again = file(&text);
        assert_eq!(again.engine.as_deref(), Some("nats://a"));
        assert_eq!(again.nats.password_env.as_deref(), Some("P"));
        assert_eq!(again.nats.replicas, Some(3));
        assert_eq!(again.nats.timeout, Some(Duration::from_secs(3)));
    }
}
