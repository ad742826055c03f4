//! The writers, all on one thread, and what they measure.

use std::ops::Range;
use std::time::Duration;

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::contestant::Contestant;

/// Bytes of one append.
pub const PAYLOAD_BYTES: usize = 200;

/// Writing that does not count, at the beginning.
const WARM_UP: Duration = Duration::from_millis(300);

/// How many write to how many streams, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Writers, each with one append on its way.
    pub writers: usize,
    /// Streams; a writer keeps to one if there are enough writers, and else takes them in turn.
    pub streams: usize,
    /// How long is counted.
    pub time: Duration,
}

impl Load {
    /// The streams that a writer takes in turn.
    fn streams_of(self, writer: usize) -> Range<usize> {
        if self.writers < self.streams {
            return 0..self.streams;
        }
        let own = writer % self.streams;
        own..own + 1
    }
}

/// What one round gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Acknowledged appends a second.
    pub appends_per_second: f64,
    /// Microseconds that the server spent on the processor for each.
    pub cpu_us: f64,
    /// Microseconds from request to acknowledgement: the median.
    pub latency_us_p50: u32,
    /// The 99th percentile of the same.
    pub latency_us_p99: u32,
}

/// What one writer did.
struct Written {
    writer: usize,
    /// All that was acknowledged.
    acknowledged: u64,
    /// Microseconds of each append that counts.
    latencies_us: Vec<u32>,
}

/// What writer `writer` appends, always the same: its number and filling.
pub fn payload(writer: usize) -> Vec<u8> {
    let mut payload = format!("{writer:08}").into_bytes();
    payload.resize(PAYLOAD_BYTES, b'x');
    payload
}

/// Whose append it is; `None` if it is not just as [`payload`] makes it.
pub fn writer_of(bytes: &[u8]) -> Option<usize> {
    let writer = std::str::from_utf8(bytes.get(..8)?).ok()?.parse().ok()?;
    (bytes == payload(writer)).then_some(writer)
}

/// Puts the load on a contestant, on streams of its own that `round` names, and reads back.
///
/// # Errors
/// Says what was answered wrongly, or what is not there afterwards.
///
/// # Cancel safety
/// Dropping the future ends the writers.
#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
pub async fn run(contestant: &Contestant, load: Load, round: usize) -> anyhow::Result<Outcome> {
    let Load { writers, streams, time } = load;
    let (protocol, address) = (contestant.protocol, contestant.address);
    let names: Vec<String> =
        (0..streams).map(|stream| format!("w{writers}s{streams}r{round}n{stream}")).collect();
    let mut client = Client::open(protocol, address).await?;
    for name in &names {
        client.create(name).await?;
    }
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let client = Client::open(protocol, address).await?;
        let payload = payload(writer);
        let own = names.get(load.streams_of(writer)).unwrap_or_default();
        let appends = own.iter().map(|name| protocol.append(name, &payload)).collect();
        tasks.spawn(write(client, appends, writer, begin, end));
    }
    sleep_until(begin).await;
    let cpu_before = contestant.cpu()?;
    sleep_until(end).await;
    let cpu = contestant.cpu()?.saturating_sub(cpu_before);

    let (mut latencies, mut acknowledged) = (Vec::new(), vec![0; writers]);
    while let Some(written) = tasks.join_next().await {
        let written = written??;
        latencies.extend(written.latencies_us);
        if let Some(own) = acknowledged.get_mut(written.writer) {
            *own = written.acknowledged;
        }
    }
    let mut found = vec![0; writers];
    for name in &names {
        client.count_and_delete(name, &mut found).await?;
    }
    ensure!(found == acknowledged, "acknowledged {acknowledged:?}, found {found:?}");
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied();
    Ok(Outcome {
        appends_per_second: latencies.len() as f64 / time.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / latencies.len().max(1) as f64,
        latency_us_p50: at(50).unwrap_or_default(),
        latency_us_p99: at(99).unwrap_or_default(),
    })
}

/// Sends the requests in turn until `end`, and notes what takes place after `begin`.
async fn write(
    mut client: Client,
    appends: Vec<Vec<u8>>,
    writer: usize,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Written> {
    let mut written = Written { writer, acknowledged: 0, latencies_us: Vec::new() };
    for append in appends.iter().cycle() {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        client.append(append).await?;
        written.acknowledged += 1;
        let answered = Instant::now();
        if sent >= begin && answered < end {
            let micros = (answered - sent).as_micros();
            written.latencies_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_says_whose_it_is() {
        assert_eq!(payload(17).len(), PAYLOAD_BYTES);
        assert_eq!(writer_of(&payload(17)), Some(17));
        assert_eq!(writer_of(&payload(17)[1..]), None);
        let mut broken = payload(17);
        broken[100] = b'y';
        assert_eq!(writer_of(&broken), None);
    }
}
