//! One audit event.

use std::sync::Arc;

use model::event::K8sAudit;
use model::{Attribution, Body, Event, PodRef, Scope, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Delivery;

/// Parts that are left out of an event that is too big, the largest first.
const BIG_PARTS: [&str; 3] = ["responseObject", "requestObject", "annotations"];

/// Reads an event; the error says why it is none.
pub fn read(raw: &RawValue, delivery: Delivery<'_>, seq: u64, max_bytes: usize) -> Result<Event, String> {
    let mut audit: Value = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    let Some(object) = audit.as_object_mut() else { return Err("it is no JSON object".into()) };
    if !object.get("auditID").is_some_and(Value::is_string) {
        return Err("it has no `auditID`".into());
    }
    let mut size = raw.get().len();
    let mut skipped = Vec::new();
    for part in BIG_PARTS {
        if size <= max_bytes {
            break;
        }
        if let Some(removed) = object.remove(part) {
            size = size.saturating_sub(removed.to_string().len());
            skipped.push(format!("/{part}"));
        }
    }
    if size > max_bytes {
        return Err(format!("it has more than {max_bytes} bytes besides its objects"));
    }
    let time = time_of(&audit).unwrap_or(delivery.received);
    let scope = Arc::new(scope_of(&audit, delivery.cluster));
    let body = Body::K8sAudit(K8sAudit { audit, skipped_too_big: skipped });
    Ok(Event::new(time, seq, scope, Attribution::Complete, "k8s_audit", body))
}

/// The time of the stage; very old API servers (v1beta1) wrote `timestamp`.
fn time_of(audit: &Value) -> Option<Timestamp> {
    let text = |key: &str| audit.get(key).and_then(Value::as_str)?.parse().ok();
    ["stageTimestamp", "requestReceivedTimestamp", "timestamp"].into_iter().find_map(text)
}

fn scope_of(audit: &Value, cluster: &str) -> Scope {
    let text = |pointer: &str| audit.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut scope = Scope::cluster(cluster);
    scope.namespace = text("/objectRef/namespace").map(str::to_owned);
    if text("/objectRef/resource") == Some("pods") {
        let name = text("/objectRef/name").or_else(|| text("/responseObject/metadata/name"));
        let uid =
            text("/objectRef/uid").or_else(|| text("/responseObject/metadata/uid")).unwrap_or_default().to_owned();
        scope.pod = name.map(|name| PodRef { name: name.to_owned(), uid });
    }
    scope
}
