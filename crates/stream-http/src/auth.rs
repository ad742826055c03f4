//! Who a caller is: tokens and the keys that they are checked with.

mod key_set;

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::crypto::rust_crypto;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::Deserialize;
use serde_json::Value;
use stream_protocol::Grant;
use time::{Duration, OffsetDateTime};

pub(crate) use self::key_set::Published;
use crate::limits::{CLOCK_SKEW, TOKEN_BYTES_MAX, TOKEN_SECRET_BYTES_MIN};

/// How a token is signed; each key is good for one of them only, whatever the token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// A shared secret: HMAC with SHA-256.
    Hs256,
    /// RSA, PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    fn of_token(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Keys that tokens may be signed with, and what the tokens must say (RFC 7519).
///
/// # Examples
///
/// ```
/// use stream_http::Auth;
///
/// let auth = Auth::new()
///     .secret(b"a secret of at least thirty-two bytes")?
///     .issuer("https://login.example.org")
///     .audience("events");
/// # Ok::<(), stream_http::KeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct Auth {
    keys: Vec<Key>,
    published: Option<Arc<Published>>,
    issuer: Option<String>,
    audience: Option<String>,
    anonymous: Option<Grant>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Key {
    /// Whether a token that names one of them may mean the other.
    fn is_named_as(&self, other: &Self) -> bool {
        self.id == other.id && self.algorithm == other.algorithm
    }
}

/// Says nothing of the keys.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|key| (&key.id, key.algorithm)).collect();
        f.debug_struct("Auth")
            .field("keys", &keys)
            .field("published", &self.published)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("anonymous", &self.anonymous)
            .finish()
    }
}

impl Auth {
    /// No key yet: every token is refused.
    pub fn new() -> Self {
        // A second back end in the build would leave the choice open, and the library panics then.
        // Whoever has chosen before has chosen.
        rust_crypto::DEFAULT_PROVIDER.install_default().ok();
        Self::default()
    }

    /// Takes tokens signed with a shared secret, by HS256.
    ///
    /// # Errors
    /// [`KeyError::Short`] below 32 bytes (RFC 7518, 3.2).
    pub fn secret(mut self, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < TOKEN_SECRET_BYTES_MIN {
            return Err(KeyError::Short);
        }
        let key = DecodingKey::from_secret(secret);
        self.keys.push(Key { id: None, algorithm: Algorithm::Hs256, key });
        Ok(self)
    }

    /// Takes tokens signed by the holder of a key whose public part this is, as PEM.
    ///
    /// # Errors
    /// [`KeyError::Pem`] if it is no public key for the algorithm.
    pub fn public_key(mut self, algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let key = match algorithm {
            Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
            Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
            Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
            // A public key taken for a secret would let everybody sign.
            Algorithm::Hs256 => return Err(KeyError::Pem),
        };
        let key = key.map_err(|_| KeyError::Pem)?;
        self.keys.push(Key { id: None, algorithm, key });
        Ok(self)
    }

    /// Takes tokens signed with one of a set of public keys (RFC 7517), named by its id.
    ///
    /// Keys that are not for signing, or of a kind that is not taken, are left out.
    ///
    /// # Errors
    /// [`KeyError::Set`] if it is no set, has no usable key, two of one id, or a shared secret.
    pub fn key_set(mut self, json: &str) -> Result<Self, KeyError> {
        for key in key_set::parse(json)? {
            if self.keys.iter().any(|known| known.is_named_as(&key)) {
                return Err(KeyError::Set);
            }
            self.keys.push(key);
        }
        Ok(self)
    }

    /// Takes tokens signed with one of the public keys that are published at `url`, besides those
    /// that are given here.
    ///
    /// The set is fetched when the server starts, every ten minutes, and when a token names a key
    /// that is not known, at most once a minute; while it cannot be fetched, the keys stay that it
    /// had. Redirects are not followed, and nothing that a token says becomes part of the address.
    ///
    /// # Errors
    /// [`KeyError::Url`] unless it is an `https` URL, or an `http` one of the loopback.
    pub fn key_set_url(mut self, url: &str) -> Result<Self, KeyError> {
        self.published = Some(Arc::new(Published::new(url)?));
        Ok(self)
    }

    /// Tokens must name this issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Tokens must be meant for this audience; without it, tokens that name one are refused.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// What a caller without a token may do; nothing otherwise.
    #[must_use]
    pub fn anonymous(mut self, grant: Grant) -> Self {
        self.anonymous = Some(grant);
        self
    }

    /// The keys that are fetched, if any are.
    pub(crate) fn published(&self) -> Option<&Published> {
        self.published.as_deref()
    }

    pub(crate) fn for_nobody(&self) -> Option<&Grant> {
        self.anonymous.as_ref()
    }

    /// What the bearer of `token` may do at `now`.
    pub(crate) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Grant, TokenError> {
        let claims = self.signed_claims(token)?;
        let registered: Registered =
            serde_json::from_value(claims.clone()).map_err(|_| TokenError::Claims)?;
        self.check_registered(&registered, now)?;
        serde_json::from_value(claims).map_err(|_| TokenError::Claims)
    }

