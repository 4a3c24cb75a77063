//! Audit events as the API server writes them, judged by our rules.

use std::collections::{BTreeMap, BTreeSet};

use cluster::audit::{AuditLimits, Delivery, parse};
use detect::{CompileOptions, Engine, Matches, RuleSet, content};
use model::Timestamp;
use serde_json::Value;

/// Our rules.
#[derive(Debug)]
pub struct Judge {
    rules: RuleSet,
}

impl Judge {
    /// Compiles them.
    pub fn new() -> Self {
        Self { rules: RuleSet::compile(&content::rules(), &CompileOptions::default()).0 }
    }

    /// How many requests raise each key. A request that stays open is written twice, at its start and at its end.
    pub fn count(&self, events: &[Value]) -> BTreeMap<String, usize> {
        let delivery = Delivery { cluster: "local", first_seq: 1, received: Timestamp::default() };
        let mut engine = Engine::new(self.rules.clone());
        let (mut found, mut requests) = (Matches::new(), BTreeMap::<String, BTreeSet<String>>::new());
        for event in events {
            // What cannot be read raises nothing, and then its script is wrong.
            let Ok(received) = parse(event.to_string().as_bytes(), delivery, AuditLimits::DEFAULT) else { continue };
            for audit in received.events {
                engine.evaluate(&audit, &mut found);
                for one in &found {
                    requests.entry(one.rule.key.clone()).or_default().insert(event["auditID"].to_string());
                }
            }
        }
        requests.into_iter().map(|(key, ids)| (key, ids.len())).collect()
    }
}

/// Whether a part of the control plane asked by itself, not on behalf of a script.
pub fn is_background(event: &Value) -> bool {
    let user = event.pointer("/user/username").and_then(Value::as_str).unwrap_or_default();
    let of_cluster = ["system:kube-", "system:node:", "system:apiserver", "system:serviceaccount:kube-system:"];
    of_cluster.iter().any(|start| user.starts_with(start)) && event.get("impersonatedUser").is_none()
}
