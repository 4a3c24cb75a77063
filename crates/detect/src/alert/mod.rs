//! From matches to alerts: one alert per rule, causal root, process and container within a window, with a count.

mod entities;
mod root;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::{Alert, CausalRoot, Coverage, Event, Extra, ProcessKey, Sender, Timestamp};
use rustc_hash::FxHashMap;

use crate::{Match, Rule};

pub use entities::{entities, process_tree};
pub use root::causal_root;

/// How alerts are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertOptions {
    /// How long equal matches count into one alert after its first event, in milliseconds.
    pub window_ms: i64,
    /// Events kept as evidence of one alert; the rest is only counted.
    pub evidence: usize,
    /// Alerts remembered at a time; beyond it the oldest window is closed early.
    pub open: usize,
}

impl Default for AlertOptions {
    fn default() -> Self {
        // Ten minutes is long enough that a loop is one alert and short enough that tomorrow's is another.
        // 16 events show a pattern; 1,024 windows are about 10 MB of alerts at their usual size.
        Self { window_ms: 600_000, evidence: 16, open: 1024 }
    }
}

/// What makes two matches the same alert.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sameness {
    rule: String,
    root: CausalRoot,
    container: Option<String>,
    process: Option<String>,
    parent: Option<ProcessKey>,
    object: Option<String>,
}

#[derive(Debug)]
struct Window {
    alert: Alert,
    changed: bool,
}

/// Turns matches into alerts. A new alert is given at once; later equal matches raise its count, and
/// [`AlertBuilder::updates`] gives the changed alerts again under the same id.
#[derive(Debug)]
pub struct AlertBuilder {
    sender: Sender,
    stream: String,
    content_version: String,
    options: AlertOptions,
    coverage: Vec<Coverage>,
    windows: FxHashMap<Sameness, Window>,
}

impl AlertBuilder {
    /// A builder for events of one sender and stream. `content_version` is [`crate::RuleSet::version`].
    pub fn new(sender: Sender, stream: &str, content_version: &str, options: AlertOptions) -> Self {
        let (stream, content_version) = (stream.to_owned(), content_version.to_owned());
        Self { sender, stream, content_version, options, coverage: Vec::new(), windows: FxHashMap::default() }
    }

    /// What is not seen here and now: goes with every new alert.
    pub fn set_coverage(&mut self, coverage: Vec<Coverage>) {
        self.coverage = coverage;
    }

    /// New rules: alerts from now on carry this version.
    pub fn set_content_version(&mut self, version: &str) {
        version.clone_into(&mut self.content_version);
    }

    /// Takes a match. Gives the alert when it is a new one; a repetition is only counted.
    pub fn add(&mut self, event: &Event, found: &Match) -> Option<Alert> {
        let same = sameness(&found.rule, event);
        if let Some(window) = self.windows.get_mut(&same)
            && event.time.millis_since(window.alert.first_seen) < self.options.window_ms
        {
            repeat(window, event, found, self.options.evidence);
            return None;
        }
        let alert = self.fresh(event, found, &same);
        self.make_room();
        self.windows.insert(same, Window { alert: alert.clone(), changed: false });
        Some(alert)
    }

    /// The alerts whose count changed since the last call, and forgets those whose window ended before `now`.
    /// Call it about once a second.
    pub fn updates(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut out = Vec::new();
        let window_ms = self.options.window_ms;
        self.windows.retain(|_, window| {
            if std::mem::take(&mut window.changed) {
                out.push(window.alert.clone());
            }
            now.millis_since(window.alert.first_seen) < window_ms
        });
        // A hash map has no order; alerts leave in the order in which they began.
        out.sort_by_key(|alert| (alert.first_seen, alert.id));
        out
    }

    fn fresh(&self, event: &Event, found: &Match, same: &Sameness) -> Alert {
        let rule = &found.rule;
        let first = found.earlier.first().unwrap_or(event);
        let mut evidence = found.earlier.clone();
        evidence.truncate(self.options.evidence.saturating_sub(1));
        evidence.push(event.clone());
        Alert {
            id: Alert::id_for(&rule.name, &same.root, &self.sender, &self.stream, first.seq),
            key: rule.key.clone(),
            rule: (!rule.detector).then(|| rule.name.clone()),
            title: rule.title.clone(),
            severity: rule.severity,
            tactics: rule.tactics.clone(),
            techniques: rule.techniques.clone(),
            first_seen: first.time,
            last_seen: event.time,
            count: 1,
            scope: event.scope.as_ref().clone(),
            process: event.process.as_ref().map(|process| process.as_ref().clone()),
            process_tree: process_tree(event),
            evidence,
            entities: entities(event),
            causal_root: same.root.clone(),
            content_version: self.content_version.clone(),
            coverage: self.coverage.clone(),
            output: found.output.clone(),
            response: None,
            extra: Extra::new(),
        }
    }

    fn make_room(&mut self) {
        while self.windows.len() >= self.options.open.max(1) {
            let oldest =
                self.windows.iter().min_by_key(|(_, window)| window.alert.first_seen).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            self.windows.remove(&oldest);
        }
    }
}

fn sameness(rule: &Arc<Rule>, event: &Event) -> Sameness {
    let process = event.process.as_ref();
    let parent = process.and_then(|process| process.ancestors.first());
    let object = match &event.body {
        model::Body::K8sAudit(body) => body.audit.get("requestURI").map(ToString::to_string),
        _ => None,
    };
    Sameness {
        rule: rule.name.clone(),
        root: causal_root(event),
        container: event.scope.container.as_ref().map(|container| container.id.clone()),
        process: process.map(|process| process.exe.clone()),
        parent: parent.map(|parent| ProcessKey { pid: parent.pid, start_time: parent.start_time }),
        object,
    }
}

/// The request that an audit event is about. One that stays open is written when it begins and again when it ends.
fn request(event: &Event) -> Option<&str> {
    let model::Body::K8sAudit(body) = &event.body else { return None };
    body.audit.get("auditID")?.as_str()
}

fn repeat(window: &mut Window, event: &Event, found: &Match, evidence: usize) {
    let alert = &mut window.alert;
    if request(event).is_some() && alert.evidence.iter().any(|known| request(known) == request(event)) {
        return;
    }
    alert.count = alert.count.saturating_add(1);
    alert.last_seen = alert.last_seen.max(event.time);
    for extra in found.earlier.iter().chain([event]) {
        if alert.evidence.len() < evidence && !alert.evidence.iter().any(|known| known.seq == extra.seq) {
            alert.evidence.push(extra.clone());
        }
    }
    for entity in entities(event) {
        // The same bound as for evidence: a loop over a thousand files must not make a megabyte of entities.
        if alert.entities.len() < evidence.saturating_mul(4) && !alert.entities.contains(&entity) {
            alert.entities.push(entity);
        }
    }
    window.changed = true;
}
