//! `seawall check node`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use limits::json::JsonLimits;
use model::{ControlResult, ControlState, NodeFacts, Severity, Timestamp};
use posture::node::{PROFILE, control_of, judge};
use serde::Serialize;

use crate::Outcome;
use crate::ui::{self, Ui};

/// Size of a `/configz` answer: a complete configuration is under 20 kB.
const MAX_CONFIGZ_BYTES: u64 = 1 << 20;

/// Size of a provider's table: the one for AKS is under 4 kB.
const MAX_TABLE_BYTES: u64 = 1 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A fact that cannot be read gives `unreachable`, never a pass or a fail.
Exit codes: 0 done, 1 a failure of at least the severity of --fail-on, 2 facts could not be taken.")]
pub struct Args {
    /// Where the node's root directory is: a mounted host (/host) or a copy of its files.
    #[arg(long, default_value = "/", value_name = "DIR")]
    root: PathBuf,
    /// Name of the node; its host name by default.
    #[arg(long)]
    node: Option<String>,
    /// Name of the cluster, for the results' scope.
    #[arg(long, default_value = "")]
    cluster: String,
    /// The running configuration: the output of `kubectl get --raw /api/v1/nodes/NODE/proxy/configz`.
    #[arg(long, value_name = "FILE")]
    configz: Option<PathBuf>,
    /// What the provider of a managed cluster says of controls that cannot be seen from here: a table with the columns
    /// id, assessment, level and status, separated by tabs.
    #[arg(long, value_name = "FILE")]
    attested: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Exit with 1 when a failure is at least this severe: low, medium, high.
    #[arg(long, value_name = "SEVERITY", value_parser = super::severity)]
    fail_on: Option<Severity>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Output<'a> {
    facts: &'a NodeFacts,
    results: &'a [ControlResult],
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let configz = match &args.configz {
        Some(path) => Some(limits::json::parse(&limits::read_file(path, MAX_CONFIGZ_BYTES)?, &JsonLimits::RECORD)?),
        None => None,
    };
    let facts = host::take(host::Options { root: args.root.clone(), node: args.node.clone(), taken: now(), configz })?;
    let mut results = judge(&facts, &args.cluster);
    let understood = match &args.attested {
        Some(path) => attest(path, &mut results, ui)?,
        None => true,
    };
    match args.format {
        Format::Json => ui.print_json(&Output { facts: &facts, results: &results })?,
        Format::Table => table(&facts, &results, ui),
    }
    let failed = results.iter().filter(|result| result.state == ControlState::Fail);
    let worst = failed.filter_map(control_of).map(|control| control.severity).max();
    Ok(super::outcome(!understood, worst, args.fail_on))
}

/// Adds a provider's statements; whether all lines of them were understood.
fn attest(path: &Path, results: &mut Vec<ControlResult>, ui: &Ui) -> anyhow::Result<bool> {
    let text = limits::read_text(path, MAX_TABLE_BYTES)?;
    let (statements, diagnostics) = posture::attest::parse(&text, &path.display().to_string());
    for diagnostic in &diagnostics {
        ui.say(diagnostic.render(&text));
    }
    if let Some(subject) = results.first().map(|result| result.subject.clone()) {
        posture::attest::complete(results, &statements, PROFILE, &path.display().to_string(), &subject);
    }
    Ok(diagnostics.is_empty())
}

/// The clock; engines get it as a parameter.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn table(facts: &NodeFacts, results: &[ControlResult], ui: &Ui) {
    let rows: Vec<Vec<String>> = results
        .iter()
        .map(|result| {
            let severity = control_of(result).map_or(Severity::Unknown, |control| control.severity);
            let id = result.control.rsplit('/').next().unwrap_or_default().to_owned();
            vec![word(result.state).to_owned(), id, severity.to_string(), result.title.clone()]
        })
        .collect();
    ui.print(ui::table(&["STATE", PROFILE, "SEVERITY", "CONTROL"], &rows));
    let quiet = [ControlState::Pass, ControlState::NotApplicable, ControlState::AttestedByProvider];
    for result in results.iter().filter(|result| !quiet.contains(&result.state)) {
        ui.print(format_args!("\n{} {}: {}", word(result.state), result.control, result.title));
        for evidence in &result.evidence {
            let found = if evidence.found.is_null() { "nothing".to_owned() } else { evidence.found.to_string() };
            ui.print(format_args!("  {}: found {found}, expected {}", evidence.path, evidence.expected));
        }
        if !result.remediation.text.is_empty() {
            ui.print(format_args!("  {}", result.remediation.text));
        }
        if let Some(command) = &result.remediation.command {
            ui.print(format_args!("  $ {command}"));
        }
    }
    let count = |state| results.iter().filter(|result| result.state == state).count();
    // A copy of a node's files has no running kernel.
    let kernel = if facts.kernel.is_empty() { String::new() } else { format!(", kernel {}", facts.kernel) };
    ui.print(format_args!(
        "\n{} ({}{kernel}): {} pass, {} fail, {} attested by the provider, {} need a person, {} unreachable, {} not applicable",
        facts.node,
        facts.os,
        count(ControlState::Pass),
        count(ControlState::Fail),
        count(ControlState::AttestedByProvider),
        count(ControlState::NeedsAPerson),
        count(ControlState::Unreachable),
        count(ControlState::NotApplicable),
    ));
    for fact in &facts.unreadable {
        ui.print(format_args!("not read: {}: {}", fact.what, fact.reason));
    }
}

const fn word(state: ControlState) -> &'static str {
    match state {
        ControlState::Pass => "pass",
        ControlState::Fail => "FAIL",
        ControlState::AttestedByProvider => "attested",
        ControlState::NotApplicable => "n/a",
        ControlState::NeedsAPerson => "person",
        ControlState::Unreachable => "unreachable",
    }
}
