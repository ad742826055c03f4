//! Processes that share a source over NATS: one killed, one stopped and let go on, one added, one
//! sent away, and the server restarted.

use std::process::Command;

use checks::crash::{GroupPlan, run_groups};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_out_is_as_if_one_process_had_worked_undisturbed() {
    let child = |address: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crash-group"));
        child.args(["--child", address]);
        child
    };
    let seed = fastrand::u64(..);
    let report = run_groups(&GroupPlan { troubles: 5, seed }, child).await.unwrap();
    assert!(report.is_clean(), "seed {seed}: {report}");
}
