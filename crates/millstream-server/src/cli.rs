//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use millstream::model::{Topic, TopicFilter};

use crate::logging::LogFormat;

/// Real-time event streams and LLM token streams.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How lines on standard error are written; `MILLSTREAM_LOG` says which
    #[arg(
        long,
        value_enum,
        global = true,
        default_value = "text",
        env = "MILLSTREAM_LOG_FORMAT",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server
    Serve(ServeArgs),
    /// Print the settings that `serve` would have with the same flags, and where each comes from
    Config(ServeArgs),
    /// Serve a recorded provider stream, as a stand-in for the provider
    Replay(ReplayArgs),
    /// Show what a data folder holds, also while a server uses it
    Inspect(InspectArgs),
    /// Publish events to a topic
    Pub(PubArgs),
    /// Read topics and patterns as their events come, through lost connections and restarts
    Sub(SubArgs),
    /// As `sub`, from the oldest event that is left
    Tail(SubArgs),
    /// Put load on a server, check what comes, and print what it took
    Bench(BenchArgs),
    /// Make a token that says what its bearer may do
    Token(TokenArgs),
    /// Pipe a provider's bytes from standard input into a resumable stream
    Relay(RelayArgs),
}

/// Flags override the environment, the environment overrides the file.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Loopback only, open to everybody there; prints how to publish and subscribe
    #[arg(long)]
    pub(crate) dev: bool,
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:4437]
    #[arg(long, value_name = "ADDR:PORT", env = "MILLSTREAM_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The folder that everything is kept in [default: ./millstream-data]
    #[arg(long, value_name = "DIR", env = "MILLSTREAM_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Keep everything in memory instead, until the process ends
    #[arg(long, env = "MILLSTREAM_MEMORY", value_parser = BoolishValueParser::new())]
    pub(crate) memory: bool,
    /// Keep everything on a cluster of NATS servers instead: nats://host:4222,nats://host:4222 or tls://…
    #[arg(long, value_name = "URLS", env = "MILLSTREAM_ENGINE", conflicts_with_all = ["data", "memory"])]
    pub(crate) engine: Option<String>,
    /// The file of credentials for the cluster
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_NATS_CREDENTIALS")]
    pub(crate) nats_credentials: Option<PathBuf>,
    /// A TOML file with the same settings, and the providers
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Ask callers for tokens that are signed with the secret in this file; see `millstream token`
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_SECRET_FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Silence after which readers get a heartbeat [default: 30s]
    #[arg(long, value_name = "TIME", env = "MILLSTREAM_HEARTBEAT", value_parser = parse_duration)]
    pub(crate) heartbeat: Option<Duration>,
    /// Time after which a long poll of a durable stream is answered in vain [default: 30s]
    #[arg(long, value_name = "TIME", env = "MILLSTREAM_LONG_POLL", value_parser = parse_duration)]
    pub(crate) long_poll: Option<Duration>,
    /// Let webhooks reach this machine's loopback, also by plain HTTP: for development and tests
    #[arg(long)]
    pub(crate) allow_local_webhooks: bool,
    /// Time that open readers get to end at shutdown [default: 10s]
    #[arg(long, value_name = "TIME", env = "MILLSTREAM_DRAIN", value_parser = parse_duration)]
    pub(crate) drain: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording: SSE, or by its ending .ndjson or .json
    pub(crate) file: PathBuf,
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4438")]
    pub(crate) listen: SocketAddr,
    /// Time between two events
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    pub(crate) interval: Duration,
    /// Divides the interval
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = parse_speed)]
    pub(crate) speed: f64,
    /// Cut events into pieces of at most so many bytes
    #[arg(long, value_name = "BYTES")]
    pub(crate) chunk: Option<usize>,
    /// Break the connection after this percentage of the bytes
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) cut: u8,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is not said is not allowed.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The secret that the server has
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_SECRET_FILE")]
    pub(crate) secret_file: PathBuf,
    /// How long the token is good
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    pub(crate) lifetime: Duration,
    /// A topic or pattern that may be published to
    #[arg(long, value_name = "PATTERN")]
    pub(crate) publish: Vec<TopicFilter>,
    /// A topic or pattern that may be read
    #[arg(long, value_name = "PATTERN")]
    pub(crate) subscribe: Vec<TopicFilter>,
    /// An LLM stream that may be read; `chat-*` is every id that begins so
    #[arg(long, value_name = "ID")]
    pub(crate) llm_read: Vec<String>,
    /// An LLM stream that may be started and stopped
    #[arg(long, value_name = "ID")]
    pub(crate) llm_write: Vec<String>,
    /// A durable stream that may be read; `notes/*` is every path that begins so
    #[arg(long, value_name = "PATH")]
    pub(crate) stream_read: Vec<String>,
    /// A durable stream that may be made, written and deleted
    #[arg(long, value_name = "PATH")]
    pub(crate) stream_write: Vec<String>,
    /// Whether metrics may be read
    #[arg(long)]
    pub(crate) admin: bool,
    /// Everything above, for everything
    #[arg(long)]
    pub(crate) all: bool,
    /// Who issues the token, if the server asks
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// Whom it is meant for, if the server asks
    #[arg(long)]
    pub(crate) audience: Option<String>,
}

