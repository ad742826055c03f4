//! Which tokens the server takes: secrets and keys from files and the environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use millstream::http::{Algorithm, Auth, Grant};
use serde::Deserialize;

/// What the file may say of tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthFile {
    secret_file: Option<PathBuf>,
    /// The environment variable that holds a secret; secrets themselves have no place in a file.
    secret_env: Option<String>,
    public_keys: Vec<PublicKey>,
    /// A JSON Web Key Set.
    key_set_file: Option<PathBuf>,
    /// Where a JSON Web Key Set is published.
    key_set_url: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    /// What a caller without a token may do, in the words of a token's claims.
    anonymous: Option<Grant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKey {
    algorithm: String,
    file: PathBuf,
}

/// The keys that were named anywhere; `None` if nobody is to be asked.
pub(crate) fn load(
    secret_file: Option<&Path>,
    file: Option<AuthFile>,
    env: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Auth>> {
    if file.is_none() && secret_file.is_none() {
        return Ok(None);
    }
    let file = file.unwrap_or_default();
    let mut auth = Auth::new();
    let mut keys = 0;
    for path in secret_file.into_iter().chain(file.secret_file.as_deref()) {
        auth = auth.secret(read_secret(path)?.as_bytes()).with_context(|| named(path))?;
        keys += 1;
    }
    if let Some(name) = &file.secret_env {
        let secret =
            env(name).with_context(|| format!("expected a secret in the variable {name}"))?;
        auth = auth.secret(secret.trim().as_bytes()).with_context(|| format!("variable {name}"))?;
        keys += 1;
    }
    for PublicKey { algorithm, file } in &file.public_keys {
        let key = auth.public_key(parse_algorithm(algorithm)?, read(file)?.as_bytes());
        auth = key.with_context(|| named(file))?;
        keys += 1;
    }
    if let Some(path) = &file.key_set_file {
        auth = auth.key_set(&read(path)?).with_context(|| named(path))?;
        keys += 1;
    }
    if let Some(url) = &file.key_set_url {
        auth = auth.key_set_url(url).with_context(|| url.clone())?;
        keys += 1;
    }
    if keys == 0 && file.anonymous.is_none() {
        bail!(
            "expected a key in [auth]: secret_file, secret_env, public_keys, key_set_file or key_set_url"
        );
    }
    auth = file.issuer.into_iter().fold(auth, Auth::issuer);
    auth = file.audience.into_iter().fold(auth, Auth::audience);
    Ok(Some(file.anonymous.into_iter().fold(auth, Auth::anonymous)))
}

/// A secret without the line break that editors put behind it.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<String> {
    Ok(read(path)?.trim().to_owned())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

fn parse_algorithm(name: &str) -> anyhow::Result<Algorithm> {
    match name {
        "RS256" => Ok(Algorithm::Rs256),
        "ES256" => Ok(Algorithm::Es256),
        "EdDSA" => Ok(Algorithm::EdDsa),
        _ => bail!("expected the algorithm RS256, ES256 or EdDSA, found {name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> AuthFile {
        toml::from_str(text).unwrap()
    }

    fn env(name: &str) -> Option<String> {
        (name == "S").then(|| "a secret of more than thirty-two bytes\n".to_owned())
    }

    #[track_caller]
    fn check_refused(file: &str, want: &str) {
        let error = format!("{:#}", load(None, Some(parse(file)), env).unwrap_err());
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn nobody_is_asked_unless_a_key_is_named() {
        assert!(load(None, None, env).unwrap().is_none());
        assert!(load(None, Some(parse("secret_env = 'S'")), env).unwrap().is_some());
        check_refused("", "expected a key");
        check_refused("issuer = 'x'", "expected a key");
    }

    #[test]
    fn what_is_no_key_is_named() {
        check_refused("secret_env = 'T'", "variable T");
        check_refused("secret_file = '/nowhere'", "/nowhere");
        for bad in ["http://login.example.org/keys", "ftp://127.0.0.1/", "keys.json"] {
            check_refused(&format!("key_set_url = '{bad}'"), "https URL");
        }
        let good = parse("key_set_url = 'https://login.example.org/keys'");
        assert!(load(None, Some(good), env).unwrap().is_some());
        check_refused("[[public_keys]]\nalgorithm = 'HS256'\nfile = 'x'", "RS256, ES256 or EdDSA");
        let short = |_: &str| Some("short".to_owned());
        let error = load(None, Some(parse("secret_env = 'S'")), short).unwrap_err();
        assert!(format!("{error:#}").contains("at least 32 bytes"));
    }

    #[test]
    fn anonymous_callers_may_be_let_in() {
        let file = "[anonymous]\nsubscribe = ['public.>']";
        assert!(load(None, Some(parse(file)), env).unwrap().is_some());
        assert!(toml::from_str::<AuthFile>("[anonymous]\nsubscribe = ['a..b']").is_err());
    }
}
