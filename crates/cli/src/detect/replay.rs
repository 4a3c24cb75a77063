//! `seawall detect replay`: recorded events → matches or alerts.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use detect::{AlertBuilder, AlertOptions, Engine, Interner, Match, Matches, RuleSet};
use model::{Event, Level, Sender, Severity};
use serde_json::json;

use super::{Rules, events, report};
use crate::Outcome;
use crate::ui::{Ui, counted};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    rules: Rules,
    /// Recordings; `-` is standard input.
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1..)]
    events: Vec<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Name of the cluster whose audit events these are.
    #[arg(long, default_value = model::scope::LOCAL_CLUSTER)]
    cluster: String,
    /// End with exit code 1 when an alert is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    fail_on: Option<Severity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line for every match, as Falco prints it.
    Text,
    /// A JSON line for every match.
    Json,
    /// Alerts as JSON lines: equal matches within the window are one.
    Alerts,
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_word(text).ok_or_else(|| "one of informational, low, medium, high".into())
}

struct Replay<'a> {
    engine: Engine,
    interner: Interner,
    builder: AlertBuilder,
    found: Matches,
    counts: BTreeMap<String, u64>,
    alerts: Vec<model::Alert>,
    worst: Severity,
    /// Changes of which the audit log does not say what was asked for.
    unseen: usize,
    format: Format,
    ui: &'a Ui,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let sources = args.rules.sources()?;
    let (rules, diagnostics) = RuleSet::compile(&sources, &args.rules.options());
    let errors = report(&diagnostics, &sources, Level::Warning, ui);
    let sender = Sender {
        cluster: args.cluster.clone(),
        node: None,
        program: "seawall-replay".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        // A replay gives the same identities whenever it is run.
        boot_id: uuid::Uuid::nil(),
    };
    let builder = AlertBuilder::new(sender, "events", rules.version(), AlertOptions::default());
    let mut replay = Replay {
        engine: Engine::new(rules),
        interner: Interner::default(),
        builder,
        found: Matches::new(),
        counts: BTreeMap::new(),
        alerts: Vec::new(),
        worst: Severity::Unknown,
        unseen: 0,
        format: args.format,
        ui,
    };
    let (mut total, mut skipped) = (0, 0);
    for path in &args.events {
        let count = events::read(path, &args.cluster, &mut |event| replay.event(event))?;
        total += count.events;
        skipped += count.skipped;
        if count.others > 0 {
            let (name, items) = (path.display(), counted(count.others, "item"));
            ui.say(format_args!("{name}: left out {items} of alerts, coverage and other records"));
        }
        if let Some(reason) = count.first_reason {
            let (name, items) = (path.display(), counted(count.skipped, "item"));
            ui.say(format_args!("{name}: left out {items} that could not be read, the first in {reason}"));
        }
    }
    replay.finish()?;
    summary(&replay, total, ui);
    if replay.unseen > 0 {
        let items = counted(replay.unseen, "change");
        ui.say(format_args!(
            "not seen: what {items} asked for, which the audit log leaves out (level Metadata, or cut): rules that look \
             into objects could not judge it; log at level RequestResponse"
        ));
    }
    if args.fail_on.is_some_and(|least| replay.worst >= least) {
        return Ok(Outcome::Findings);
    }
    Ok(if errors > 0 || skipped > 0 { Outcome::Incomplete } else { Outcome::Clean })
}

impl Replay<'_> {
    fn event(&mut self, mut event: Event) {
        self.interner.intern(&mut event);
        self.unseen += usize::from(detect::unseen::lacks_body(&event));
        self.engine.evaluate(&event, &mut self.found);
        for found in &self.found {
            *self.counts.entry(found.rule.name.clone()).or_default() += 1;
            self.worst = self.worst.max(found.rule.severity);
            match self.format {
                Format::Text => self.ui.print(format_args!("{}: {} {}", event.time, found.rule.priority, found.output)),
                Format::Json => self.ui.print(line(&event, found)),
                Format::Alerts => self.alerts.extend(self.builder.add(&event, found)),
            }
        }
    }

    /// Prints the alerts in the order in which they began, with their final counts.
    fn finish(&mut self) -> anyhow::Result<()> {
        let places: HashMap<_, _> = self.alerts.iter().enumerate().map(|(place, alert)| (alert.id, place)).collect();
        for update in self.builder.updates(model::Timestamp::from_nanos(i64::MAX)) {
            if let Some(place) = places.get(&update.id) {
                self.alerts[*place] = update;
            }
        }
        for alert in &self.alerts {
            self.ui.print(serde_json::to_string(alert)?);
        }
        Ok(())
    }
}

fn line(event: &Event, found: &Match) -> serde_json::Value {
    json!({
        "time": event.time,
        "rule": found.rule.name,
        "key": found.rule.key,
        "priority": found.rule.priority.as_str(),
        "severity": found.rule.severity,
        "source": found.rule.source.as_str(),
        "tags": found.rule.tags,
        "output": found.output,
        "seq": event.seq,
        "scope": event.scope,
    })
}

fn summary(replay: &Replay<'_>, events: u64, ui: &Ui) {
    let matches: u64 = replay.counts.values().sum();
    let noun = if matches == 1 { "match" } else { "matches" };
    let (events, rules) = (counted(events, "event"), counted(replay.counts.len(), "rule"));
    ui.say(format_args!("{events}, {matches} {noun} of {rules}"));
    for (rule, count) in &replay.counts {
        ui.say(format_args!("{count:>8}  {rule}"));
    }
}
