//! The peers of the bench `delivery`: where they are, installed if they are not there.

use std::path::Path;

use anyhow::Result;

use super::beside_server;
use super::durable_http::durable_streams;
use crate::args::Args;
use crate::install::{run_all, words};
use crate::nats;

/// Where Debian's package puts nginx.
const NGINX: &str = "/usr/sbin/nginx";

/// nginx's module of live channels, as the package names it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// How Debian and its kin install both.
const INSTALL_NCHAN: [&str; 2] = [
    "apt-get update --quiet=2",
    "apt-get install --quiet=2 --yes --no-install-recommends nginx-light libnginx-mod-nchan",
];

/// `cargo xtask bench delivery [ARGS]`
pub(super) fn run(args: Args) -> Result<()> {
    beside_server("delivery")?
        .args(["--durable-streams".as_ref(), durable_streams()?.as_os_str()])
        .args(["--nginx", nginx()?])
        .args(["--nats".as_ref(), nats::server()?.as_os_str()])
        .args(args.rest())
        .run()
}

/// nginx, with the module in its place.
fn nginx() -> Result<&'static str> {
    if !Path::new(NCHAN).is_file() || !Path::new(NGINX).is_file() {
        run_all("nchan", &INSTALL_NCHAN.map(words))?;
    }
    Ok(NGINX)
}
