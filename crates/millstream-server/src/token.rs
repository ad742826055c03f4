//! `millstream token`: makes a token for a bearer who may do what the flags say.

use anyhow::Context;
use millstream::http::sign_token;
use millstream::model::now::now;
use serde_json::{Value, json};

use crate::auth::read_secret;
use crate::cli::TokenArgs;

pub(crate) fn run(args: &TokenArgs) -> anyhow::Result<()> {
    let secret = read_secret(&args.secret_file)?;
    let expires =
        now().checked_add(args.lifetime.try_into()?).context("the lifetime is too long")?;
    let claims = claims(args, expires.unix_timestamp());
    let token = sign_token(secret.as_bytes(), &claims);
    println!("{}", token.with_context(|| args.secret_file.display().to_string())?);
    Ok(())
}

/// The claims of RFC 7519, and ours.
fn claims(args: &TokenArgs, expires: i64) -> Value {
    let mut claims = json!({
        "exp": expires,
        "publish": args.publish,
        "subscribe": args.subscribe,
        "llm": {"read": args.llm_read, "write": args.llm_write},
        "streams": {"read": args.stream_read, "write": args.stream_write},
        "admin": args.admin,
    });
    if args.all {
        let everything = json!({"read": ["*"], "write": ["*"]});
        claims["publish"] = json!(["*"]);
        claims["subscribe"] = json!(["*", "$sys.>"]);
        claims["llm"] = everything.clone();
        claims["streams"] = everything;
        claims["admin"] = json!(true);
    }
    let named = [("iss", &args.issuer), ("aud", &args.audience)];
    for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)))
    {
        claims[name] = json!(value);
    }
    claims
}
