//! Which tokens are taken, and which are not.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;
use stream_model::TopicFilter;
use stream_protocol::Action;

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
const OTHER: &[u8] = b"another secret of at least that length";

/// Pairs of keys made for these tests alone, by `openssl genpkey`.
const RSA: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/keys/rsa.pem"),
    include_bytes!("../../testdata/keys/rsa.pub.pem"),
);
const EC: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/keys/ec.pem"),
    include_bytes!("../../testdata/keys/ec.pub.pem"),
);
const ED: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/keys/ed.pem"),
    include_bytes!("../../testdata/keys/ed.pub.pem"),
);

const NOW: i64 = 1_800_000_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn claims() -> Value {
    json!({"exp": NOW + 60, "subscribe": ["a.*"]})
}

/// The claims with some of them changed; `null` takes one away.
fn but(changes: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        object.insert(name.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
    claims
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    sign(&Header::default(), claims, &EncodingKey::from_secret(SECRET))
}

fn signed_by(algorithm: jsonwebtoken::Algorithm, key: &EncodingKey) -> String {
    sign(&Header::new(algorithm), &claims(), key)
}

fn auth() -> Auth {
    Auth::new().secret(SECRET).unwrap()
}

#[track_caller]
fn check(auth: &Auth, token: &str, want: Result<(), TokenError>) {
    assert_eq!(auth.verify(token, now()).map(drop), want);
}

#[test]
fn each_algorithm_s_tokens_are_taken() {
    use jsonwebtoken::Algorithm::{ES256, EdDSA, RS256};
    check(&auth(), &hs256(&claims()), Ok(()));
    let rsa = Auth::new().public_key(Algorithm::Rs256, RSA.1).unwrap();
    check(&rsa, &signed_by(RS256, &EncodingKey::from_rsa_pem(RSA.0).unwrap()), Ok(()));
    let ec = Auth::new().public_key(Algorithm::Es256, EC.1).unwrap();
    check(&ec, &signed_by(ES256, &EncodingKey::from_ec_pem(EC.0).unwrap()), Ok(()));
    let ed = Auth::new().public_key(Algorithm::EdDsa, ED.1).unwrap();
    check(&ed, &signed_by(EdDSA, &EncodingKey::from_ed_pem(ED.0).unwrap()), Ok(()));
}

#[test]
fn tokens_of_our_own_are_taken() {
    check(&auth(), &sign_token(SECRET, &claims()).unwrap(), Ok(()));
    assert_eq!(sign_token(b"short", &claims()), Err(KeyError::Short));
    assert_eq!(sign_token(SECRET, &json!(["claims"])), Err(KeyError::Claims));
}

#[test]
fn the_grant_is_what_the_claims_say() {
    let grant = auth().verify(&hs256(&claims()), now()).unwrap();
    let filter = |text| TopicFilter::new(text).unwrap();
    assert!(grant.allows(Action::Subscribe(&filter("a.b"))));
    assert!(!grant.allows(Action::Subscribe(&filter("b"))));
    assert_eq!(grant.expires().unwrap().unix_timestamp(), NOW + 60);
}

#[test]
fn a_key_is_good_for_its_own_algorithm_only() {
    // The public key as a secret: whoever takes the token's word for the algorithm is fooled.
    let rsa = Auth::new().public_key(Algorithm::Rs256, RSA.1).unwrap();
    let forged = sign(&Header::default(), &claims(), &EncodingKey::from_secret(RSA.1));
    check(&rsa, &forged, Err(TokenError::Key));
    let ec = Auth::new().public_key(Algorithm::Es256, EC.1).unwrap();
    let forged = sign(&Header::default(), &claims(), &EncodingKey::from_secret(EC.1));
    check(&ec, &forged, Err(TokenError::Key));
    let hs512 = Header::new(jsonwebtoken::Algorithm::HS512);
    check(
        &auth(),
        &sign(&hs512, &claims(), &EncodingKey::from_secret(SECRET)),
        Err(TokenError::Key),
    );
    let ps256 = Header::new(jsonwebtoken::Algorithm::PS256);
    let ps256 = sign(&ps256, &claims(), &EncodingKey::from_rsa_pem(RSA.0).unwrap());
    check(&rsa, &ps256, Err(TokenError::Key));
    assert_eq!(Auth::new().public_key(Algorithm::Hs256, RSA.1).unwrap_err(), KeyError::Pem);
    assert_eq!(Auth::new().public_key(Algorithm::Es256, RSA.1).unwrap_err(), KeyError::Pem);
    assert_eq!(Auth::new().secret(b"short").unwrap_err(), KeyError::Short);
}

/// A token whose parts are these, signed by nobody.
fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[test]
fn what_nobody_signed_is_refused() {
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS1", "hs256"] {
        let header = json!({"alg": algorithm, "typ": "JWT"});
        check(&auth(), &unsigned(&header, &claims(), ""), Err(TokenError::Form));
    }
    let header = json!({"alg": "HS256"});
    check(&auth(), &unsigned(&header, &claims(), ""), Err(TokenError::Signature));
    check(&auth(), &unsigned(&header, &claims(), "AAAA"), Err(TokenError::Signature));
    check(&auth(), &unsigned(&json!({}), &claims(), ""), Err(TokenError::Form));
    check(&auth(), &unsigned(&json!([]), &claims(), ""), Err(TokenError::Form));
    let other = sign(&Header::default(), &claims(), &EncodingKey::from_secret(OTHER));
    check(&auth(), &other, Err(TokenError::Signature));
    // Another claim under a signature that was good for the first.
    let good = hs256(&claims());
    let (head, signature) = (good.split('.').next().unwrap(), good.rsplit('.').next().unwrap());
    let more = BASE64.encode(but(json!({"admin": true})).to_string());
    check(&auth(), &format!("{head}.{more}.{signature}"), Err(TokenError::Signature));
}

