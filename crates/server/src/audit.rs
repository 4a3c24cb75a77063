//! The Kubernetes audit webhook: events in, alerts out, by the same engine as the sensor's.
//!
//! An API server posts its events to `/audit` with an API token of the role `audit` as bearer, or to `/audit/TOKEN` where
//! its configuration has no place for one. A delivery is answered when its alerts are durable; the API server sends it
//! again otherwise, so events are known by their `auditID` and stage, and one that came before is not counted again.
//! What it is not: an archive. Events live on as evidence of alerts; the lake keeps them all in a later version.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use cluster::audit::{AuditError, AuditLimits, Delivery, Received, parse};
use detect::{AlertBuilder, AlertOptions, Engine, Matches, RuleSet};
use model::{Alert, Body as EventBody, Event, Sender, Timestamp};
use sha2::{Digest as _, Sha256};
use state::access::{Role, TokenKind};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::auth::{self, Actor, bearer};
use crate::hub::{Hub, now, stopped};
use crate::ingest::read;
use crate::problem::{Answer, Problem, chain};

/// Deliveries read at a time: each may hold 12 MiB and several times that as parsed values.
const MAX_DELIVERIES: usize = 4;
/// Events remembered so that a delivery sent again is known: about a minute of a busy API server.
const MAX_REMEMBERED: usize = 65_536;
/// Alerts that wait because the store failed; beyond it the oldest are given up, which is logged.
const MAX_WAITING: usize = 10_000;
/// Clusters whose alerts are put together at a time.
const MAX_CLUSTERS: usize = 1_024;
/// How often raised counts are written.
const UPDATES: Duration = Duration::from_secs(1);
/// Where alerts of audit events say that they come from.
const STREAM: &str = "k8s_audit";

/// Detection on audit events.
pub(crate) struct Audit {
    places: Semaphore,
    detector: Mutex<Detector>,
}

struct Detector {
    engine: Engine,
    version: String,
    builders: HashMap<String, AlertBuilder>,
    seen: Seen,
    waiting: VecDeque<Alert>,
}

