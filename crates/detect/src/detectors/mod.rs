//! Detectors: small state machines for what no single event shows.
//!
//! Pure: the time is the event's. Each keeps a bounded window per causal root, per file or per process, and forgets what
//! is older than its window. What they raise and when is said at each of them; titles and texts are the catalogue's.

mod burst;
pub(crate) mod connected;
mod dns;
mod download;
mod feed;
mod generated;
mod pipes;
mod scan;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Event, Process};

use crate::{Catalogue, EventSource, Match, Matches, Priority, Rule};

/// A state machine over events.
trait Detector: Send + std::fmt::Debug {
    /// Looks at an event. On a match gives the name of the detector, a line for people, and the earlier events.
    fn observe(&mut self, event: &Event) -> Option<Hit>;
}

/// Which opens of files a detector looks at.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// Those of files below one of these folders.
    Below(&'static [&'static str]),
    /// Those of such processes, and those of files below one of these folders.
    OfOrBelow(fn(&Process) -> bool, &'static [&'static str]),
}

/// Which opens a detector looks at, of those that give a descriptor to write or of the others. One that is not described
/// here gets all.
pub fn opens_of(detector: &str, writes: bool) -> Wanted {
    let Some((name, kinds, _)) = ALL.iter().find(|(name, ..)| *name == detector) else { return Wanted::Everything };
    if !kinds.contains(&"file_open") {
        return Wanted::Nothing;
    }
    match *name {
        "download-then-run" | "download-then-chmod" | "log-burst" if !writes => Wanted::Nothing,
        "download-then-run" | "download-then-chmod" => Wanted::OfOrBelow(download::may_bring, &connected::TEMPORARY),
        "log-burst" => Wanted::Below(&[burst::LOG_FOLDER]),
        _ => Wanted::Everything,
    }
}

/// What a detector found.
#[derive(Debug)]
struct Hit {
    detector: &'static str,
    output: String,
    earlier: Vec<Event>,
}

/// Name, kinds of events and fields of every detector.
const ALL: [(&str, &[&str], &[&str]); 13] = [
    ("recon-burst", &["exec"], &["proc.name", "proc.args"]),
    ("download-then-run", &["exec", "file_open", "file_change", "connect"], &["fd.name", "proc.exepath"]),
    ("download-then-chmod", &["file_open", "file_change", "connect"], &["fd.name", "evt.arg.mode"]),
    ("log-burst", &["file_open", "file_change"], &["fd.name"]),
    ("rename-burst", &["file_change", "exec"], &["fd.name", "proc.args"]),
    ("dns-tunnel", &["dns"], &["dns.question"]),
    ("generated-domains", &["dns"], &["dns.question", "dns.rcode"]),
    ("remote-shell", &["exec", "exit", "connect", "accept"], &["proc.name", "proc.args", "exec.stdio[0]"]),
    ("download-into-shell", &["exec", "exit", "connect"], &["proc.name", "proc.args", "exec.stdio[0]"]),
    ("decoded-into-shell", &["exec", "exit"], &["proc.name", "proc.args", "exec.stdio[0]"]),
    ("archive-to-network", &["exec", "exit", "connect"], &["proc.name", "proc.args", "exec.stdio[0]"]),
    ("script-from-text", &["exec"], &["proc.name", "proc.args"]),
    ("connection-burst", &["connect"], &["fd.sip", "fd.sport"]),
];

/// The detectors as rules, for those that the catalogue has an entry for.
pub fn rules(catalogue: &Catalogue) -> Vec<Arc<Rule>> {
    let rule = |(name, kinds, fields): &(&'static str, &'static [&'static str], &'static [&'static str])| {
        let entry = catalogue.of_detector(name)?;
        Some(Arc::new(Rule {
            name: (*name).to_owned(),
            key: entry.key.clone(),
            title: entry.title.clone(),
            description: entry.description.clone(),
            source: EventSource::Syscall,
            priority: priority(entry.severity),
            severity: entry.severity,
            tactics: entry.tactics.clone(),
            techniques: entry.techniques.clone(),
            tags: vec!["seawall".into()],
            detector: true,
            kinds: kinds.iter().copied().collect(),
            event_types: BTreeSet::new(),
            fields: fields.iter().copied().collect(),
            unavailable: BTreeSet::new(),
        }))
    };
    ALL.iter().filter_map(rule).collect()
}

const fn priority(severity: model::Severity) -> Priority {
    match severity {
        model::Severity::High | model::Severity::Critical => Priority::Critical,
        model::Severity::Medium => Priority::Warning,
        model::Severity::Low => Priority::Notice,
        _ => Priority::Informational,
    }
}

/// All detectors with their state.
#[derive(Debug)]
pub struct Detectors {
    rules: Vec<Arc<Rule>>,
    machines: Vec<Box<dyn Detector>>,
}

impl Detectors {
    /// Detectors that raise these rules; none without rules.
    pub fn new(rules: &[Arc<Rule>]) -> Self {
        let machines: Vec<Box<dyn Detector>> = if rules.is_empty() {
            Vec::new()
        } else {
            vec![
                Box::new(burst::Recon::default()),
                Box::new(burst::Logs::default()),
                Box::new(burst::Renames::default()),
                Box::new(burst::Encryptions::default()),
                Box::new(download::Downloads::default()),
                Box::new(dns::Tunnel::default()),
                Box::new(dns::Generated::default()),
                Box::new(feed::Feeds::default()),
                Box::new(generated::Scripts),
                Box::new(scan::Ports::default()),
                Box::new(scan::Hosts::default()),
            ]
        };
        Self { rules: rules.to_vec(), machines }
    }

    /// Looks at an event and adds matches.
    pub fn observe(&mut self, event: &Event, found: &mut Matches) {
        for machine in &mut self.machines {
            let Some(hit) = machine.observe(event) else { continue };
            if let Some(rule) = self.rules.iter().find(|rule| rule.name == hit.detector) {
                found.push(Match { rule: Arc::clone(rule), output: hit.output, earlier: hit.earlier });
            }
        }
    }
}
