//! Images are judged again when the advisories change: facts are stored once, knowledge is applied as it comes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use assess::Assessor;
use state::segments_key;

use crate::hub::{Hub, now, stopped};
use crate::problem::chain;
use crate::rules::RulesError;

/// How often the database's manifest is looked at: one `stat`.
const LOOK: Duration = Duration::from_secs(2);

/// What tells that the database was replaced: `db build` and `db update` write a new manifest and rename it.
type Stamp = Option<(SystemTime, u64)>;

/// Watches the advisory database until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let Some(dir) = hub.rules.database_dir().map(Path::to_owned) else { return };
    let mut stop = hub.stop.clone();
    let mut known = stamp(&dir);
    // What changed while the hub was away.
    rematch(&hub).await;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stopped(&mut stop) => return,
        }
        let now = stamp(&dir);
        if now == known {
            continue;
        }
        match hub.rules.reload_database() {
            Ok(()) => {
                known = now;
                tokio::select! {
                    () = rematch(&hub) => {}
                    () = stopped(&mut stop) => return,
                }
            }
            // The old segments stay in use; the next look tries again.
            Err(RulesError::Database(error)) => {
                tracing::warn!(error = %chain(&error), "the new advisory database cannot be used");
            }
            Err(error) => tracing::warn!(error = %chain(&error), "the new advisory database cannot be used"),
        }
    }
}

fn stamp(dir: &Path) -> Stamp {
    let file = std::fs::metadata(dir.join("manifest.json")).ok()?;
    Some((file.modified().ok()?, file.len()))
}

/// Judges every stored image by the database in use and keeps what changed.
async fn rematch(hub: &Arc<Hub>) {
    let images = match hub.store.image_segments().await {
        Ok(images) => images,
        Err(error) => return tracing::warn!(error = %chain(&error), "the list of images could not be read"),
    };
    let assessor = hub.rules.assessor();
    let mut changed: u64 = 0;
    for (id, segments) in images {
        match judge(hub, &assessor, &id, &segments).await {
            Ok(true) => changed += 1,
            Ok(false) => {}
            Err(error) => tracing::warn!(image = %id, %error, "an image could not be judged again"),
        }
    }
    if changed > 0 {
        hub.metrics.images_rematched.inc_by(changed);
        tracing::info!(changed, "images were judged again by new advisories");
    }
}

/// Judges one image again. `false` when the same segments would judge it.
async fn judge(hub: &Hub, assessor: &Assessor, id: &str, segments: &str) -> Result<bool, String> {
    let Some((inventory, _)) = hub.store.image_records(id).await.map_err(|error| chain(&error))? else {
        return Ok(false);
    };
    let assessor = assessor.clone();
    let assessment = tokio::task::spawn_blocking(move || assessor.judge(&inventory))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| chain(&error))?;
    if segments_key(&assessment.manifest) == segments {
        return Ok(false);
    }
    hub.store.put_assessment(id, &assessment, now()).await.map_err(|error| chain(&error))
}
