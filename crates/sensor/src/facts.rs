//! Facts of the node for posture, sent to the hub at start and every hour (`node_facts`, contract §6).
//!
//! What it is not: taking them, which is `host`'s, and judging them, which is `posture`'s.

use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

use crate::clock::Clock;
use crate::uplink::push;

/// Files and flags of a node change by hand or by an upgrade; some kilobytes an hour are nothing.
const EVERY: Duration = Duration::from_hours(1);

/// Takes the facts below `root` and sends them, again and again while the uplink is there.
pub async fn keep_sending(uplink: Weak<wire::Uplink>, root: PathBuf, node: String) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let options = host::Options {
            root: root.clone(),
            node: Some(node.clone()),
            taken: Clock::now().wall(Clock::since_boot()),
            configz: None,
        };
        let taken = tokio::task::spawn_blocking(|| host::take(options)).await;
        let Some(uplink) = uplink.upgrade() else { return };
        match taken {
            Ok(Ok(facts)) => push(&uplink, wire::streams::NODE_FACTS, |_| &facts),
            Ok(Err(error)) => tracing::warn!("no facts of this node: {error}; say where its root is by --host-root"),
            Err(error) => tracing::warn!("taking facts of this node: {error}"),
        }
    }
}
