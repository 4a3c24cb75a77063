//! Recordings of attacks: the events that raise their alerts, as fixtures in `content/recordings`.
//!
//! Of all events of a container only those are kept that the alerts need, found by replaying. What is different in every
//! run or on every machine is replaced: times begin at one moment, process and pipe numbers are small, and nothing is
//! said of the host, the runtime and the image. What it is not: a change of anything that a rule looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use detect::{CompileOptions, Engine, Matches, RuleSet};
use model::event::Exec;
use model::{Alert, Ancestor, Body, Event, ImageRef, Process, Timestamp};

use super::Part;
use crate::parts::out;
use crate::parts::sensor::{Line, Sensor};

/// Ancestors outside of the container that are kept: the runtime and its shim.
const OUTSIDE: usize = 2;

/// When every recording begins.
const BEGINNING: i64 = 1_700_000_000;

/// Writes a recording of each attack and variant from the evidence of its alerts; gives those for which that is not
/// enough: alerts carry only the first of many events, and not what a container did before.
pub fn from_alerts<'a>(parts: &[Part<'a>], alerts: &[Line<Alert>]) -> Result<Vec<Part<'a>>> {
    let mut left = Vec::new();
    for part in parts.iter().filter(|part| !part.benign) {
        let id = part.id();
        let is_ours = |alert: &Alert| alert.scope.container.as_ref().is_some_and(|container| container.id == id);
        let ours = alerts.iter().filter(|line| is_ours(&line.what) && part.alerts.contains(&line.what.key));
        let by_seq: BTreeMap<u64, &Event> =
            ours.flat_map(|line| &line.what.evidence).map(|event| (event.seq, event)).collect();
        let events: Vec<Event> = by_seq.into_values().cloned().collect();
        if record(part, &events).is_err() {
            left.push(part.clone());
        }
    }
    Ok(left)
}