    fn signed_claims(&self, token: &str) -> Result<Value, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Form);
        }
        let header = decode_header(token).map_err(|_| TokenError::Form)?;
        let is_jwt =
            |kind: &String| ["JWT", "at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known));
        // What must be understood is not (RFC 7515, 4.1.11).
        if header.crit.is_some() || !header.typ.as_ref().is_none_or(is_jwt) {
            return Err(TokenError::Form);
        }
        let fits = |key: &&Key| {
            key.algorithm.of_token() == header.alg
                && (key.id.is_none() || header.kid.is_none() || key.id == header.kid)
        };
        let mut error = TokenError::Key;
        let published = self.published.as_ref().map(|published| published.keys());
        let published = published.iter().flat_map(|keys| keys.iter());
        for key in self.keys.iter().chain(published).filter(fits) {
            let mut validation = Validation::new(key.algorithm.of_token());
            // Times and names are checked here, against the time that is given.
            validation.required_spec_claims.clear();
            validation.validate_exp = false;
            validation.validate_aud = false;
            match decode::<Value>(token, &key.key, &validation) {
                Ok(data) => return Ok(data.claims),
                Err(found) => {
                    let signature = matches!(found.kind(), ErrorKind::InvalidSignature);
                    error = if signature { TokenError::Signature } else { TokenError::Form };
                }
            }
        }
        Err(error)
    }

    fn check_registered(&self, claims: &Registered, now: OffsetDateTime) -> Result<(), TokenError> {
        let skew = Duration::try_from(CLOCK_SKEW).unwrap_or_default();
        let expires = claims.expires.ok_or(TokenError::NoExpiry)?;
        if expires <= now {
            return Err(TokenError::Expired);
        }
        if claims.not_before.is_some_and(|begins| begins > now + skew) {
            return Err(TokenError::Early);
        }
        if self.issuer.is_some() && claims.issuer != self.issuer {
            return Err(TokenError::Issuer);
        }
        let meant = match (&claims.audience, &self.audience) {
            (None, None) => true,
            (Some(Audience::One(found)), Some(wanted)) => found == wanted,
            (Some(Audience::Many(found)), Some(wanted)) => found.contains(wanted),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if meant { Ok(()) } else { Err(TokenError::Audience) }
    }
}

/// A token with these claims, signed with a shared secret by HS256; see
/// [`stream_protocol::grant`].
///
/// # Errors
/// [`KeyError::Short`] below 32 bytes, [`KeyError::Claims`] if the claims are no object.
///
/// # Examples
///
/// ```
/// let secret = b"a secret of at least thirty-two bytes";
/// let claims = serde_json::json!({"exp": 1_893_456_000, "subscribe": ["orders.>"]});
/// let token = stream_http::sign_token(secret, &claims)?;
/// # Ok::<(), stream_http::KeyError>(())
/// ```
pub fn sign_token(secret: &[u8], claims: &Value) -> Result<String, KeyError> {
    if secret.len() < TOKEN_SECRET_BYTES_MIN {
        return Err(KeyError::Short);
    }
    if !claims.is_object() {
        return Err(KeyError::Claims);
    }
    rust_crypto::DEFAULT_PROVIDER.install_default().ok();
    let key = EncodingKey::from_secret(secret);
    encode(&Header::default(), claims, &key).map_err(|_| KeyError::Claims)
}

/// The claims of RFC 7519, 4.1.
#[derive(Debug, Deserialize)]
struct Registered {
    #[serde(default, rename = "exp", with = "time::serde::timestamp::option")]
    expires: Option<OffsetDateTime>,
    #[serde(default, rename = "nbf", with = "time::serde::timestamp::option")]
    not_before: Option<OffsetDateTime>,
    #[serde(rename = "iss")]
    issuer: Option<String>,
    #[serde(rename = "aud")]
    audience: Option<Audience>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret is too short to be one.
    #[error("expected a secret of at least {TOKEN_SECRET_BYTES_MIN} bytes")]
    Short,
    /// A public key is none for its algorithm.
    #[error("expected a public key of the algorithm in PEM")]
    Pem,
    /// What is to be signed is no object.
    #[error("expected an object of claims")]
    Claims,
    /// Where a set of keys is published is no address for that.
    #[error("expected an https URL, or an http URL of this machine's loopback")]
    Url,
    /// A set of keys has none that can be used, two of one id, or a shared secret.
    #[error(
        "expected a JSON Web Key Set of public keys for RS256, ES256 or EdDSA, each with an id of its own"
    )]
    Set,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error(
        "expected a JSON Web Token of at most {TOKEN_BYTES_MAX} bytes without critical extensions"
    )]
    Form,
    #[error("expected a token signed with a key and algorithm that this server takes")]
    Key,
    #[error("the signature does not fit")]
    Signature,
    #[error("expected claims of the documented form")]
    Claims,
    #[error("expected an expiry")]
    NoExpiry,
    #[error("expired")]
    Expired,
    #[error("not yet good")]
    Early,
    #[error("issued by somebody else")]
    Issuer,
    #[error("meant for somebody else")]
    Audience,
}

#[cfg(test)]
mod tests;
