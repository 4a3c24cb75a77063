//! `seawall policy eval`.

use std::path::PathBuf;

use anyhow::Context as _;
use model::{Enforcement, Verdict};
use policy::gatekeeper::{Constraint, Inventory, Policy, Review, Template};
use serde::Serialize;

use crate::Outcome;
use crate::check::files;
use crate::ui::Ui;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing is refused, 1 something is (with --fail-on-deny), 2 a file cannot be read or used.")]
pub struct Args {
    /// The constraint template.
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// Its constraints; may be given again, a file may have several.
    #[arg(long = "constraint", required = true, value_name = "FILE")]
    constraints: Vec<PathBuf>,
    /// Objects or admission reviews to judge: files, directories, or - for stdin; may be given again.
    #[arg(long = "object", required = true, value_name = "FILE")]
    objects: Vec<PathBuf>,
    /// Other objects of the cluster that the policy may look up: files or directories; may be given again.
    #[arg(long = "inventory", value_name = "FILE")]
    inventory: Vec<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Exit with 1 when an object is refused.
    #[arg(long)]
    fail_on_deny: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

/// What is said of one object.
#[derive(Serialize)]
struct Judged {
    object: String,
    verdicts: Vec<Verdict>,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let path = args.template.display();
    let template = super::object(&args.template)?;
    let template = Template::parse(&template).with_context(|| format!("{path}: the template cannot be used"))?;
    let mut constraints = Vec::new();
    for input in files::find(&args.constraints, &["yaml", "yml", "json"])? {
        for object in super::objects(&input)? {
            let parsed = Constraint::parse(&object, &template);
            constraints.push(parsed.with_context(|| format!("{}: the constraint cannot be used", input.name()))?);
        }
    }
    let mut inventory = Inventory::default();
    for input in files::find(&args.inventory, &["yaml", "yml", "json"])? {
        for object in super::objects(&input)? {
            inventory.add(&object).with_context(|| input.name())?;
        }
    }
    let policy = Policy::new(template, constraints, &inventory)?;
    let limits = super::limits_now();
    let mut judged = Vec::new();
    for input in files::find(&args.objects, &["yaml", "yml", "json"])? {
        for object in super::objects(&input)? {
            let review = Review::parse(&object).with_context(|| input.name())?;
            let verdicts = policy.evaluate(&review, &inventory, &limits);
            judged.push(Judged { object: name(&object, &input.name()), verdicts });
        }
    }
    let refused = judged.iter().filter(|judged| policy::gatekeeper::denies(&judged.verdicts)).count();
    match args.format {
        Format::Json => ui.print_json(&judged)?,
        Format::Table => table(&judged, refused, ui),
    }
    Ok(if refused > 0 && args.fail_on_deny { Outcome::Findings } else { Outcome::Clean })
}

fn name(object: &serde_json::Value, file: &str) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("?");
    format!("{file}: {} {}", text("/kind"), text("/metadata/name"))
}

fn table(judged: &[Judged], refused: usize, ui: &Ui) {
    for Judged { object, verdicts } in judged {
        let violations: usize = verdicts.iter().map(|verdict| verdict.violations.len()).sum();
        match (verdicts.is_empty(), violations) {
            (true, _) => ui.print(format_args!("{object}: no constraint matches")),
            (false, 0) => ui.print(format_args!("{object}: conforms")),
            (false, _) => ui.print(format_args!("{object}")),
        }
        for verdict in verdicts {
            for violation in &verdict.violations {
                let error = if verdict.error.is_some() { " (error)" } else { "" };
                let action = action(verdict.enforcement);
                ui.print(format_args!("  {action:<6}  [{}]{error} {}", verdict.policy, violation.message));
            }
        }
    }
    ui.print(format_args!("{} judged, {refused} refused", judged.len()));
}

const fn action(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Deny => "deny",
        Enforcement::Warn => "warn",
        Enforcement::Dryrun => "dryrun",
        Enforcement::Audit => "audit",
    }
}
