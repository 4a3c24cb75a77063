//! Images that containers run are assessed when they are seen, without anybody asking.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;

use crate::hub::{Hub, now, stopped};
use crate::problem::chain;

/// Images asked for at a time; the queue of jobs takes them one after the other.
const AT_ONCE: u32 = 32;
/// How long after a failure an image is tried again: a registry that is away comes back, a private one stays closed.
const AGAIN_MS: i64 = 10 * 60_000;
/// References that are remembered as tried; beyond it the memory starts anew.
const MAX_TRIED: usize = 10_000;
/// Changes come in bursts; looking this often is soon enough.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks for images that were never assessed whenever something changed, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut changed = hub.store.changed();
    let mut stop = hub.stop.clone();
    let mut tried: HashMap<String, Timestamp> = HashMap::new();
    loop {
        changed.mark_unchanged();
        if let Err(error) = look(&hub, &mut tried).await {
            tracing::warn!(error = %chain(&error), "looking for images that run failed");
        }
        tokio::select! {
            result = changed.changed() => if result.is_err() { return },
            () = stopped(&mut stop) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

async fn look(hub: &Hub, tried: &mut HashMap<String, Timestamp>) -> state::Result<()> {
    let now = now();
    if tried.len() > MAX_TRIED {
        tried.clear();
    }
    for reference in hub.store.images_not_assessed(AT_ONCE).await? {
        if tried.get(&reference).is_some_and(|time| now.millis_since(*time) < AGAIN_MS) {
            continue;
        }
        tried.insert(reference.clone(), now);
        if let Err(problem) = hub.jobs.submit(hub, &reference, "system") {
            tracing::info!(%reference, reason = %problem.detail, "an image that runs is not assessed");
        }
    }
    Ok(())
}