#[test]
fn what_is_no_token_is_refused() {
    let good = hs256(&claims());
    for bad in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", " ", "\u{e9}.\u{e9}.\u{e9}"] {
        check(&auth(), bad, Err(TokenError::Form));
    }
    check(&auth(), &format!("{good}."), Err(TokenError::Form));
    assert!(auth().verify(&format!("{good}="), now()).is_err());
    assert!(auth().verify(&format!(" {good}"), now()).is_err());
    check(&auth(), &"a".repeat(TOKEN_BYTES_MAX + 1), Err(TokenError::Form));
    let padded = but(json!({"sub": "x".repeat(TOKEN_BYTES_MAX)}));
    check(&auth(), &hs256(&padded), Err(TokenError::Form));
}

#[test]
fn headers_that_ask_for_more_are_refused() {
    let key = EncodingKey::from_secret(SECRET);
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() };
    check(&auth(), &sign(&critical, &claims(), &key), Err(TokenError::Form));
    let other = Header { typ: Some("dpop+jwt".to_owned()), ..Header::default() };
    check(&auth(), &sign(&other, &claims(), &key), Err(TokenError::Form));
    let access = Header { typ: Some("at+JWT".to_owned()), ..Header::default() };
    check(&auth(), &sign(&access, &claims(), &key), Ok(()));
    // A key that the token brings along, or says where to fetch, is not looked at.
    let mine = EncodingKey::from_secret(OTHER);
    let jwk = Jwk::from_encoding_key(&mine, jsonwebtoken::Algorithm::HS256).unwrap();
    let brought = Header { jwk: Some(jwk), ..Header::default() };
    check(&auth(), &sign(&brought, &claims(), &mine), Err(TokenError::Signature));
    let far = Header { jku: Some("http://127.0.0.1/keys".to_owned()), ..Header::default() };
    check(&auth(), &sign(&far, &claims(), &mine), Err(TokenError::Signature));
}

#[test]
fn times_are_kept() {
    check(&auth(), &hs256(&but(json!({"exp": null}))), Err(TokenError::NoExpiry));
    check(&auth(), &hs256(&but(json!({"exp": NOW}))), Err(TokenError::Expired));
    check(&auth(), &hs256(&but(json!({"exp": NOW + 1}))), Ok(()));
    check(&auth(), &hs256(&but(json!({"exp": 0}))), Err(TokenError::Expired));
    check(&auth(), &hs256(&but(json!({"exp": -1}))), Err(TokenError::Expired));
    check(&auth(), &hs256(&but(json!({"exp": "2100-01-01"}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"exp": true}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"exp": 1e300}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"exp": u64::MAX}))), Err(TokenError::Claims));
    let skew = i64::try_from(CLOCK_SKEW.as_secs()).unwrap();
    check(&auth(), &hs256(&but(json!({"nbf": NOW + skew}))), Ok(()));
    check(&auth(), &hs256(&but(json!({"nbf": NOW + skew + 1}))), Err(TokenError::Early));
    check(&auth(), &hs256(&but(json!({"nbf": "now"}))), Err(TokenError::Claims));
}

