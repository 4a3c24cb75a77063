//! Silent nodes: what stops sending is an alert, because silence is never health.

use std::sync::Arc;
use std::time::Duration;

use model::{Alert, CausalRoot, CoverageState, Entity, Extra, ProcessKey, Scope, Sender, Severity, Timestamp};
use state::NodeRow;
use uuid::Uuid;

use crate::hub::{Hub, now, stopped};
use crate::problem::chain;

/// Key of the alert in the catalogue.
pub(crate) const KEY: &str = "silent-sensor";
/// Where the hub's own alerts say that they come from.
const STREAM: &str = "hub";

/// Looks for silent nodes until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let limit_ms = i64::from(hub.config.silent_after_seconds) * 1_000;
    // Four looks within the limit: an alert comes at most a quarter later than promised.
    let every = Duration::from_millis(u64::from(hub.config.silent_after_seconds) * 250);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stop = hub.stop.clone();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stop) => return,
        }
        if let Err(error) = look(&hub, limit_ms).await {
            tracing::warn!(error = %chain(&error), "looking for silent nodes failed");
        }
    }
}

async fn look(hub: &Hub, limit_ms: i64) -> state::Result<()> {
    let now = now();
    // Nobody could speak before the hub listened.
    if now.millis_since(hub.started) < limit_ms {
        return Ok(());
    }
    let silent = hub.store.mark_silent(now.plus_millis(-limit_ms), now).await?;
    if !silent.is_empty() {
        let alerts: Vec<Alert> = silent.iter().map(|node| alert(node, now, limit_ms)).collect();
        for node in &silent {
            tracing::warn!(cluster = %node.cluster, node = %node.node, last_seen = %node.last_seen, "a node is silent");
        }
        hub.metrics.own_alerts.inc_by(alerts.len() as u64);
        hub.store.record_alerts(alerts, now).await?;
    }
    Ok(())
}

/// The alert of one silence. Its identity is the silence itself: the node and when it was heard last.
fn alert(node: &NodeRow, now: Timestamp, limit_ms: i64) -> Alert {
    let root = CausalRoot::Process {
        cluster: node.cluster.clone(),
        node: node.node.clone(),
        key: ProcessKey { pid: 0, start_time: node.last_seen },
    };
    let sender = Sender {
        cluster: node.cluster.clone(),
        node: Some(node.node.clone()),
        program: "seawall-server".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        boot_id: Uuid::nil(),
    };
    let seq = u64::try_from(node.last_seen.as_nanos()).unwrap_or(0);
    let scope = Scope::node(&*node.cluster, &*node.node);
    let mut coverage = model::Coverage::new(
        model::Subject::Scope { scope: scope.clone() },
        state::SIGNAL_SENSOR,
        CoverageState::Stale,
        "nothing comes from this node any more",
    );
    coverage.since = Some(node.last_seen);
    let program = if node.program.is_empty() { "no program ever" } else { node.program.as_str() };
    Alert {
        id: Alert::id_for(KEY, &root, &sender, STREAM, seq),
        key: KEY.into(),
        rule: None,
        title: "Sensor is silent".into(),
        severity: Severity::Medium,
        tactics: vec!["Defense Evasion".into()],
        techniques: vec!["T1562.001".into()],
        first_seen: node.last_seen,
        last_seen: now,
        count: 1,
        scope,
        process: None,
        process_tree: Vec::new(),
        evidence: Vec::new(),
        entities: vec![Entity::Object { kind: "Node".into(), namespace: String::new(), name: node.node.clone() }],
        causal_root: root,
        content_version: env!("CARGO_PKG_VERSION").into(),
        coverage: vec![coverage],
        output: format!(
            "nothing came from node {} for {} s: {program} sent from it, last at {}",
            node.node,
            limit_ms / 1_000,
            node.last_seen
        ),
        response: None,
        extra: Extra::new(),
    }
}
