//! Connects to a cluster, and finds or makes the streams of its logs.

use async_nats::{Client, ConnectOptions, Event, ServerInfo, Subscriber};
use serde_json::json;
use stream_log::Durability;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::api::{Api, StreamInfo};
use crate::engine::Engine;
use crate::error::{NatsError, OpenError};
use crate::limits::{CONNECT_WAIT, PING_EVERY, SHARDS_MAX};
use crate::options::NatsOptions;
use crate::shard::Shard;
use crate::subject::Layout;

/// What our streams say of themselves, before the number of all of them.
const DESCRIPTION: &str = "millstream logs, format 2, shards ";

/// Copies of a stream in a cluster, unless it is said otherwise.
const REPLICAS: u8 = 3;

/// What is wrong if there is none after it was made.
const NO_STREAM: NatsError = NatsError::Unavailable { what: "make a stream" };

/// Bytes of a prefix.
const PREFIX_BYTES_MAX: usize = 32;

/// The engine, and what it hears of the histories that other servers begin.
pub(crate) async fn open(
    servers: &str,
    options: NatsOptions,
) -> Result<(Engine, Subscriber), OpenError> {
    let fits = (1..=PREFIX_BYTES_MAX).contains(&options.prefix.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !fits || !options.prefix.bytes().all(plain) {
        return Err(OpenError::Prefix(options.prefix));
    }
    let (client, connections) = connect(servers, &options).await?;
    let server = client.server_info();
    let api = Api::new(client, options.timeout);
    let (layout, recipe) = streams(&api, &server, &options).await?;
    if options.synced && !recipe.synced {
        warn!(version = server.version, "server is too old to sync before it acknowledges");
    }
    let durability = layout.shards().iter().map(|shard| shard.durability()).min();
    info!(
        server = server.server_name,
        version = server.version,
        ?durability,
        streams = layout.shards().len(),
        "connected to the cluster",
    );
    let histories = api.client().subscribe(layout.histories()).await;
    let histories = histories.map_err(|_| NatsError::Unavailable { what: "follow histories" });
    let histories = histories.map_err(OpenError::Engine)?;
    Ok((Engine::new(api, layout, recipe, connections), histories))
}

async fn connect(
    servers: &str,
    options: &NatsOptions,
) -> Result<(Client, watch::Receiver<u64>), OpenError> {
    let (connected, connections) = watch::channel(0_u64);
    let mut connect = ConnectOptions::new().name("millstream").event_callback(move |event| {
        match event {
            Event::Connected => connected.send_modify(|count| *count += 1),
            Event::Disconnected => warn!("connection to the cluster lost"),
            Event::SlowConsumer(_) => {
                // Messages were dropped on the way in: as bad as a lost connection.
                connected.send_modify(|count| *count += 1);
                warn!("this server is too slow for what it follows");
            }
            other => info!(event = %other, "cluster"),
        }
        std::future::ready(())
    });
    connect = connect.ping_interval(PING_EVERY).connection_timeout(CONNECT_WAIT);
    if let Some(file) = &options.credentials {
        connect = connect.credentials_file(file).await.map_err(OpenError::Credentials)?;
    }
    if let Some((name, password)) = &options.user {
        connect = connect.user_and_password(name.clone(), password.clone());
    }
    if let Some(token) = &options.token {
        connect = connect.token(token.clone());
    }
    if let Some(file) = &options.roots {
        connect = connect.add_root_certificates(file.clone());
    }
    let servers: Vec<&str> = servers.split(',').map(str::trim).collect();
    Ok((connect.connect(servers).await?, connections))
}

/// How streams are made, and what they are good for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// How many there are in all.
    shards: usize,
    replicas: u8,
    /// Whether servers sync before they acknowledge.
    synced: bool,
}

impl Recipe {
    /// Makes the stream of a shard, unless it is there.
    pub(crate) async fn make(self, api: &Api, shard: &Shard) -> Result<(), NatsError> {
        let config = json!({
            "name": shard.stream,
            "description": format!("{DESCRIPTION}{}", self.shards),
            "subjects": [shard.stored()],
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "num_replicas": self.replicas,
            "allow_direct": true,
            "republish": { "src": shard.stored(), "dest": shard.sent_out() },
        });
        api.make_stream(&shard.stream, &config).await
    }