#[test]
fn issuer_and_audience_must_fit() {
    let issued = auth().issuer("us");
    check(&issued, &hs256(&but(json!({"iss": "us"}))), Ok(()));
    check(&issued, &hs256(&claims()), Err(TokenError::Issuer));
    check(&issued, &hs256(&but(json!({"iss": "them"}))), Err(TokenError::Issuer));
    check(&issued, &hs256(&but(json!({"iss": "us/"}))), Err(TokenError::Issuer));
    check(&issued, &hs256(&but(json!({"iss": ["us"]}))), Err(TokenError::Claims));
    let meant = auth().audience("events");
    check(&meant, &hs256(&but(json!({"aud": "events"}))), Ok(()));
    check(&meant, &hs256(&but(json!({"aud": ["x", "events"]}))), Ok(()));
    check(&meant, &hs256(&claims()), Err(TokenError::Audience));
    check(&meant, &hs256(&but(json!({"aud": "event"}))), Err(TokenError::Audience));
    check(&meant, &hs256(&but(json!({"aud": []}))), Err(TokenError::Audience));
    check(&meant, &hs256(&but(json!({"aud": {"events": 1}}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"aud": "another service"}))), Err(TokenError::Audience));
}

#[test]
fn claims_of_another_form_are_refused() {
    check(&auth(), &hs256(&but(json!({"subscribe": "*"}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"subscribe": ["a..b"]}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"publish": [7]}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"llm": "all"}))), Err(TokenError::Claims));
    check(&auth(), &hs256(&but(json!({"admin": 1}))), Err(TokenError::Claims));
    let key = EncodingKey::from_secret(SECRET);
    assert!(auth().verify(&sign(&Header::default(), &json!("claims"), &key), now()).is_err());
}

/// A set of public keys, by id.
fn key_set(keys: &[(&str, jsonwebtoken::Algorithm, &EncodingKey)]) -> Value {
    let jwk = |(id, algorithm, key): &(&str, _, &EncodingKey)| {
        let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
        jwk.common.key_id = Some((*id).to_owned());
        serde_json::to_value(jwk).unwrap()
    };
    json!({"keys": keys.iter().map(jwk).collect::<Vec<_>>()})
}

#[test]
fn a_set_s_keys_are_chosen_by_id_and_algorithm() {
    use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256, RS256};
    let (rsa, ec) =
        (EncodingKey::from_rsa_pem(RSA.0).unwrap(), EncodingKey::from_ec_pem(EC.0).unwrap());
    let ed = EncodingKey::from_ed_pem(ED.0).unwrap();
    let set = key_set(&[("1", RS256, &rsa), ("2", ES256, &ec), ("3", EdDSA, &ed)]);
    let auth = Auth::new().key_set(&set.to_string()).unwrap();
    let by = |id: &str, algorithm, key| {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(algorithm) };
        sign(&header, &claims(), key)
    };
    check(&auth, &by("1", RS256, &rsa), Ok(()));
    check(&auth, &by("2", ES256, &ec), Ok(()));
    check(&auth, &by("3", EdDSA, &ed), Ok(()));
    check(&auth, &by("2", RS256, &rsa), Err(TokenError::Key));
    check(&auth, &by("4", RS256, &rsa), Err(TokenError::Key));
    let twice = key_set(&[("1", RS256, &rsa), ("1", RS256, &rsa)]);
    assert_eq!(Auth::new().key_set(&twice.to_string()).unwrap_err(), KeyError::Set);
    let secret = key_set(&[("1", HS256, &EncodingKey::from_secret(SECRET))]);
    for bad in [secret.to_string(), "{\"keys\":[]}".to_owned(), "[]".to_owned()] {
        assert_eq!(Auth::new().key_set(&bad).unwrap_err(), KeyError::Set);
    }
}

#[test]
fn keys_are_not_shown() {
    assert!(!format!("{:?}", auth()).contains("115"), "bytes of the secret");
    assert!(format!("{:?}", auth()).contains("Hs256"));
}