/// Events that came lately, by a hash of `auditID` and stage.
#[derive(Default)]
struct Seen {
    set: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Whether this is the first time.
    fn first(&mut self, key: u64) -> bool {
        if !self.set.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

impl Audit {
    pub fn new(rules: RuleSet) -> Self {
        let version = rules.version().to_owned();
        let detector = Detector {
            engine: Engine::new(rules),
            version,
            builders: HashMap::new(),
            seen: Seen::default(),
            waiting: VecDeque::new(),
        };
        Self { places: Semaphore::new(MAX_DELIVERIES), detector: Mutex::new(detector) }
    }

    fn detector(&self) -> std::sync::MutexGuard<'_, Detector> {
        self.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Detector {
    fn evaluate(&mut self, cluster: &str, events: Vec<Event>) {
        let mut matches = Matches::new();
        for mut event in events {
            let key = place(&event);
            if !self.seen.first(key) {
                continue;
            }
            // The place in a stream that an alert's identity is made of: the same for the same event, whoever sends it.
            event.seq = key;
            self.engine.evaluate(&event, &mut matches);
            for found in &matches {
                let alert = self.builder(cluster).add(&event, found);
                self.waiting.extend(alert);
            }
        }
    }

    fn builder(&mut self, cluster: &str) -> &mut AlertBuilder {
        if self.builders.len() >= MAX_CLUSTERS && !self.builders.contains_key(cluster) {
            self.builders.clear();
        }
        let version = &self.version;
        self.builders.entry(cluster.to_owned()).or_insert_with(|| {
            let sender = Sender {
                cluster: cluster.to_owned(),
                node: None,
                program: "seawall-server".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                // Not this start's: an event that comes again after a restart is the same alert.
                boot_id: Uuid::nil(),
            };
            AlertBuilder::new(sender, STREAM, version, AlertOptions::default())
        })
    }

    /// New alerts and raised counts that are not stored yet.
    fn take(&mut self, now: Timestamp) -> Vec<Alert> {
        for builder in self.builders.values_mut() {
            self.waiting.extend(builder.updates(now));
        }
        self.waiting.drain(..).collect()
    }

    fn give_back(&mut self, alerts: Vec<Alert>) {
        let more = alerts.len() + self.waiting.len();
        if more > MAX_WAITING {
            tracing::error!(lost = more - MAX_WAITING, "alerts of audit events are lost: the store fails for too long");
        }
        for alert in alerts.into_iter().rev() {
            self.waiting.push_front(alert);
        }
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
    }
}

/// A number that is the same for the same event and stage, and for nothing else that one will meet.
fn place(event: &Event) -> u64 {
    let EventBody::K8sAudit(body) = &event.body else { return event.seq };
    let text = |name: &str| body.audit.get(name).and_then(serde_json::Value::as_str).unwrap_or("");
    let mut hash = Sha256::new();
    hash.update(&event.scope.cluster);
    hash.update([0]);
    hash.update(text("auditID"));
    hash.update([0]);
    hash.update(text("stage"));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.finalize()[..8]);
    u64::from_le_bytes(bytes)
}

/// The webhook's routes.
pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new().route("/audit", post(with_bearer)).route("/audit/{token}", post(with_path))
}

async fn with_bearer(State(hub): State<Arc<Hub>>, headers: HeaderMap, body: Body) -> Answer<Json<serde_json::Value>> {
    let Some(secret) = bearer(&headers) else {
        return Err(Problem::unauthorized("send an API token of the role `audit` as `Authorization: Bearer …`"));
    };
    let actor = auth::holder(&hub, TokenKind::Api, secret).await?;
    deliver(hub, actor, headers, body).await
}

async fn with_path(
    State(hub): State<Arc<Hub>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<serde_json::Value>> {
    let actor = auth::holder(&hub, TokenKind::Api, &secret).await?;
    deliver(hub, actor, headers, body).await
}

async fn deliver(hub: Arc<Hub>, actor: Actor, headers: HeaderMap, body: Body) -> Answer<Json<serde_json::Value>> {
    if !matches!(actor.role, Role::Audit | Role::Admin) {
        return Err(Problem::forbidden("role", format!("`{}` may not deliver audit events", actor.name)));
    }
    let Ok(_place) = hub.audit.places.try_acquire() else {
        return Err(Problem::busy(format!("{MAX_DELIVERIES} deliveries are under way, more are not held in memory")));
    };
    let limits = AuditLimits::DEFAULT;
    let body = read(&headers, body, limits.bytes, "a delivery of audit events").await?;
    let cluster = if actor.cluster.is_empty() { hub.config.cluster.clone() } else { actor.cluster };
    let worker = Arc::clone(&hub);
    let received = tokio::task::spawn_blocking(move || evaluate(&worker, &cluster, &body, limits))
        .await
        .map_err(|_| Problem::busy("the hub is stopping"))??;
    hub.metrics.audit_events.inc_by(received.events as u64);
    hub.metrics.audit_skipped.inc_by(received.skipped as u64);
    store(&hub).await?;
    Ok(Json(serde_json::json!({"events": received.events, "skipped": received.skipped})))
}

/// What was in a delivery.
struct Counts {
    events: usize,
    skipped: usize,
}

fn evaluate(hub: &Hub, cluster: &str, body: &[u8], limits: AuditLimits) -> Answer<Counts> {
    let delivery = Delivery { cluster, first_seq: 1, received: now() };
    let Received { events, skipped } = parse(body, delivery, limits).map_err(|error| refusal(&error, limits))?;
    let counts = Counts { events: events.len(), skipped: skipped.len() };
    if let Some(first) = skipped.first() {
        tracing::warn!(count = skipped.len(), first = %first.reason, "audit events were left out");
    }
    hub.audit.detector().evaluate(cluster, events);
    Ok(counts)
}

fn refusal(error: &AuditError, limits: AuditLimits) -> Problem {
    match error {
        AuditError::TooMany { .. } => Problem::too_large(chain(error), limits.events),
        AuditError::Json { .. } => {
            Problem::new(StatusCode::BAD_REQUEST, "bad-body", "The body is not understood", chain(error))
        }
    }
}

async fn store(hub: &Hub) -> state::Result<()> {
    let now = now();
    let alerts = hub.audit.detector().take(now);
    if alerts.is_empty() {
        return Ok(());
    }
    let count = alerts.len() as u64;
    if let Err(error) = hub.store.record_alerts(alerts.clone(), now).await {
        hub.audit.detector().give_back(alerts);
        return Err(error);
    }
    hub.metrics.own_alerts.inc_by(count);
    Ok(())
}

/// Writes raised counts, and what the store refused before, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(UPDATES);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stop = hub.stop.clone();
    loop {
        let stops = tokio::select! {
            _ = ticks.tick() => false,
            () = stopped(&mut stop) => true,
        };
        if let Err(error) = store(&hub).await {
            tracing::warn!(error = %chain(&error), "alerts of audit events wait for the store");
        }
        if stops {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_events_is_bounded() {
        let mut seen = Seen::default();
        assert!(seen.first(0));
        assert!(!seen.first(0));
        for key in 1..=MAX_REMEMBERED as u64 {
            assert!(seen.first(key));
        }
        assert!(seen.first(0), "forgotten by now");
        assert_eq!((seen.set.len(), seen.order.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
