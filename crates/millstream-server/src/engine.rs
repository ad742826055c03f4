//! Where logs are kept if not on this machine: a cluster, and how to get into it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use millstream::nats::{NatsOptions, limits};
use serde::Deserialize;

use crate::cli::ServeArgs;
use crate::config::{File, duration};

/// What the address of an engine may begin with.
const SCHEMES: [&str; 2] = ["nats://", "tls://"];

/// A cluster that keeps the logs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Addresses, with commas between them; no password is among them.
    pub(crate) servers: String,
    pub(crate) options: NatsOptions,
}

/// What the file may say of the cluster; secrets themselves have no place in it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NatsFile {
    pub(crate) prefix: Option<String>,
    pub(crate) shards: Option<u16>,
    pub(crate) replicas: Option<u8>,
    /// Whether every server of the cluster syncs before it acknowledges.
    pub(crate) synced: bool,
    /// A file with a JWT and the seed of a key.
    pub(crate) credentials: Option<PathBuf>,
    pub(crate) user: Option<String>,
    /// The environment variable that holds the user's password.
    pub(crate) password_env: Option<String>,
    /// The environment variable that holds a token.
    pub(crate) token_env: Option<String>,
    /// Certificates that the cluster is trusted by, beside those of the system.
    pub(crate) roots: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub(crate) timeout: Option<Duration>,
}

/// The cluster that is named, if one is.
pub(crate) fn load(
    args: &ServeArgs,
    file: &File,
    env: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Cluster>> {
    let Some(servers) = args.engine.as_ref().or(file.engine.as_ref()) else { return Ok(None) };
    for server in servers.split(',').map(str::trim) {
        if !SCHEMES.iter().any(|scheme| server.starts_with(scheme)) {
            bail!("expected an engine like nats://host:4222, found {server:?}");
        }
        if server.contains('@') {
            bail!("expected no password in the engine's address: name a variable in [nats]");
        }
    }
    let secret = |name: &str| env(name).with_context(|| format!("expected a secret in {name}"));
    let NatsFile { prefix, shards, replicas, synced, user, password_env, .. } = &file.nats;
    let mut options = NatsOptions::default()
        .shards(shards.unwrap_or(limits::SHARDS))
        .timeout(file.nats.timeout.unwrap_or(limits::OPERATION_WAIT));
    if let Some(prefix) = prefix {
        options = options.prefix(prefix);
    }
    if let Some(replicas) = replicas {
        options = options.replicas(*replicas);
    }
    if *synced {
        options = options.synced();
    }
    if let Some(credentials) = args.nats_credentials.as_ref().or(file.nats.credentials.as_ref()) {
        options = options.credentials(credentials);
    }
    match (user, password_env) {
        (Some(user), Some(password)) => options = options.user(user, &secret(password)?),
        (None, None) => {}
        _ => bail!("expected both or neither of user and password_env in [nats]"),
    }
    if let Some(token) = &file.nats.token_env {
        options = options.token(&secret(token)?);
    }
    if let Some(roots) = &file.nats.roots {
        options = options.roots(roots);
    }
    Ok(Some(Cluster { servers: servers.clone(), options }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(args: &[Option<&str>; 1], text: &str) -> anyhow::Result<Option<Cluster>> {
        let args = ServeArgs { engine: args[0].map(str::to_owned), ..ServeArgs::default() };
        let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
        load(&args, &toml::from_str(text)?, env)
    }

    #[test]
    fn a_cluster_is_named_by_flag_or_file() {
        assert_eq!(cluster(&[None], "").unwrap(), None);
        let named = cluster(&[Some("nats://a:1,tls://b")], "engine = 'nats://c'").unwrap();
        assert_eq!(named.unwrap().servers, "nats://a:1,tls://b");
        let named = cluster(&[None], "engine = 'nats://c'\n[nats]\nprefix = 'p'\nsynced = true");
        let options = NatsOptions::default().prefix("p").synced();
        assert_eq!(named.unwrap(), Some(Cluster { servers: "nats://c".to_owned(), options }));
    }

    #[test]
    fn secrets_come_from_the_environment_and_are_never_shown() {
        let with = |nats: &str| cluster(&[Some("nats://a")], &format!("[nats]\n{nats}"));
        let known = with("user = 'u'\npassword_env = 'SECRET'\ntoken_env = 'SECRET'").unwrap();
        let shown = format!("{known:?}");
        assert!(shown.contains("\"u\"") && !shown.contains("s3cret"), "{shown}");
        for refused in ["user = 'u'", "token_env = 'OTHER'", "password = 'x'"] {
            assert!(with(refused).is_err(), "{refused}");
        }
        for address in ["localhost:4222", "http://a", "nats://u:p@a", "nats://a,b"] {
            assert!(cluster(&[Some(address)], "").is_err(), "{address}");
        }
    }
}
