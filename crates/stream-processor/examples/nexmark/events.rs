//! What the generator of Nexmark makes.

use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::Event;

/// The same events each time: time begins at 2023-11-14, and groups of 100 are out of order, so
/// that some are late.
pub(crate) fn generate(count: usize) -> Vec<Event> {
    let config = NexmarkConfig {
        base_time: 1_700_000_000_000,
        out_of_order_group_size: 100,
        ..NexmarkConfig::default()
    };
    EventGenerator::new(config).take(count).collect()
}