/// A server, as its clients name it.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// The server
    #[arg(
        long,
        value_name = "URL",
        env = "MILLSTREAM_SERVER",
        default_value = "http://127.0.0.1:4437"
    )]
    pub(crate) server: String,
    /// A token that allows what is asked
    #[arg(long, env = "MILLSTREAM_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PubArgs {
    /// The topic
    pub(crate) topic: Topic,
    /// The event's data: JSON if it is valid JSON, else text; standard input otherwise
    pub(crate) data: Option<String>,
    /// Standard input holds an event of JSON on each line
    #[arg(long, conflicts_with = "data")]
    pub(crate) lines: bool,
    /// Makes it harmless to publish the same again
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SubArgs {
    /// Topics and patterns
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<TopicFilter>,
    /// Where to start: earliest or latest
    #[arg(long, value_name = "WHERE", default_value = "latest")]
    pub(crate) from: String,
    /// A condition that events must meet, such as data.amount>=10
    #[arg(long, value_name = "CONDITION")]
    pub(crate) filter: Vec<String>,
    /// End after so many events
    #[arg(long, short = 'n', value_name = "EVENTS")]
    pub(crate) count: Option<u64>,
    /// Print whole events with their place, and not only their data
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// The stream's id: letters, digits, `-`, `_`, `.` and `~`
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// The format of the bytes, such as openai-chat; found out from the first ones otherwise
    #[arg(long, value_name = "FORMAT")]
    pub(crate) provider: Option<String>,
}

/// How subscribers of a load read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// A topic as server-sent events
    Sse,
    /// A topic over a WebSocket
    Websocket,
    /// A durable stream as server-sent events
    Durable,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// How subscribers read
    #[arg(long, value_enum, default_value = "sse")]
    pub(crate) transport: Transport,
    /// The topic, or the durable stream, which is made
    #[arg(long, value_name = "NAME", default_value = "bench")]
    pub(crate) topic: Topic,
    /// Connections that read
    #[arg(long, default_value_t = 100)]
    pub(crate) subscribers: usize,
    /// Threads that read
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Connections that publish
    #[arg(long, default_value_t = 4)]
    pub(crate) publishers: u16,
    /// Events a second, of all publishers together
    #[arg(long, default_value_t = 100.0, value_parser = parse_rate)]
    pub(crate) rate: f64,
    /// Bytes of an event
    #[arg(long, default_value_t = 200)]
    pub(crate) bytes: usize,
    /// How long is counted
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) time: Duration,
    /// The server's process, if it is on this machine: its processor time and memory are told too
    #[arg(long)]
    pub(crate) pid: Option<u32>,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("expected a time such as 20ms or 10s: {error}"))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("expected a factor above 0, such as 2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn speeds_are_factors() {
        assert_eq!(parse_speed("2x"), Ok(2.0));
        assert_eq!(parse_speed("0.5"), Ok(0.5));
        for bad in ["0", "-1", "nan", "inf", "fast"] {
            assert!(parse_speed(bad).is_err(), "{bad}");
        }
    }
}
