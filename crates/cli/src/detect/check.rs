//! `seawall detect check`: what is wrong with rule files, and what in them cannot work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use detect::fields::types::KINDS;
use detect::{CompileOptions, Matching, RuleSet};
use model::Level;

use super::{read_sources, report};
use crate::Outcome;
use crate::ui::{Ui, counted, table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rule files, in the order in which they are loaded.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Load the built-in rules first.
    #[arg(long)]
    builtin: bool,
    /// Kinds of events that are seen, such as `exec,file_open` (the sensor prints them); by default all.
    #[arg(long, value_delimiter = ',', value_name = "KIND", value_parser = kind)]
    signals: Vec<String>,
    /// Say also what is merely unused.
    #[arg(long)]
    notes: bool,
    /// Print diagnostics and rules as JSON.
    #[arg(long)]
    json: bool,
}

fn kind(text: &str) -> Result<String, String> {
    if KINDS.contains(&text) { Ok(text.to_owned()) } else { Err(format!("one of {}", KINDS.join(", "))) }
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let sources = read_sources(&args.files)?;
    let options = CompileOptions { matching: Matching::All, builtin: args.builtin, ..CompileOptions::default() };
    let (rules, diagnostics) = RuleSet::compile(&sources, &options);
    let kinds: BTreeSet<&str> = if args.signals.is_empty() {
        KINDS.into_iter().collect()
    } else {
        args.signals.iter().map(String::as_str).collect()
    };
    let degraded = rules.degraded(&kinds, &BTreeSet::new());
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error).count();
    if args.json {
        let degraded: Vec<_> = degraded.iter().map(detect::Degraded::coverage).collect();
        let names: Vec<&str> = rules.rules().iter().map(|rule| rule.name.as_str()).collect();
        ui.print_json(&serde_json::json!({ "diagnostics": diagnostics, "rules": names, "degraded": degraded }))?;
    } else {
        report(&diagnostics, &sources, if args.notes { Level::Note } else { Level::Warning }, ui);
        print(&rules, &degraded, &diagnostics, ui);
    }
    Ok(if errors > 0 { Outcome::Incomplete } else { Outcome::Clean })
}

fn print(rules: &RuleSet, degraded: &[detect::Degraded], diagnostics: &[model::Diagnostic], ui: &Ui) {
    let mut sources: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for rule in rules.rules() {
        let entry = sources.entry(rule.source.as_str()).or_default();
        entry.0 += 1;
        entry.1.extend(&rule.kinds);
    }
    let rows: Vec<Vec<String>> = sources
        .iter()
        .map(|(source, (count, kinds))| {
            let kinds: Vec<&str> = kinds.iter().copied().collect();
            vec![(*source).to_owned(), count.to_string(), kinds.join(" ")]
        })
        .collect();
    ui.print(table(&["source", "rules", "events"], &rows));
    let (checks, invariant) = rules.unique_checks();
    ui.print(format_args!("\n{checks} different checks, {invariant} of them evaluated once per process"));
    if !degraded.is_empty() {
        let rows: Vec<Vec<String>> = degraded
            .iter()
            .map(|found| {
                let kinds: Vec<&str> = found.missing_kinds.iter().copied().collect();
                let fields: Vec<&str> = found.missing_fields.iter().map(String::as_str).collect();
                let state = if found.blind { "blind" } else { "degraded" };
                vec![found.rule.clone(), state.into(), kinds.join(" "), fields.join(" ")]
            })
            .collect();
        ui.print(format_args!("\n{}", table(&["rule", "state", "events not seen", "fields not fed"], &rows)));
    }
    let count = |level: Level| diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count();
    let (errors, warnings, notes) = (count(Level::Error), count(Level::Warning), count(Level::Note));
    ui.say(format_args!("{}, {}, {}", counted(errors, "error"), counted(warnings, "warning"), counted(notes, "note")));
}
