//! Settings: defaults, overridden by the file, overridden by the environment and flags.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::Uri;
use millstream::http::OriginRules;
use millstream::http::{AppOptions, RetryPolicy, Upstream, limits};
use millstream::log::Retention;
use serde::{Deserialize, Deserializer};

use crate::auth::{self, AuthFile};
use crate::cli::ServeArgs;
use crate::engine::{self, Cluster, NatsFile};
use crate::filter::{self, FilterFile};

/// The port of the Durable Streams Protocol, so that its clients find the server.
pub(crate) const PORT: u16 = 4437;

/// The folder that everything is kept in, unless another one is named.
pub(crate) const DATA: &str = "millstream-data";

/// Where a server keeps everything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// In a folder.
    Disk(PathBuf),
    /// In memory, until the process ends.
    Memory,
    /// On a cluster.
    Cluster(Box<Cluster>),
}

/// The effective settings of a server.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) storage: Storage,
    pub(crate) drain: Duration,
    /// Unless it is to be as many as fit.
    pub(crate) connections_max: Option<usize>,
    pub(crate) app: AppOptions,
}

/// What the file may say; a key that is not here is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) memory: bool,
    /// Addresses of a cluster that keeps everything.
    pub(crate) engine: Option<String>,
    pub(crate) nats: NatsFile,
    #[serde(deserialize_with = "duration")]
    pub(crate) heartbeat: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) drain: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) long_poll: Option<Duration>,
    /// Where clients reach the server, if not by the name that they use.
    pub(crate) public_url: Option<String>,
    pub(crate) body_bytes_max: Option<usize>,
    /// Connections at one moment.
    pub(crate) connections_max: Option<usize>,
    /// Names that the server answers to beside those of loopback.
    pub(crate) hosts: Vec<String>,
    /// Origins whose pages may use the server.
    pub(crate) origins: Vec<String>,
    pub(crate) auth: Option<AuthFile>,
    pub(crate) topics: Topics,
    /// What must not reach a reader of anything that a model says.
    pub(crate) filter: Option<FilterFile>,
    pub(crate) upstreams: BTreeMap<String, Provider>,
}

/// What every topic keeps.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Topics {
    pub(crate) records_max: Option<u64>,
    pub(crate) bytes_max: Option<u64>,
    #[serde(deserialize_with = "duration")]
    pub(crate) age_max: Option<Duration>,
}

/// A provider that the server calls itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) format: String,
    /// The environment variable that holds the key; keys themselves have no place in a file.
    pub(crate) key_env: Option<String>,
    /// How often it is asked again that did not answer.
    pub(crate) retries: Option<u32>,
    /// The wait before it is asked again for the first time.
    #[serde(default, deserialize_with = "duration")]
    pub(crate) retry_delay: Option<Duration>,
    /// How long its answer may take to begin.
    #[serde(default, deserialize_with = "duration")]
    pub(crate) response_timeout: Option<Duration>,
    /// How long it may be silent in mid-stream.
    #[serde(default, deserialize_with = "duration")]
    pub(crate) silence_max: Option<Duration>,
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