/// Writes recordings from all that was seen of each container, and keeps that for people.
pub fn from_events(parts: &[Part<'_>], sensor: &Sensor) -> Result<()> {
    let mut failed = Vec::new();
    for part in parts {
        let id = part.id();
        let mut ours = sensor.events_of(&id)?;
        ours.sort_by_key(|event| event.seq);
        keep_all(&id, &ours)?;
        failed.extend(record(part, &ours).err().map(|error| format!("{id}: {error:#}")));
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn record(part: &Part<'_>, events: &[Event]) -> Result<()> {
    let (rules, _) = RuleSet::compile(&detect::content::rules(), &CompileOptions::default());
    let recorded = neutral(needed(&rules, part, events)?, part);
    let keys = raised(&rules, &recorded);
    ensure!(part.alerts.iter().all(|key| keys.contains(key)), "its recording raises {keys:?} only");
    save(&file(&testkit::repository().join("content/recordings"), part), part, &recorded)
}

fn file(folder: &Path, part: &Part<'_>) -> PathBuf {
    folder.join(&part.scenario.name).join(format!("{}.jsonl", part.name))
}

/// Everything that was seen of a container, for people who look for why nothing was raised.
fn keep_all(id: &str, events: &[Event]) -> Result<()> {
    let folder = out()?.join("attacks");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    fs::write(folder.join(format!("{id}.jsonl")), lines(events)?).context("writing all events")
}

fn lines(events: &[Event]) -> Result<String> {
    let mut text = String::new();
    for event in events {
        text.push_str(&serde_json::to_string(event).context("writing an event")?);
        text.push('\n');
    }
    Ok(text)
}

fn save(file: &Path, part: &Part<'_>, events: &[Event]) -> Result<()> {
    let head = serde_json::json!({ "title": part.scenario.title, "alerts": part.alerts });
    fs::create_dir_all(file.parent().context("a file has a folder")?).context("making a folder for the recording")?;
    fs::write(file, format!("{head}\n{}", lines(events)?)).with_context(|| format!("writing {}", file.display()))
}

/// Keys that events raise.
fn raised(rules: &RuleSet, events: &[Event]) -> BTreeSet<String> {
    let mut engine = Engine::new(rules.clone());
    let mut found = Matches::new();
    let mut keys = BTreeSet::new();
    for event in events {
        engine.evaluate(event, &mut found);
        keys.extend(found.iter().map(|found| found.rule.key.clone()));
    }
    keys
}

/// The events that a part's alerts need: those of the matches; where they are not enough, also what tells the container's
/// role and who speaks with the network; else all starts, connections and names.
fn needed(rules: &RuleSet, part: &Part<'_>, events: &[Event]) -> Result<Vec<Event>> {
    let mut engine = Engine::new(rules.clone());
    let mut found = Matches::new();
    let mut keep = BTreeSet::new();
    let mut known = BTreeSet::new();
    for event in events {
        engine.evaluate(event, &mut found);
        for hit in found.iter().filter(|hit| part.alerts.contains(&hit.rule.key)) {
            // The first alert of a key is enough.
            if known.insert(hit.rule.key.clone()) {
                keep.extend(hit.earlier.iter().map(|event| event.seq));
                keep.insert(event.seq);
            }
        }
    }
    let tells_role = |event: &Event| {
        let first = event.process.as_ref().is_some_and(|process| process.vpid == Some(1));
        let speaks = matches!(&event.body, Body::Connect(network) if network.protocol == "tcp");
        speaks
            || matches!(event.body, Body::Listen(_) | Body::Container(_))
            || (first && matches!(event.body, Body::Exec(_)))
    };
    let starts = |event: &Event| matches!(event.body.kind(), "exec" | "exit" | "connect" | "accept" | "listen" | "dns");
    let tiers: [&dyn Fn(&Event) -> bool; 3] = [&|_| false, &tells_role, &starts];
    for tier in tiers {
        let chosen: Vec<Event> =
            events.iter().filter(|event| keep.contains(&event.seq) || tier(event)).cloned().collect();
        let keys = raised(rules, &chosen);
        if part.alerts.iter().all(|key| keys.contains(key)) {
            return Ok(chosen);
        }
    }
    bail!("all of its {} events raise {:?} only", events.len(), raised(rules, events))
}

/// The same events with nothing of this run and this machine.
fn neutral(events: Vec<Event>, part: &Part<'_>) -> Vec<Event> {
    let mut numbers = Numbers::default();
    let first = events.iter().map(|event| event.time).min().unwrap_or_default();
    let shift = Timestamp::from_seconds(BEGINNING).millis_since(first);
    let at = |time: Timestamp| time.plus_millis(shift);
    let change = |(index, mut event): (usize, Event)| {
        event.seq = index as u64 + 1;
        event.time = at(event.time);
        let scope = Arc::make_mut(&mut event.scope);
        scope.cluster = "local".into();
        scope.node = Some("node".into());
        scope.image =
            Some(ImageRef { reference: "registry.example/victim:1".into(), digest: None, config_digest: None });
        if let Some(container) = &mut scope.container {
            container.id = part.id();
            container.name = part.id();
        }
        if let Body::Exec(exec) = &mut event.body {
            numbers.pipes(exec);
        }
        if let Body::FileOpen(open) = &mut event.body {
            open.inode = None;
        }
        if let Body::Container(phase) = &mut event.body {
            // The runtime, whose command line is all about this machine.
            event.process = None;
            for mount in phase.mounts.iter_mut().filter(|mount| mount.source.starts_with('/')) {
                mount.source = format!("/srv/node{}", mount.destination);
            }
        }
        if let Some(process) = event.process.take() {
            event.process = Some(Arc::new(numbers.process(&process, &at)));
        }
        event
    };
    events.into_iter().enumerate().map(change).collect()
}

/// Numbers by the order in which they were met.
#[derive(Debug, Default)]
struct Numbers {
    processes: BTreeMap<i32, i32>,
    pipes: BTreeMap<u64, u64>,
}

impl Numbers {
    fn pid(&mut self, pid: i32) -> i32 {
        let next = 1000 + i32::try_from(self.processes.len()).unwrap_or_default();
        if pid == 0 { 0 } else { *self.processes.entry(pid).or_insert(next) }
    }

    fn pipes(&mut self, exec: &mut Exec) {
        for stdio in &mut exec.stdio {
            let next = 1 + self.pipes.len() as u64;
            stdio.pipe = stdio.pipe.map(|pipe| *self.pipes.entry(pipe).or_insert(next));
        }
    }

    fn process(&mut self, process: &Process, at: &impl Fn(Timestamp) -> Timestamp) -> Process {
        let mut process = process.clone();
        process.pid = self.pid(process.pid);
        process.ppid = self.pid(process.ppid);
        process.sid = process.sid.map(|sid| self.pid(sid));
        process.pgid = process.pgid.map(|pgid| self.pid(pgid));
        process.start_time = at(process.start_time);
        // Our rules ask for none of these.
        (process.exe_inode, process.exe_changed, process.exe_modified) = Default::default();
        process.namespaces = model::Namespaces::default();
        (process.caps_effective, process.caps_permitted) = Default::default();
        let asked_for = |entry: &&String| entry.starts_with("HIST") || entry.starts_with("LD_");
        process.env = process.env.iter().filter(asked_for).cloned().collect();
        if process.name.starts_with("runc") {
            process.cwd = "/".into();
        }
        let inside = process.ancestors.iter().take_while(|ancestor| ancestor.same_container).count();
        process.ancestors.truncate(inside + OUTSIDE);
        process.ancestors = process.ancestors.iter().map(|ancestor| Arc::new(self.ancestor(ancestor, at))).collect();
        process
    }

    fn ancestor(&mut self, ancestor: &Ancestor, at: &impl Fn(Timestamp) -> Timestamp) -> Ancestor {
        let mut ancestor = ancestor.clone();
        ancestor.pid = self.pid(ancestor.pid);
        ancestor.start_time = at(ancestor.start_time);
        if !ancestor.same_container {
            // The runtime's own: only its name says something to a rule.
            ancestor.exe = format!("/usr/bin/{}", ancestor.name);
            ancestor.args = vec![ancestor.name.clone()];
        }
        ancestor
    }
}
