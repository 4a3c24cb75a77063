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
