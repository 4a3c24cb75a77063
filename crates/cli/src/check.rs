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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(subcommand)]
        what: What,
    }

    fn run_line(line: &[&str]) -> anyhow::Result<Outcome> {
        let what = Line::try_parse_from([&["check"], line].concat())?.what;
        run(Args { what }, &Ui { progress: false, width: 80 })
    }

    const POD: &str =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostPID: true\n  containers: [{name: a}]\n";

    #[test]
    fn exit_codes_tell_findings_from_what_could_not_be_read() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("pod.yaml"), POD).unwrap();
        std::fs::write(path("broken.yml"), "a: [1\n").unwrap();
        let pod = path("pod.yaml");
        assert_eq!(run_line(&["manifests", &pod]).unwrap(), Outcome::Clean, "no threshold, no finding");
        assert_eq!(run_line(&["manifests", "--fail-on", "high", &pod]).unwrap(), Outcome::Findings);
        let restricted = ["manifests", "--level", "restricted", "--version", "v1.24", "--format", "sarif", &pod];
        assert_eq!(run_line(&restricted).unwrap(), Outcome::Clean);
        let all = dir.path().display().to_string();
        assert_eq!(
            run_line(&["manifests", "--fail-on", "high", "--format", "json", &all]).unwrap(),
            Outcome::Incomplete
        );
        assert!(run_line(&["manifests", "--fail-on", "bad", &pod]).is_err());
        assert!(run_line(&["manifests", &path("gone")]).is_err());
    }

    #[test]
    fn a_copied_node_is_judged_with_what_its_provider_says() {
        let dir = tempfile::TempDir::new().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("root/proc/7/cmdline", "kubelet\0--anonymous-auth=true\0");
        put("table", "id\ta\tl\ts\n1.2.1\tManual\tL1\tPass\n");
        put("bad", "id\n?\n");
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (root, table, bad) = (path("root"), path("table"), path("bad"));
        assert_eq!(run_line(&["node", "--root", &root, "--attested", &table]).unwrap(), Outcome::Clean);
        assert_eq!(
            run_line(&["node", "--root", &root, "--fail-on", "high", "--format", "json"]).unwrap(),
            Outcome::Findings
        );
        assert_eq!(run_line(&["node", "--root", &root, "--attested", &bad]).unwrap(), Outcome::Incomplete);
        assert!(run_line(&["node", "--root", &path("gone")]).is_err());
    }
}
