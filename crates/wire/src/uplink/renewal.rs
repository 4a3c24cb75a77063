//! Replacing the certificate before it ends.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use model::Timestamp;

use super::Inner;
use super::pump::{self, chain};
use crate::enrol;
use crate::http::now;
use crate::identity::Identity;
use crate::server::ca::CLIENT_DAYS;

/// How often the certificate's end is looked at; also the pause after a renewal that failed.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// A certificate is renewed when a third of its life is left: four months to repair a hub that cannot.
const LEFT_MS: i64 = CLIENT_DAYS * 86_400_000 / 3;

pub(super) async fn run(inner: Arc<Inner>) {
    let Some(path) = inner.config.identity_path.clone() else { return };
    let mut stop = inner.stop.subscribe();
    let mut identity = inner.config.identity.clone();
    loop {
        if is_due(&identity, now()) {
            match renewed(&identity).await {
                Ok((next, client)) => {
                    // Used even if it cannot be stored: the old one on disk is still valid for the next start.
                    *inner.client.write().unwrap_or_else(PoisonError::into_inner) = client;
                    if let Err(error) = next.save(&path) {
                        tracing::warn!(error = chain(&error), "the renewed certificate could not be stored");
                    }
                    identity = next;
                }
                Err(error) => tracing::warn!(error, "the certificate could not be renewed"),
            }
        }
        tokio::select! {
            () = super::stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn renewed(identity: &Identity) -> Result<(Identity, reqwest::Client), String> {
    let next = enrol::renew(identity).await.map_err(|error| chain(&error))?;
    let client = pump::client(&next).map_err(|error| chain(&error))?;
    Ok((next, client))
}

fn is_due(identity: &Identity, now: Timestamp) -> bool {
    identity.expires().is_ok_and(|end| end.millis_since(now) < LEFT_MS)
}
