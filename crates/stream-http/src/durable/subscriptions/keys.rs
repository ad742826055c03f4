//! What signs webhooks and the tokens of wakes.
//!
//! The secret lies in the store beside the streams: whoever can read the one can read the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stream_log::{AppendBatch, AppendError, LogConfig, LogStore, LogStoreExt, ReadFrom, ReadLimit};
use stream_model::Offset;
use stream_model::now::now;
use stream_protocol::durable::Refusal;
use stream_protocol::durable::subscription::Fault;
use time::OffsetDateTime;

use crate::durable::respond::{append_refused, read_refused, store_refused};
use crate::durable::stream::damaged;
use crate::durable::streams::reserved_log;
use crate::limits::TOKEN_LIFETIME;

/// Bytes of the secret that all else is derived from.
const SEED_BYTES: usize = 32;

/// A key pair for webhooks, and a secret for tokens.
pub(super) struct Keys {
    pair: Ed25519KeyPair,
    kid: String,
    tokens: hmac::Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The subscription.
    sub: String,
    /// The wake.
    generation: u64,
    /// Until when, in seconds since 1970.
    exp: i64,
}

impl Keys {
    /// The keys of this store; made if there are none.
    pub(super) async fn load(store: &dyn LogStore) -> Result<Self, Refusal> {
        let name = reserved_log("keys", "webhooks");
        let log = store.get_or_create(&name, LogConfig::default()).await;
        let log = log.map_err(|error| store_refused(&error))?;
        loop {
            let batch = log.read(ReadFrom::Earliest, ReadLimit::records(1)).await;
            let batch = batch.map_err(|error| read_refused(&error))?;
            if let Some(record) = batch.records.first() {
                return Self::from_seed(&record.payload).map_err(|error| damaged(&error));
            }
            let mut seed = [0; SEED_BYTES];
            SystemRandom::new().fill(&mut seed).map_err(|error| damaged(&error))?;
            let batch = AppendBatch::new(now()).record(seed.to_vec()).expected_tail(Offset::ZERO);
            match log.append(batch).await {
                Ok(_) => return Self::from_seed(&seed).map_err(|error| damaged(&error)),
                // Another server made them at the same time: all have those.
                Err(AppendError::TailMismatch { .. }) => {}
                Err(error) => return Err(append_refused(&error)),
            }
        }
    }

    fn from_seed(seed: &[u8]) -> Result<Self, ring::error::KeyRejected> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)?;
        // The name of a key is its thumbprint (RFC 7638 and RFC 8037, appendix A.3).
        let x = BASE64URL.encode(pair.public_key());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
        let kid = format!("ds_{}", BASE64URL.encode(thumbprint));
        // The two uses of the seed must not meet, so tokens have a key derived from it.
        let derive = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let secret = hmac::sign(&derive, b"millstream wake tokens");
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        Ok(Self { pair, kid, tokens })
    }

    /// The public keys (6.5).
    pub(super) fn jwks(&self) -> Value {
        let x = BASE64URL.encode(self.pair.public_key());
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "alg": "EdDSA", "x": x,
        });
        json!({ "keys": [key] })
    }

    /// How a subscription's owner finds them.
    pub(super) fn signing(&self, jwks_url: &str) -> Value {
        json!({"alg": "ed25519", "kid": self.kid, "jwks_url": jwks_url})
    }

    /// The `Webhook-Signature` of a body that is sent at `now` (7.1).
    pub(super) fn sign(&self, now: OffsetDateTime, body: &[u8]) -> String {
        let t = now.unix_timestamp();
        let message = [t.to_string().as_bytes(), b".", body].concat();
        let signature = BASE64URL.encode(self.pair.sign(&message));
        format!("t={t},kid={},ed25519={signature}", self.kid)
    }

    /// A token for one wake of one subscription.
    pub(super) fn token(&self, id: &str, generation: u64, now: OffsetDateTime) -> String {
        let exp = (now + TOKEN_LIFETIME).unix_timestamp();
        let claims = Claims { sub: id.to_owned(), generation, exp };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let payload = BASE64URL.encode(claims);
        let tag = hmac::sign(&self.tokens, payload.as_bytes());
        format!("{payload}.{}", BASE64URL.encode(tag))
    }

    /// The wake that a token is for.
    pub(super) fn verify(&self, token: &str, id: &str, now: OffsetDateTime) -> Result<u64, Fault> {
        let (payload, tag) = token.split_once('.').ok_or(Fault::Token)?;
        let tag = BASE64URL.decode(tag).map_err(|_| Fault::Token)?;
        hmac::verify(&self.tokens, payload.as_bytes(), &tag).map_err(|_| Fault::Token)?;
        let claims = BASE64URL.decode(payload).map_err(|_| Fault::Token)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| Fault::Token)?;
        let valid = claims.sub == id && claims.exp > now.unix_timestamp();
        if valid { Ok(claims.generation) } else { Err(Fault::Token) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, UnparsedPublicKey};
    use time::macros::datetime;

    const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn keys(byte: u8) -> Keys {
        Keys::from_seed(&[byte; SEED_BYTES]).unwrap()
    }

    #[test]
    fn a_signature_is_over_time_and_body() {
        let keys = keys(1);
        let header = keys.sign(T0, b"{}");
        let (t, rest) = header.strip_prefix("t=").unwrap().split_once(",kid=").unwrap();
        let (kid, signature) = rest.split_once(",ed25519=").unwrap();
        let jwks = keys.jwks();
        assert_eq!(jwks["keys"][0]["kid"], kid);
        let x = BASE64URL.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
        let signature = BASE64URL.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, x);
        assert!(public.verify(format!("{t}.{{}}").as_bytes(), &signature).is_ok());
        assert!(public.verify(format!("{t}1.{{}}").as_bytes(), &signature).is_err());
    }

    #[test]
    fn a_token_is_good_for_one_wake_of_one_subscription() {
        let token = keys(1).token("a", 7, T0);
        assert_eq!(keys(1).verify(&token, "a", T0), Ok(7));
        assert_eq!(keys(1).verify(&token, "b", T0), Err(Fault::Token));
        assert_eq!(keys(2).verify(&token, "a", T0), Err(Fault::Token));
        assert_eq!(keys(1).verify(&token, "a", T0 + TOKEN_LIFETIME), Err(Fault::Token));
        let (payload, tag) = token.split_once('.').unwrap();
        let other = keys(1).token("a", 8, T0);
        let (_, other_tag) = other.split_once('.').unwrap();
        for forged in
            ["", ".", payload, &format!("{payload}.{other_tag}"), &format!("x{payload}.{tag}")]
        {
            assert_eq!(keys(1).verify(forged, "a", T0), Err(Fault::Token), "{forged}");
        }
    }
}
