//! The language, case by case: what Falco's own engine makes of a rule file, a condition or an output, and what ours
//! must make of it.
//!
//! Each case was predicted from Falco's sources (engine 0.63: rule loader, filter parser and compiler, formatter; the
//! k8saudit and json plugins) before ours was run. Where ours differs on purpose the case says why.

mod audit;
mod conditions;
mod grammar;
mod loading;
mod outputs;
mod requested;
mod warnings;

use model::{Body, Diagnostic, Event, Level};

use crate::{CompileOptions, Engine, Matches, Matching, RuleSet, Source};

/// Compiles files, named `f0.yaml`, `f1.yaml`, ….
fn compile(files: &[&str]) -> (RuleSet, Vec<Diagnostic>) {
    let sources: Vec<Source> =
        files.iter().enumerate().map(|(index, text)| Source::new(format!("f{index}.yaml"), *text)).collect();
    RuleSet::compile(&sources, &CompileOptions { matching: Matching::All, ..CompileOptions::default() })
}

/// A file with one rule.
fn rule(condition: &str, output: &str, source: &str) -> String {
    let (condition, output) = (serde_json::json!(condition), serde_json::json!(output));
    format!(
        "- rule: r\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: INFO\n  source: {source}\n"
    )
}

fn source_of(event: &Event) -> &'static str {
    if matches!(event.body, Body::K8sAudit(_)) { "k8s_audit" } else { "syscall" }
}

/// Codes of diagnostics that are at least so bad, in their order.
fn codes(diagnostics: &[Diagnostic], least: Level) -> Vec<&str> {
    diagnostics.iter().filter(|d| d.level >= least).map(|d| d.code.as_str()).collect()
}

/// Whether an event matches a condition; the code of the error when it does not compile.
fn holds(condition: &str, event: &Event) -> Result<bool, String> {
    let (rules, diagnostics) = compile(&[&rule(condition, "o", source_of(event))]);
    if let Some(code) = codes(&diagnostics, Level::Error).first() {
        return Err((*code).to_owned());
    }
    let mut found = Matches::new();
    Engine::new(rules).evaluate(event, &mut found);
    Ok(!found.is_empty())
}

/// Checks conditions: `true`, `false`, or a code when it is refused.
fn check(event: &Event, cases: &[(&str, &str)]) {
    for (condition, expected) in cases {
        let found = holds(condition, event).map_or_else(|code| code, |holds| holds.to_string());
        assert_eq!(found, *expected, "{condition}");
    }
}

/// The output of a rule for an event, without the fields that are added to each.
fn output(output: &str, event: &Event) -> String {
    let (rules, _) = compile(&[&rule("evt.num exists", output, source_of(event))]);
    let mut found = Matches::new();
    Engine::new(rules).evaluate(event, &mut found);
    let shown = found.first().map(|found| found.output.clone()).unwrap_or_default();
    shown.split(" container_id=").next().unwrap_or_default().to_owned()
}