    /// Takes what a stream is; its operator may change that at any time.
    pub(crate) fn judge(self, shard: &Shard, stream: &StreamInfo) {
        let durability = durability(stream, self.synced);
        if let Some(before) = shard.set_durability(durability)
            && before != Durability::Memory
        {
            warn!(stream = shard.stream, %before, %durability, "stream was changed");
        }
    }
}

/// How logs are spread over streams, which are there then; the first one says how many there are.
async fn streams(
    api: &Api,
    server: &ServerInfo,
    options: &NatsOptions,
) -> Result<(Layout, Recipe), OpenError> {
    let wanted = Layout::new(&options.prefix, options.shards);
    let replicas = options.replicas.unwrap_or(match &server.cluster {
        Some(_) => REPLICAS,
        None => 1,
    });
    let synced = options.synced && api.client().is_server_compatible(2, 10, 0);
    let recipe = |shards: usize| Recipe { shards, replicas, synced };
    let (first, _) = wanted.shards().split_first().ok_or(OpenError::Engine(NO_STREAM))?;
    let found = find_or_make(api, server, recipe(wanted.shards().len()), first).await?;
    let shards = shards(&first.stream, &found)?;
    if shards != options.shards {
        warn!(shards, asked = options.shards, "streams that exist keep their number");
    }
    let layout = Layout::new(&options.prefix, shards);
    let recipe = recipe(layout.shards().len());
    for shard in layout.shards() {
        recipe.judge(shard, &find_or_make(api, server, recipe, shard).await?);
    }
    Ok((layout, recipe))
}

async fn find_or_make(
    api: &Api,
    server: &ServerInfo,
    recipe: Recipe,
    shard: &Shard,
) -> Result<StreamInfo, OpenError> {
    let no_jetstream = |error| match error {
        NatsError::Unavailable { .. } if !server.jetstream => OpenError::NoJetStream {
            server: server.server_name.clone(),
            version: server.version.clone(),
        },
        error => OpenError::Engine(error),
    };
    if let Some(stream) = api.stream(&shard.stream, None).await.map_err(no_jetstream)? {
        return Ok(stream);
    }
    recipe.make(api, shard).await?;
    let made = api.stream(&shard.stream, None).await?;
    made.ok_or(OpenError::Engine(NO_STREAM))
}

/// The number of streams that a stream of ours tells.
fn shards(name: &str, stream: &StreamInfo) -> Result<u16, OpenError> {
    let told = stream.config.description.strip_prefix(DESCRIPTION);
    let told = told.and_then(|shards| shards.parse().ok());
    told.filter(|shards| (1..=SHARDS_MAX).contains(shards)).ok_or_else(|| OpenError::Foreign {
        stream: name.to_owned(),
        found: stream.config.description.clone(),
    })
}

/// What an acknowledged message of a stream survives.
fn durability(stream: &StreamInfo, synced: bool) -> Durability {
    match (stream.config.storage.as_str(), stream.config.num_replicas) {
        ("file", 0 | 1) if synced => Durability::Disk,
        ("file", _) if synced => Durability::Replicated,
        // Copies in the memory of several machines survive one of them, but not a power failure.
        ("file", _) => Durability::Os,
        _ => Durability::Memory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(storage: &str, num_replicas: u8, description: &str) -> StreamInfo {
        let config = json!({
            "storage": storage, "num_replicas": num_replicas, "description": description,
        });
        serde_json::from_value(json!({ "config": config, "state": { "last_seq": 0 } })).unwrap()
    }

    #[test]
    fn no_more_is_claimed_than_is_known() {
        let check = |storage, replicas, synced, want| {
            assert_eq!(durability(&stream(storage, replicas, ""), synced), want);
        };
        check("file", 1, false, Durability::Os);
        check("file", 3, false, Durability::Os);
        check("file", 1, true, Durability::Disk);
        check("file", 3, true, Durability::Replicated);
        check("memory", 1, true, Durability::Memory);
        check("memory", 3, true, Durability::Memory);
    }

    #[test]
    fn a_stream_of_others_is_left_alone() {
        let told = |text: &str| shards("s", &stream("file", 1, text)).ok();
        assert_eq!(told("millstream logs, format 2, shards 4"), Some(4));
        for foreign in ["", "orders", "millstream logs, format 1, shards 4"] {
            assert_eq!(told(foreign), None, "{foreign}");
        }
        assert_eq!(told("millstream logs, format 2, shards 0"), None);
    }
}
