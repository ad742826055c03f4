//! `millstream serve`: the server.

use millstream::http::{App, serve};

use crate::cli::ServeArgs;
use crate::config::{Config, Storage};
use crate::files;
use crate::listen::{listen, say};
use crate::signals::{asked_to_end, outlive_file_limits};
use crate::storage::Store;

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args, |name| std::env::var(name).ok())?;
    let kept = match &config.storage {
        Storage::Disk(path) => format!("Everything is kept in {}.", path.display()),
        Storage::Memory => "Everything is kept in memory and ends with this process.".to_owned(),
        Storage::Cluster(cluster) => format!("Everything is kept on {}.", cluster.servers),
    };
    outlive_file_limits()?;
    let connections_max = files::connections_max(config.connections_max);
    let store = Store::open(config.storage).await?;
    let (listener, address) = listen(config.listen).await?;
    if args.dev {
        say(&format!("subscribe:  curl -N http://{address}/topics/demo"));
        say(&format!("publish:    curl -d '{{\"n\":1}}' http://{address}/topics/demo"));
        say(&format!(
            "history:    curl -H 'Accept: application/json' http://{address}/topics/demo"
        ));
        say(&format!("dashboard:  http://{address}/"));
        say(&kept);
    }
    let options = store.equip(config.app).connections_max(connections_max);
    #[cfg(feature = "otel")]
    let options = crate::otel::equip(options);
    let app = App::new(store.logs(), options);
    let served = serve(listener, app, asked_to_end(), config.drain).await;
    store.close().await?;
    Ok(served?)
}
