//! What an alert is about: the entities of its event, and the process tree.

use std::sync::Arc;

use model::event::Network;
use model::{Ancestor, Body, Entity, Event, Process};
use serde_json::Value;

/// Entities of an event: where it happened first, then what it touched. No duplicates.
pub fn entities(event: &Event) -> Vec<Entity> {
    let mut found = Vec::new();
    let scope = &event.scope;
    if let Some(container) = &scope.container {
        found.push(Entity::Container { id: container.id.clone(), name: container.name.clone() });
    }
    if let Some(pod) = &scope.pod {
        let namespace = scope.namespace.clone().unwrap_or_default();
        found.push(Entity::Pod { namespace, name: pod.name.clone() });
    }
    if let Some(image) = &scope.image {
        found.push(Entity::Image { reference: image.reference.clone() });
    }
    if let Some(process) = event.process.as_ref().filter(|process| !process.exe.is_empty()) {
        found.push(Entity::File { path: process.exe.clone() });
    }
    of_body(&event.body, &mut found);
    let mut unique = Vec::with_capacity(found.len());
    for entity in found {
        if !unique.contains(&entity) {
            unique.push(entity);
        }
    }
    unique
}

fn of_body(body: &Body, found: &mut Vec<Entity>) {
    match body {
        Body::Exec(exec) => {
            found.extend(exec.script.iter().map(|path| Entity::File { path: path.clone() }));
            for peer in exec.stdio.iter().filter_map(|stdio| stdio.peer.as_deref()) {
                if let Ok(address) = peer.parse::<std::net::SocketAddr>() {
                    found.push(Entity::Ip { address: address.ip().to_string(), port: address.port() });
                }
            }
        }
        Body::FileOpen(open) => found.push(Entity::File { path: open.path.clone() }),
        Body::FileChange(change) => {
            found.push(Entity::File { path: change.path.clone() });
            found.extend(change.new_path.iter().map(|path| Entity::File { path: path.clone() }));
        }
        Body::Connect(network) | Body::Accept(network) | Body::Listen(network) => of_network(network, found),
        Body::Dns(dns) => found.push(Entity::Dns { domain: dns.question.clone() }),
        Body::K8sAudit(audit) => of_audit(&audit.audit, found),
        _ => {}
    }
}

fn of_network(network: &Network, found: &mut Vec<Entity>) {
    if let Some(end) = network.remote.as_ref().or(network.local.as_ref()) {
        found.push(Entity::Ip { address: end.ip.to_string(), port: end.port });
    }
    found.extend(network.path.iter().map(|path| Entity::File { path: path.clone() }));
}

fn of_audit(audit: &Value, found: &mut Vec<Entity>) {
    let text = |pointer: &str| audit.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = text("/user/username");
    if !name.is_empty() {
        found.push(Entity::Account { name: name.to_owned() });
    }
    if let Some(address) = audit.pointer("/sourceIPs/0").and_then(Value::as_str) {
        found.push(Entity::Ip { address: address.to_owned(), port: 0 });
    }
    let kind = text("/objectRef/resource");
    if !kind.is_empty() {
        // A create request names its object only in the body.
        let named =
            [text("/objectRef/name"), text("/requestObject/metadata/name"), text("/responseObject/metadata/name")];
        let name = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned();
        found.push(Entity::Object { kind: kind.to_owned(), namespace: text("/objectRef/namespace").to_owned(), name });
    }
}

/// The process of an event with its ancestors, root first.
pub fn process_tree(event: &Event) -> Vec<Process> {
    let Some(process) = &event.process else { return Vec::new() };
    let alone = Process { ancestors: Vec::new(), ..process.as_ref().clone() };
    process.ancestors.iter().rev().map(as_process).chain([alone]).collect()
}

fn as_process(ancestor: &Arc<Ancestor>) -> Process {
    Process {
        pid: ancestor.pid,
        start_time: ancestor.start_time,
        name: ancestor.name.clone(),
        exe: ancestor.exe.clone(),
        args: ancestor.args.clone(),
        ..Process::default()
    }
}
