//! `millstream replay`: a recording, served as its provider does.

use anyhow::Context;
use millstream::http::replay::{Framing, ReplayOptions, router};

use crate::cli::ReplayArgs;
use crate::listen::listen;
use crate::signals::asked_to_end;

pub(crate) async fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let recording = tokio::fs::read(&args.file)
        .await
        .with_context(|| format!("cannot read recording {}", args.file.display()))?;
    let framing = Framing::of_file_name(&args.file.to_string_lossy());
    let mut options =
        ReplayOptions::default().interval(args.interval.div_f64(args.speed)).cut_percent(args.cut);
    if let Some(bytes) = args.chunk {
        options = options.chunk_bytes(bytes);
    }
    let (listener, _) = listen(args.listen).await?;
    let server = axum::serve(listener, router(recording.into(), framing, options));
    tokio::select! {
        result = async { server.await } => Ok(result?),
        () = asked_to_end() => Ok(()),
    }
}
