//! `seawall check`: manifests and nodes against hardening controls.

pub mod files;
mod manifests;
mod node;

use model::Severity;

use crate::Outcome;
use crate::ui::Ui;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Kubernetes manifests against the Pod Security Standards; each failure with its place and a patch.
    Manifests(manifests::Args),
    /// This node, or a mounted or copied one: files and kubelet settings, aligned with CIS Kubernetes 1.12 §4.
    Node(node::Args),
}

/// Runs the command.
pub fn run(args: Args, ui: &Ui) -> anyhow::Result<Outcome> {
    match args.what {
        What::Manifests(args) => manifests::run(&args, ui),
        What::Node(args) => node::run(&args, ui),
    }
}

/// Reads the severity of `--fail-on`.
fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_word(text)
        .filter(|severity| *severity != Severity::Unknown)
        .ok_or_else(|| "one of low, medium, high, critical".to_owned())
}

/// What the results come to: what could not be done outranks findings, for it may hide worse.
fn outcome(incomplete: bool, worst: Option<Severity>, fail_on: Option<Severity>) -> Outcome {
    match (incomplete, worst, fail_on) {
        (true, _, _) => Outcome::Incomplete,
        (false, Some(worst), Some(threshold)) if worst >= threshold => Outcome::Findings,
        _ => Outcome::Clean,
    }
}
