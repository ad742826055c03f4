//! `millstream serve`: the server.

use millstream::http::{App, serve};

use crate::cli::ServeArgs;
use crate::config::{Config, Storage};
use crate::listen::listen;
use crate::signals::{asked_to_end, outlive_file_limits};
use crate::storage::Store;

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args, |name| std::env::var(name).ok())?;
    let kept = match &config.storage {
        Storage::Disk(path) => format!("Everything is kept in {}.", path.display()),
        Storage::Memory => "Everything is kept in memory and ends with this process.".to_owned(),
    };
    outlive_file_limits()?;
    let store = Store::open(config.storage).await?;
    let (listener, address) = listen(config.listen).await?;
    if args.dev {
        println!("subscribe:  curl -N http://{address}/topics/demo");
        println!("publish:    curl -d '{{\"n\":1}}' http://{address}/topics/demo");
        println!("history:    curl -H 'Accept: application/json' http://{address}/topics/demo");
        println!("dashboard:  http://{address}/");
        println!("{kept}");
    }
    let app = App::new(store.logs(), store.equip(config.app));
    let served = serve(listener, app, asked_to_end(), config.drain).await;
    store.close().await?;
    Ok(served?)
}