impl Config {
    /// Puts the settings together; `env` looks up the variables that hold keys.
    pub(crate) fn load(
        args: &ServeArgs,
        env: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let mut file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let listen = args.listen.or(file.listen).unwrap_or(default);
        let auth = auth::load(args.secret_file.as_deref(), file.auth.take(), &env)?;
        check_listen(listen, args.dev, auth.is_some())?;
        let storage = storage(args, &file, engine::load(args, &file, &env)?);
        let mut app = AppOptions::default().retention(Retention {
            records_max: file.topics.records_max.unwrap_or(limits::TOPIC_RECORDS),
            bytes_max: file.topics.bytes_max.unwrap_or(limits::TOPIC_BYTES),
            age_max: file.topics.age_max,
        });
        if let Some(heartbeat) = args.heartbeat.or(file.heartbeat) {
            if heartbeat.is_zero() {
                bail!("expected a heartbeat above 0");
            }
            app = app.heartbeat(heartbeat);
        }
        if let Some(timeout) = args.long_poll.or(file.long_poll) {
            app = app.long_poll(timeout);
        }
        if args.allow_local_webhooks {
            app = app.allow_local_webhooks();
        }
        app = app.origins(origins(auth.is_some(), &file)?);
        if let Some(url) = &file.public_url {
            app = app.public_url(url.trim_end_matches('/'));
        }
        if let Some(auth) = auth {
            app = app.auth(auth);
        }
        if let Some(bytes) = file.body_bytes_max {
            app = app.body_bytes_max(bytes);
        }
        if let Some(patterns) = &file.filter {
            app = app.filter(filter::load(patterns)?);
        }
        for (name, provider) in &file.upstreams {
            let upstream = provider.upstream(&env).with_context(|| format!("upstream {name}"))?;
            app = app.upstream(name, upstream);
        }
        let drain = args.drain.or(file.drain).unwrap_or(limits::DRAIN);
        Ok(Self { listen, storage, drain, connections_max: file.connections_max, app })
    }
}

/// The names of loopback and those in the file; any name where callers are asked who they are and
/// the file names none.
fn origins(asks_callers: bool, file: &File) -> anyhow::Result<OriginRules> {
    let any_host = asks_callers && file.hosts.is_empty();
    let mut rules = if any_host { OriginRules::any_host() } else { OriginRules::loopback() };
    if let Some(url) = file.public_url.as_deref().filter(|_| !any_host) {
        let uri: Uri = url.parse().with_context(|| format!("public_url {url}"))?;
        let host = uri.host().with_context(|| format!("expected a host in public_url {url}"))?;
        rules = rules.host(host);
    }
    rules = file.hosts.iter().fold(rules, OriginRules::host);
    Ok(file.origins.iter().fold(rules, OriginRules::origin))
}

/// Memory wins where several are named in one place, and then the cluster.
fn storage(args: &ServeArgs, file: &File, cluster: Option<Cluster>) -> Storage {
    match &args.data {
        _ if args.memory => Storage::Memory,
        Some(data) => Storage::Disk(data.clone()),
        None if let Some(cluster) = cluster => Storage::Cluster(Box::new(cluster)),
        None if file.memory => Storage::Memory,
        None => Storage::Disk(file.data.clone().unwrap_or_else(|| DATA.into())),
    }
}

pub(crate) fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read configuration {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("configuration {}", path.display()))
}

/// Where nobody is asked who they are, nobody but this machine may reach the server.
fn check_listen(listen: SocketAddr, dev: bool, asks_callers: bool) -> anyhow::Result<()> {
    if listen.ip().is_loopback() || (asks_callers && !dev) {
        return Ok(());
    }
    if dev {
        bail!("--dev listens on loopback only, and {listen} is not; use 127.0.0.1 or leave it out");
    }
    bail!(
        "{listen} is beyond loopback, and nobody is asked who they are; make a secret \
         (openssl rand -hex 32 > secret), start with --secret-file secret, and make tokens with \
         `millstream token --secret-file secret`"
    )
}

impl Provider {
    fn upstream(&self, env: impl Fn(&str) -> Option<String>) -> anyhow::Result<Upstream> {
        let format = self.format.parse().ok().with_context(|| {
            let known: Vec<_> =
                millstream::llm::Format::ALL.iter().map(|format| format.as_str()).collect();
            format!("expected format to be one of {}, found {:?}", known.join(", "), self.format)
        })?;
        let mut upstream = Upstream::new(&self.url, format)?.retry(self.retry());
        if let Some(silence) = self.silence_max {
            upstream = upstream.silence_max(silence);
        }
        let Some(name) = &self.key_env else { return Ok(upstream) };
        let key = env(name).with_context(|| format!("expected a key in the variable {name}"))?;
        Ok(upstream.key(&key)?)
    }

