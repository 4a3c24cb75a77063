//! Constraints: where a template applies, with which parameters, and what a violation does.

use model::Enforcement;
use serde_json::{Map, Value};

use super::matching::{Match, MatchError};
use super::review::Review;
use super::schema;
use super::template::Template;

/// A constraint of a template.
#[derive(Debug, Clone)]
pub struct Constraint {
    kind: String,
    name: String,
    enforcement: Enforcement,
    parameters: Value,
    matcher: Match,
}

/// Why a constraint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConstraintError {
    /// It is of another kind than the template's.
    #[error("{found} is no constraint of the template for {expected}")]
    Kind {
        /// Its kind.
        found: String,
        /// The template's.
        expected: String,
    },
    /// It does not follow the template's schema.
    #[error("{path}: {reason}")]
    Schema {
        /// JSON pointer into the constraint.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl ConstraintError {
    pub(super) fn at(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Schema { path: path.into(), reason: reason.into() }
    }
}

impl Constraint {
    /// Reads a constraint of `template`; defaults of the parameters' schema are filled in, as the API server does.
    pub fn parse(object: &Value, template: &Template) -> Result<Self, ConstraintError> {
        let kind = object["kind"].as_str().unwrap_or("an object without a kind");
        let group = object["apiVersion"].as_str().unwrap_or("").starts_with("constraints.gatekeeper.sh/");
        if kind != template.kind || !group {
            return Err(ConstraintError::Kind { found: kind.to_owned(), expected: template.kind.clone() });
        }
        let name = object["metadata"]["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ConstraintError::at("/metadata/name", "missing"))?.to_owned();
        let spec = &object["spec"];
        if !spec.is_null() && !spec.is_object() {
            return Err(ConstraintError::at("/spec", "not an object"));
        }
        let mut parameters = spec["parameters"].clone();
        if parameters.is_null() {
            parameters = Value::Object(Map::new());
        }
        schema::fill_defaults(&mut parameters, &template.schema);
        schema::validate(&parameters, &template.schema, "/spec/parameters")?;
        let enforcement = enforcement(spec)?;
        let matcher = Match::parse(&spec["match"])?;
        Ok(Self { kind: kind.to_owned(), name, enforcement, parameters, matcher })
    }

    /// `Kind/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// What a violation does.
    pub const fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    pub(super) const fn parameters(&self) -> &Value {
        &self.parameters
    }

    pub(super) fn matches(&self, review: &Review, namespace: Option<&Value>) -> Result<bool, MatchError> {
        self.matcher.matches(review, namespace)
    }
}

fn enforcement(spec: &Value) -> Result<Enforcement, ConstraintError> {
    let action = match &spec["enforcementAction"] {
        Value::Null => "deny",
        Value::String(action) => action.as_str(),
        _ => return Err(ConstraintError::at("/spec/enforcementAction", "not a text")),
    };
    Ok(match action {
        "deny" => Enforcement::Deny,
        "warn" => Enforcement::Warn,
        "dryrun" => Enforcement::Dryrun,
        "scoped" => scoped(&spec["scopedEnforcementActions"]),
        other => {
            let reason = format!("{other:?} is none of deny, warn, dryrun, scoped");
            return Err(ConstraintError::at("/spec/enforcementAction", reason));
        }
    })
}

/// The strongest action for admission; a constraint that names none for it only audits.
fn scoped(actions: &Value) -> Enforcement {
    let points = |action: &Value| {
        action["enforcementPoints"].as_array().is_some_and(|points| {
            points.iter().any(|point| point["name"] == "*" || point["name"] == "validation.gatekeeper.sh")
        })
    };
    let actions: Vec<&Value> = actions.as_array().into_iter().flatten().filter(|action| points(action)).collect();
    let has = |name: &str| actions.iter().any(|action| action["action"] == name);
    if has("deny") {
        Enforcement::Deny
    } else if has("warn") {
        Enforcement::Warn
    } else if has("dryrun") {
        Enforcement::Dryrun
    } else {
        Enforcement::Audit
    }
}
