//! The store keeps the contract that every backend keeps.

use stream_log::{Durability, conformance};
use stream_log_nats::testkit::NatsServer;

use crate::support::open;

#[tokio::test]
async fn the_store_conforms() {
    let server = NatsServer::start();
    let store = open(&server).await;
    // Whatever is asked for: a server that cannot sync is not said to.
    let durability = if server.syncs() { Durability::Disk } else { Durability::Os };
    assert_eq!(store.durability(), durability);
    conformance::check_store(&store).await;
}