    fn retry(&self) -> RetryPolicy {
        let mut policy = RetryPolicy::default();
        if let Some(retries) = self.retries {
            policy = policy.retries(retries);
        }
        if let Some(delay) = self.retry_delay {
            policy = policy.delay(delay);
        }
        if let Some(timeout) = self.response_timeout {
            policy = policy.response_timeout(timeout);
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_env(_: &str) -> Option<String> {
        None
    }

    fn parse(text: &str) -> anyhow::Result<File> {
        Ok(toml::from_str(text)?)
    }

    #[track_caller]
    fn check_refused(result: anyhow::Result<impl std::fmt::Debug>, want: &str) {
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn only_loopback_may_be_open() {
        let args = |listen: &str, dev| ServeArgs {
            listen: Some(listen.parse().unwrap()),
            dev,
            ..ServeArgs::default()
        };
        assert!(Config::load(&args("127.0.0.1:0", true), no_env).is_ok());
        assert!(Config::load(&args("[::1]:0", false), no_env).is_ok());
        check_refused(Config::load(&args("0.0.0.0:0", true), no_env), "loopback only");
        check_refused(Config::load(&args("192.168.1.1:0", false), no_env), "millstream token");
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "a secret of more than thirty-two bytes").unwrap();
        let secret_file = Some(secret.path().to_owned());
        let asking =
            |listen, dev| ServeArgs { secret_file: secret_file.clone(), ..args(listen, dev) };
        assert!(Config::load(&asking("0.0.0.0:0", false), no_env).is_ok());
        check_refused(Config::load(&asking("0.0.0.0:0", true), no_env), "loopback only");
    }

    #[test]
    fn the_default_is_the_protocol_s_port_on_loopback() {
        let config = Config::load(&ServeArgs::default(), no_env).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:4437");
        assert_eq!(config.drain, Duration::from_secs(10));
    }

    #[test]
    fn everything_is_kept_on_disk_unless_memory_is_asked_for() {
        #[track_caller]
        fn check(data: Option<&str>, memory: bool, file: &str, want: Storage) {
            let data = data.map(PathBuf::from);
            let args = ServeArgs { data, memory, ..ServeArgs::default() };
            assert_eq!(storage(&args, &parse(file).unwrap(), None), want);
        }
        let disk = |path: &str| Storage::Disk(path.into());
        check(None, false, "", disk("millstream-data"));
        check(Some("a"), false, "", disk("a"));
        check(None, false, "data = 'b'", disk("b"));
        check(Some("a"), false, "data = 'b'", disk("a"));
        check(Some("a"), false, "memory = true", disk("a"));
        check(None, false, "memory = true", Storage::Memory);
        check(None, true, "data = 'b'", Storage::Memory);
    }

    #[test]
    fn unknown_keys_are_errors_that_name_the_known_ones() {
        check_refused(parse("lisen = '127.0.0.1:1'"), "`listen`");
        check_refused(parse("[topics]\nmax_records = 1"), "`records_max`");
        check_refused(parse("heartbeat = 'soon'"), "heartbeat");
    }

    #[test]
    fn a_provider_s_key_comes_from_the_environment() {
        let file = parse(
            "[upstreams.a]\nurl = 'http://127.0.0.1:1/v1'\nformat = 'openai-chat'\nkey_env = 'K'",
        );
        let provider = &file.unwrap().upstreams["a"];
        check_refused(provider.upstream(no_env), "variable K");
        let upstream = provider.upstream(|name| (name == "K").then(|| "secret".into())).unwrap();
        assert!(!format!("{upstream:?}").contains("secret"));
        let nameless = Provider { format: "grammar".into(), ..<_>::default() };
        check_refused(nameless.upstream(no_env), "openai-chat");
        let nowhere = Provider { format: "ollama".into(), url: "/x".into(), ..<_>::default() };
        check_refused(nowhere.upstream(no_env), "absolute");
    }
}
