//! `millstream serve`: the server.

use std::sync::Arc;

use millstream::http::{App, serve};
use millstream::log::MemoryStore;

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::listen::listen;
use crate::signals::asked_to_end;

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args, |name| std::env::var(name).ok())?;
    let (listener, address) = listen(config.listen).await?;
    if args.dev {
        println!("subscribe:  curl -N http://{address}/topics/demo");
        println!("publish:    curl -d '{{\"n\":1}}' http://{address}/topics/demo");
        println!("history:    curl -H 'Accept: application/json' http://{address}/topics/demo");
        println!("Events are kept in memory and end with this process.");
    }
    let app = App::new(Arc::new(MemoryStore::new()), config.app);
    serve(listener, app, asked_to_end(), config.drain).await?;
    Ok(())
}
