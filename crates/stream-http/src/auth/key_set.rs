//! Sets of public keys (RFC 7517): how they are read, and fetched from where they are published.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::uri::Scheme;
use http::{Request, StatusCode, Uri};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use parking_lot::RwLock;
use tracing::{info, warn};

use super::{Algorithm, Key, KeyError};
use crate::client::{CallError, Client, read_some};
use crate::limits::{KEY_SET_BYTES, KEY_SET_TIMEOUT};

/// The usable keys of a set, at least one.
///
/// # Errors
/// [`KeyError::Set`] if there is none, two share an id, or one is a shared secret.
pub(super) fn parse(json: &str) -> Result<Vec<Key>, KeyError> {
    let set: JwkSet = serde_json::from_str(json).map_err(|_| KeyError::Set)?;
    let mut keys: Vec<Key> = Vec::new();
    for jwk in &set.keys {
        let Some(algorithm) = algorithm_of(jwk)? else { continue };
        let key = DecodingKey::from_jwk(jwk).map_err(|_| KeyError::Set)?;
        let key = Key { id: jwk.common.key_id.clone(), algorithm, key };
        if keys.iter().any(|known| known.is_named_as(&key)) {
            return Err(KeyError::Set);
        }
        keys.push(key);
    }
    if keys.is_empty() { Err(KeyError::Set) } else { Ok(keys) }
}

/// `None` for a key that is not taken.
fn algorithm_of(jwk: &Jwk) -> Result<Option<Algorithm>, KeyError> {
    let for_signing =
        jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::Rs256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::Es256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDsa
        }
        AlgorithmParameters::OctetKey(_) => return Err(KeyError::Set),
        _ => return Ok(None),
    };
    let stated = jwk.common.key_algorithm.map(|stated| stated.to_string());
    let agrees = stated.is_none_or(|stated| stated == format!("{:?}", algorithm.of_token()));
    Ok((for_signing && agrees).then_some(algorithm))
}

/// A set of keys that is published somewhere, as it was when it was last fetched.
pub(crate) struct Published {
    url: Uri,
    keys: RwLock<Arc<Vec<Key>>>,
    /// When it was last fetched, or tried; held while that is done.
    tried: tokio::sync::Mutex<Option<Instant>>,
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys();
        let keys: Vec<_> = keys.iter().map(|key| (&key.id, key.algorithm)).collect();
        f.debug_struct("Published")
            .field("url", &self.url)
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}

impl Published {
    /// No key yet.
    pub(super) fn new(url: &str) -> Result<Self, KeyError> {
        let url: Uri = url.parse().map_err(|_| KeyError::Url)?;
        let is_loopback = matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_safe = url.scheme() == Some(&Scheme::HTTPS)
            || url.scheme() == Some(&Scheme::HTTP) && is_loopback;
        if !is_safe {
            return Err(KeyError::Url);
        }
        Ok(Self { url, keys: RwLock::default(), tried: tokio::sync::Mutex::default() })
    }

    pub(super) fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read())
    }

    /// Fetches the set again, unless that was tried less than `pause` ago; says whether there may be
    /// other keys.
    ///
    /// Who comes while it is fetched waits for that, and does not fetch it once more.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the set as it was.
    pub(crate) async fn refresh(&self, client: &Client, pause: Duration) -> bool {
        let asked = Instant::now();
        let mut tried = self.tried.lock().await;
        match *tried {
            // It was fetched while this call waited.
            Some(at) if at >= asked => return true,
            Some(at) if asked.saturating_duration_since(at) < pause => return false,
            _ => {}
        }
        let fetched = self.fetch(client).await;
        *tried = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                info!(keys = keys.len(), url = %self.url, "fetched the keys of tokens");
                *self.keys.write() = Arc::new(keys);
                true
            }
            Err(error) => {
                warn!(%error, url = %self.url, "cannot fetch the keys of tokens; those known stay");
                false
            }
        }
    }

    async fn fetch(&self, client: &Client) -> Result<Vec<Key>, FetchError> {
        let request = Request::get(self.url.clone()).body(Body::empty());
        let request = request.map_err(|_| FetchError::Set(KeyError::Url))?;
        let response = client.send_within(KEY_SET_TIMEOUT, request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = read_some(response.into_body(), KEY_SET_BYTES);
        let body = tokio::time::timeout(KEY_SET_TIMEOUT, body).await;
        let body = body.map_err(|_| CallError::Timeout { after: KEY_SET_TIMEOUT })?;
        Ok(parse(&String::from_utf8_lossy(&body))?)
    }
}

