//! `seawall check manifests`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{Diagnostic, Level as Gravity, Severity};
use policy::pss::{Level, Version};
use posture::manifests::{Finding, Report, to_sarif};

use crate::Outcome;
use crate::ui::{Ui, counted};

use super::files;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 done, 1 a failure of at least the severity of --fail-on, 2 something could not be read or judged.")]
pub struct Args {
    /// Files, directories (searched for .yaml, .yml and .json), or - for stdin.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Level of the standards.
    #[arg(long, value_enum, default_value_t = LevelArg::Restricted)]
    level: LevelArg,
    /// Version of the standards: `latest` or `v1.N`.
    #[arg(long = "version", alias = "pss-version", default_value = "latest", value_name = "VERSION")]
    pss_version: Version,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Exit with 1 when a failure is at least this severe: low, medium, high.
    #[arg(long, value_name = "SEVERITY", value_parser = super::severity)]
    fail_on: Option<Severity>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    Baseline,
    Restricted,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
    Sarif,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let level = match args.level {
        LevelArg::Baseline => Level::Baseline,
        LevelArg::Restricted => Level::Restricted,
    };
    let mut report = Report::default();
    let mut texts = BTreeMap::new();
    for input in files::find(&args.paths, &["yaml", "yml", "json"])? {
        match input.read() {
            Ok(text) => {
                let before = report.diagnostics.len();
                report.add(&text, &input.name(), level, args.pss_version);
                if report.diagnostics.len() > before {
                    texts.insert(input.name(), text);
                }
            }
            Err(error) => {
                let message = format!("{error:#}");
                report.diagnostics.push(Diagnostic::new("manifest/unreadable", Gravity::Error, &input.name(), message));
            }
        }
    }
    match args.format {
        Format::Table => table(&report, level, args.pss_version, ui),
        Format::Json => ui.print_json(&report)?,
        Format::Sarif => ui.print_json(&to_sarif(&report, env!("CARGO_PKG_VERSION")))?,
    }
    for diagnostic in &report.diagnostics {
        ui.say(diagnostic.render(texts.get(&diagnostic.span.source).map_or("", String::as_str)));
    }
    Ok(super::outcome(report.is_incomplete(), report.worst(), args.fail_on))
}

fn table(report: &Report, level: Level, version: Version, ui: &Ui) {
    let mut object = None;
    for finding in &report.findings {
        let subject = &finding.result.subject;
        if object != Some(subject) {
            let namespace = subject.scope.namespace.as_ref().map_or(String::new(), |name| format!(" in {name}"));
            let file = subject.file.as_deref().unwrap_or("");
            ui.print(format_args!("{file}: {} {}{namespace}", subject.kind, subject.name));
            object = Some(subject);
        }
        one(finding, ui);
    }
    ui.print(summary(report, level, version));
}

fn one(finding: &Finding, ui: &Ui) {
    let evidence = finding.result.evidence.first();
    let path = evidence.map_or("", |evidence| evidence.path.as_str());
    let line = finding.position.map_or(String::new(), |position| format!(" (line {})", position.line));
    ui.print(format_args!("  {:<6}  {}  {path}{line}", finding.severity, finding.result.control));
    ui.print(format_args!("          {}", finding.message));
    let operations = &finding.result.remediation.patch;
    if operations.is_empty() {
        ui.print(format_args!("          no patch: {}", evidence.map_or("", |evidence| evidence.expected.as_str())));
    } else {
        ui.print(format_args!("          patch: {}", serde_json::Value::Array(operations.clone())));
    }
    if let Some(caution) = &finding.caution {
        ui.print(format_args!("          note: {caution}"));
    }
}

fn summary(report: &Report, level: Level, version: Version) -> String {
    let failures = report.findings.len();
    let mut by_severity = BTreeMap::new();
    for finding in &report.findings {
        *by_severity.entry(std::cmp::Reverse(finding.severity)).or_insert(0_usize) += 1;
    }
    let severities: Vec<String> =
        by_severity.iter().map(|(severity, count)| format!("{count} {}", severity.0)).collect();
    let clean = report.checked.iter().filter(|checked| checked.failures == 0).count();
    let mut lines = vec![format!(
        "{level} {version}: {} with pods checked, {clean} clean, {}{}",
        counted(report.checked.len(), "object"),
        counted(failures, "failure"),
        if severities.is_empty() { String::new() } else { format!(" ({})", severities.join(", ")) },
    )];
    let kinds = |kinds: &BTreeMap<String, usize>| {
        kinds.iter().map(|(kind, count)| format!("{kind} ×{count}")).collect::<Vec<_>>().join(", ")
    };
    if !report.without_pod.is_empty() {
        lines.push(format!("not checked, no pod: {}", kinds(&report.without_pod)));
    }
    if !report.unknown_kinds.is_empty() {
        lines.push(format!("not checked, kind unknown (pods may come of it): {}", kinds(&report.unknown_kinds)));
    }
    if report.not_objects > 0 {
        lines.push(format!("not checked, no Kubernetes object: {}", counted(report.not_objects, "document")));
    }
    let broken = report.diagnostics.iter().filter(|diagnostic| diagnostic.level == Gravity::Error).count();
    if broken > 0 {
        lines.push(format!("not checked, or not in full: {}", counted(broken, "problem")));
    }
    lines.join("\n")
}
