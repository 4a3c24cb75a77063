//! Suites of `gator`: tests of a template with constraints, objects and what is expected of them.
//!
//! Format: `test.gatekeeper.sh/v1alpha1`, kind `Suite`. Files are read by the caller, who alone knows where they are.

use regex::Regex;
use serde_json::Value;

use super::{Constraint, Inventory, Policy, Review, Template};
use crate::rego::Limits;

/// Reads the documents of a file that a suite names, relative to the suite. The error says what and why.
pub type Load<'a> = dyn FnMut(&str) -> Result<Vec<Value>, String> + 'a;

/// Result of one case, or of a whole test when it has no cases to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// Name of the test.
    pub test: String,
    /// Name of the case; empty for the test itself.
    pub case: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected, or it could not be run; why.
    Failed(String),
    /// The suite says to leave it out.
    Skipped,
}

/// Runs a suite.
pub fn run(suite: &Value, load: &mut Load<'_>, limits: &Limits) -> Result<Vec<CaseResult>, String> {
    let group = suite["apiVersion"].as_str().unwrap_or("").starts_with("test.gatekeeper.sh/");
    if suite["kind"] != "Suite" || !group {
        return Err("no Suite of test.gatekeeper.sh".to_owned());
    }
    let mut results = Vec::new();
    for test in suite["tests"].as_array().into_iter().flatten() {
        let name = test["name"].as_str().unwrap_or("(no name)");
        let mut push = |case: &str, outcome| {
            results.push(CaseResult { test: name.to_owned(), case: case.to_owned(), outcome });
        };
        if suite["skip"] == true || test["skip"] == true {
            push("", Outcome::Skipped);
            continue;
        }
        let ready = prepare(test, load);
        if test["invalid"] == true {
            push(
                "",
                match ready {
                    Err(Problem::Constraint(_)) => Outcome::Passed,
                    Err(Problem::Other(reason)) => Outcome::Failed(reason),
                    Ok(_) => Outcome::Failed("the constraint should be invalid, and is not".to_owned()),
                },
            );
            continue;
        }
        let (template, constraint) = match ready {
            Ok(ready) => ready,
            Err(Problem::Constraint(reason) | Problem::Other(reason)) => {
                push("", Outcome::Failed(reason));
                continue;
            }
        };
        for case in test["cases"].as_array().into_iter().flatten() {
            let outcome = if case["skip"] == true {
                Outcome::Skipped
            } else {
                match run_case(case, &template, &constraint, load, limits) {
                    Ok(()) => Outcome::Passed,
                    Err(reason) => Outcome::Failed(reason),
                }
            };
            push(case["name"].as_str().unwrap_or("(no name)"), outcome);
        }
    }
    Ok(results)
}

enum Problem {
    /// The constraint does not follow the template's schema: what `invalid: true` expects.
    Constraint(String),
    Other(String),
}

fn prepare(test: &Value, load: &mut Load<'_>) -> Result<(Template, Constraint), Problem> {
    if test["expansion"].as_str().is_some_and(|path| !path.is_empty()) {
        return Err(Problem::Other("expansion templates are not supported yet".to_owned()));
    }
    let template = one(&test["template"], load).map_err(Problem::Other)?;
    let template = Template::parse(&template).map_err(|error| Problem::Other(chain(&error)))?;
    let constraint = one(&test["constraint"], load).map_err(Problem::Other)?;
    let constraint =
        Constraint::parse(&constraint, &template).map_err(|error| Problem::Constraint(error.to_string()))?;
    Ok((template, constraint))
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn one(path: &Value, load: &mut Load<'_>) -> Result<Value, String> {
    let path = path.as_str().filter(|path| !path.is_empty()).ok_or("the suite names no file")?;
    let mut documents = load(path)?;
    match documents.len() {
        1 => Ok(documents.remove(0)),
        count => Err(format!("{path}: one object is needed, {count} are there")),
    }
}

fn run_case(
    case: &Value,
    template: &Template,
    constraint: &Constraint,
    load: &mut Load<'_>,
    limits: &Limits,
) -> Result<(), String> {
    let object = one(&case["object"], load)?;
    let mut inventory = Inventory::default();
    for path in case["inventory"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        for object in load(path)? {
            inventory.add(&object).map_err(|error| format!("{path}: {error}"))?;
        }
    }
    let review = Review::parse(&object).map_err(|error| error.to_string())?;
    let policy =
        Policy::new(template.clone(), vec![constraint.clone()], &inventory).map_err(|error| error.to_string())?;
    let verdicts = policy.evaluate(&review, &inventory, limits);
    let messages: Vec<&str> =
        verdicts.iter().flat_map(|verdict| &verdict.violations).map(|violation| violation.message.as_str()).collect();
    let assertions = case["assertions"].as_array().map_or(&[][..], Vec::as_slice);
    if assertions.is_empty() {
        return Err("a case needs assertions".to_owned());
    }
    assertions.iter().try_for_each(|assertion| hold(assertion, &messages))
}

fn hold(assertion: &Value, messages: &[&str]) -> Result<(), String> {
    let pattern = match assertion["message"].as_str() {
        Some(pattern) => Some(Regex::new(pattern).map_err(|error| format!("the message {pattern:?}: {error}"))?),
        None => None,
    };
    let count = messages.iter().filter(|message| pattern.as_ref().is_none_or(|regex| regex.is_match(message))).count();
    // YAML readers of this field take a bare `yes` for true.
    let fine = match &assertion["violations"] {
        Value::Null | Value::Bool(true) => count > 0,
        Value::Bool(false) => count == 0,
        Value::String(word) if word == "yes" => count > 0,
        Value::String(word) if word == "no" => count == 0,
        Value::Number(number) => number.as_u64() == Some(count as u64),
        other => return Err(format!("violations must be yes, no or a number, not {other}")),
    };
    if fine {
        return Ok(());
    }
    let of = pattern
        .map_or(String::new(), |pattern| format!(" with a message like {pattern:?}", pattern = pattern.as_str()));
    let wanted = if assertion["violations"].is_null() { "yes".to_owned() } else { assertion["violations"].to_string() };
    Err(format!("{count} violations{of}, expected {wanted}; messages: {messages:?}"))
}
