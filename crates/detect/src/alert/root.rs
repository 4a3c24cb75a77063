//! Where a chain of events started: the causal root of an alert (contract §3).

use model::{Ancestor, Body, CausalRoot, Event, Process, ProcessKey};
use serde_json::Value;

/// The root of an event's chain.
///
/// A process: in a container the outermost ancestor that still runs in the container (its first process, or the
/// process that entered it from outside); on the host the leader of the session, else the outermost ancestor below
/// the first process of the machine. An audit event: its identity, source address and user agent.
pub fn causal_root(event: &Event) -> CausalRoot {
    let cluster = event.scope.cluster.clone();
    if let Body::K8sAudit(body) = &event.body {
        return audit_root(cluster, &body.audit);
    }
    let node = event.scope.node.clone().unwrap_or_default();
    let key = event.process.as_ref().map_or(ProcessKey { pid: 0, start_time: event.time }, |process| {
        let root = if event.scope.container.is_some() { container_root(process) } else { host_root(process) };
        root.map_or(process.key(), |ancestor| ProcessKey { pid: ancestor.pid, start_time: ancestor.start_time })
    });
    CausalRoot::Process { cluster, node, key }
}

fn container_root(process: &Process) -> Option<&Ancestor> {
    process.ancestors.iter().take_while(|ancestor| ancestor.same_container).last().map(AsRef::as_ref)
}

fn host_root(process: &Process) -> Option<&Ancestor> {
    let leader = process.sid.filter(|sid| *sid != process.pid);
    let by_session = leader.and_then(|sid| process.ancestors.iter().find(|ancestor| ancestor.pid == sid));
    if process.sid == Some(process.pid) {
        return None;
    }
    by_session.or_else(|| process.ancestors.iter().take_while(|ancestor| ancestor.pid > 1).last()).map(AsRef::as_ref)
}

fn audit_root(cluster: String, audit: &Value) -> CausalRoot {
    let text = |pointer: &str| audit.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = text("/user/username");
    let impersonated = text("/impersonatedUser/username");
    let user = if impersonated.is_empty() { name.to_owned() } else { format!("{name} as {impersonated}") };
    let session = format!("{} {}", text("/sourceIPs/0"), text("/userAgent")).trim().to_owned();
    CausalRoot::Audit { cluster, user, session }
}
