//! Changes through the Kubernetes API of which the audit log does not say what was asked for.
//!
//! At level `Metadata`, and where an event was cut, there is no body: rules that look into it stay silent, which must not
//! be taken for health. What it is not: a judgement of the policy; what no rule of ours looks into is not counted.

use model::{Body, Event};
use serde_json::Value;

/// Resources whose objects rules look into.
const LOOKED_INTO: [&str; 14] = [
    "clusterrolebindings",
    "clusterroles",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "persistentvolumes",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "rolebindings",
    "roles",
    "services",
    "statefulsets",
];

/// Whether the event is a change that was made, and its body is not there although rules look into such bodies.
pub fn lacks_body(event: &Event) -> bool {
    let Body::K8sAudit(body) = &event.body else { return false };
    let text = |pointer: &str| body.audit.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let code = body.audit.pointer("/responseStatus/code").and_then(Value::as_u64);
    text("/stage") == "ResponseComplete"
        && matches!(text("/verb"), "create" | "update" | "patch")
        && code.is_none_or(|code| (200..300).contains(&code))
        && LOOKED_INTO.contains(&text("/objectRef/resource"))
        && matches!(text("/objectRef/subresource"), "" | "ephemeralcontainers")
        && body.audit.get("requestObject").is_none_or(Value::is_null)
}
