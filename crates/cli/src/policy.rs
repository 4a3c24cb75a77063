//! `seawall policy`: admission policies without a cluster.

mod eval;
mod suites;

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use limits::yaml::{self, YamlLimits};
use policy::rego::Limits;
use serde_json::Value;

use crate::Outcome;
use crate::check::files::Input;
use crate::ui::Ui;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Judge objects by a Gatekeeper template and its constraints.
    Eval(eval::Args),
    /// Run Gatekeeper suites (`suite.yaml`), as `gator verify` does.
    Test(suites::Args),
}

/// Runs the command.
pub fn run(args: Args, ui: &Ui) -> anyhow::Result<Outcome> {
    match args.what {
        What::Eval(args) => eval::run(&args, ui),
        What::Test(args) => suites::run(&args, ui),
    }
}

/// The objects of a file: every document, lists opened.
fn objects(input: &Input) -> anyhow::Result<Vec<Value>> {
    let name = input.name();
    let text = input.read()?;
    let (nodes, diagnostics) = yaml::load(&text, &name, &YamlLimits::DEFAULT);
    if let Some(problem) = diagnostics.first() {
        anyhow::bail!("{}", problem.render(&text));
    }
    let mut objects = Vec::new();
    for object in nodes.iter().map(yaml::Node::to_json) {
        match &object["items"] {
            Value::Array(items) if object["kind"] == "List" => objects.extend(items.iter().cloned()),
            _ => objects.push(object),
        }
    }
    Ok(objects)
}

/// The one object that a file is expected to have.
fn object(path: &Path) -> anyhow::Result<Value> {
    let mut found = objects(&Input::File(path.to_path_buf()))?;
    anyhow::ensure!(found.len() == 1, "{}: one object is needed, {} are there", path.display(), found.len());
    found.pop().context("no object")
}

/// What policies may use: the clock of this moment.
fn limits_now() -> Limits {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Limits::at(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Files that are read again and again, such as a suite's template.
#[derive(Default)]
struct Files(HashMap<std::path::PathBuf, Vec<Value>>);

impl Files {
    fn load(&mut self, path: &Path) -> Result<Vec<Value>, String> {
        if let Some(found) = self.0.get(path) {
            return Ok(found.clone());
        }
        let found = objects(&Input::File(path.to_path_buf())).map_err(|error| format!("{error:#}"))?;
        self.0.insert(path.to_path_buf(), found.clone());
        Ok(found)
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
        let what = Line::try_parse_from([&["policy"], line].concat())?.what;
        run(Args { what }, &Ui { progress: false, width: 80 })
    }

    const TEMPLATE: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: nolatest}
spec:
  crd: {spec: {names: {kind: NoLatest}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package nolatest
      violation[{"msg": msg}] {
        image := input.review.object.spec.containers[_].image
        endswith(image, ":latest")
        msg := sprintf("%v floats", [image])
      }
"#;
    const CONSTRAINT: &str = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: NoLatest\nmetadata: {name: c}\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: 'a:latest'}]}\n";
    const SUITE: &str = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n- name: t\n  template: t.yaml\n  \
        constraint: c.yaml\n  cases: [{name: x, object: p.yaml, assertions: [{violations: EXPECTED}]}]\n";

    #[test]
    fn exit_codes_tell_refusals_from_what_could_not_be_used() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let put = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        put("t.yaml", TEMPLATE);
        put("c.yaml", CONSTRAINT);
        put("p.yaml", POD);
        let (template, constraint, pod) = (path("t.yaml"), path("c.yaml"), path("p.yaml"));
        let eval = ["eval", "--template", &template, "--constraint", &constraint, "--object", &pod];
        assert_eq!(run_line(&eval).unwrap(), Outcome::Clean);
        assert_eq!(
            run_line(&[&eval[..], &["--fail-on-deny", "--format", "json"]].concat()).unwrap(),
            Outcome::Findings
        );
        let swapped = ["eval", "--template", &constraint, "--constraint", &template, "--object", &pod];
        assert!(format!("{:#}", run_line(&swapped).unwrap_err()).contains("is no ConstraintTemplate"));
        let suite = path("suite.yaml");
        put("suite.yaml", &SUITE.replace("EXPECTED", "yes"));
        assert_eq!(run_line(&["test", &suite]).unwrap(), Outcome::Clean);
        put("suite.yaml", &SUITE.replace("EXPECTED", "no"));
        assert_eq!(run_line(&["test", &dir.path().display().to_string()]).unwrap(), Outcome::Findings);
        put("suite.yaml", "a: [");
        assert!(run_line(&["test", &suite]).is_err(), "nothing was run");
    }
}