/// Why a set cannot be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("expected the status 200, found {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Set(#[from] KeyError),
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::routing::get;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};
    use stream_model::now::now;

    use super::super::{Auth, TokenError};
    use super::*;

    /// Pairs of keys made for these tests alone.
    const EC: &[u8] = include_bytes!("../../testdata/keys/ec.pem");
    const ED: &[u8] = include_bytes!("../../testdata/keys/ed.pem");

    fn set(id: &str, algorithm: jsonwebtoken::Algorithm, key: &EncodingKey) -> Value {
        let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        json!({"keys": [jwk]})
    }

    /// Publishes whatever stands there now, and counts who asks.
    async fn publisher(body: &Arc<RwLock<(u32, String)>>) -> String {
        let answer = async |State(body): State<Arc<RwLock<(u32, String)>>>| {
            let mut body = body.write();
            body.0 += 1;
            body.1.clone()
        };
        let router = Router::new().route("/keys", get(answer)).with_state(Arc::clone(body));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    #[tokio::test]
    async fn keys_that_are_changed_are_fetched_again_but_not_too_often() {
        use jsonwebtoken::Algorithm::{ES256, EdDSA};
        let (first, second) =
            (EncodingKey::from_ec_pem(EC).unwrap(), EncodingKey::from_ed_pem(ED).unwrap());
        let body = Arc::new(RwLock::new((0, set("1", ES256, &first).to_string())));
        let auth = Auth::new().key_set_url(&publisher(&body).await).unwrap();
        let published = auth.published().unwrap();
        let client = Client::new();
        let claims = json!({"exp": now().unix_timestamp() + 60});
        let token = |algorithm, key| {
            let header = Header { kid: Some("1".to_owned()), ..Header::new(algorithm) };
            encode(&header, &claims, key).unwrap()
        };
        let verify = |token: &str| auth.verify(token, now()).map(drop);
        assert_eq!(verify(&token(ES256, &first)), Err(TokenError::Key), "nothing was fetched");

        let hour = Duration::from_hours(1);
        assert!(published.refresh(&client, hour).await);
        assert_eq!(verify(&token(ES256, &first)), Ok(()));
        body.write().1 = set("1", EdDSA, &second).to_string();
        assert!(!published.refresh(&client, hour).await, "too early");
        assert_eq!(body.read().0, 1);
        assert!(published.refresh(&client, Duration::ZERO).await);
        assert_eq!(verify(&token(EdDSA, &second)), Ok(()));
        assert_eq!(verify(&token(ES256, &first)), Err(TokenError::Key), "it was taken back");
        for bad in ["", "{}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"] {
            bad.clone_into(&mut body.write().1);
            assert!(!published.refresh(&client, Duration::ZERO).await);
        }
        body.write().1 = " ".repeat(KEY_SET_BYTES) + &set("1", ES256, &first).to_string();
        assert!(!published.refresh(&client, Duration::ZERO).await, "too long");
        assert_eq!(verify(&token(EdDSA, &second)), Ok(()), "what was known stays");
    }

    #[tokio::test]
    async fn who_comes_while_it_is_fetched_waits_for_that() {
        let key = EncodingKey::from_ec_pem(EC).unwrap();
        let keys = set("1", jsonwebtoken::Algorithm::ES256, &key).to_string();
        let body = Arc::new(RwLock::new((0, keys)));
        let published = Published::new(&publisher(&body).await).unwrap();
        let client = Client::new();
        let refresh = || published.refresh(&client, Duration::ZERO);
        let (first, second, third) = tokio::join!(refresh(), refresh(), refresh());
        assert!(first && second && third);
        assert_eq!(body.read().0, 1);
    }
}
