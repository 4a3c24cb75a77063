//! What all parts of a running hub share.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use state::Store;
use tokio::sync::{Semaphore, watch};

use crate::audit::Audit;
use crate::config::Config;
use crate::ingest::Ingest;
use crate::jobs::Jobs;
use crate::join::JoinPoint;
use crate::metrics::Metrics;
use crate::rules::Rules;

/// A running hub.
pub(crate) struct Hub {
    /// How it was set up.
    pub config: Config,
    /// What it remembers.
    pub store: Store,
    /// Where machines join.
    pub join: JoinPoint,
    /// Who signs certificates.
    pub ca: Arc<wire::server::CertificateAuthority>,
    /// Batches under way.
    pub ingest: Ingest,
    /// Assessments under way.
    pub jobs: Jobs,
    /// The catalogue and the advisories.
    pub rules: Rules,
    /// Detection on audit events.
    pub audit: Audit,
    /// Numbers for Prometheus.
    pub metrics: Metrics,
    /// Live streams that may still be opened.
    pub streams: Arc<Semaphore>,
    /// Turns true when the hub stops.
    pub stop: watch::Receiver<bool>,
    /// When the hub started: silence is counted from then, since nobody could speak before.
    pub started: Timestamp,
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// Waits until the hub is told to stop; also when nobody is left to tell.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
