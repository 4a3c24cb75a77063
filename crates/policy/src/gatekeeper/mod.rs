//! Gatekeeper's admission policies, unmodified: constraint templates, constraints, match, verdicts.
//!
//! Semantics: the Gatekeeper and OPA constraint framework documentation, and their behaviour where that is silent.
//! An object goes in with what is known of its cluster; a [`Verdict`] per matching constraint comes out. An evaluation
//! that fails is a violation with the error's text, as there: it denies. What it is not (yet): mutation, expansion,
//! external data providers, the CEL engine of templates; a template that has only CEL is refused and says so.

mod constraint;
mod inventory;
mod matching;
mod review;
mod schema;
mod selector;
pub mod suite;
mod template;

#[cfg(test)]
mod tests;

use model::{Enforcement, Verdict, Violation};
use serde_json::{Map, Value, json};

pub use constraint::{Constraint, ConstraintError};
pub use inventory::{Inventory, InventoryError};
pub use review::{Operation, Review, ReviewError, Source};
pub use template::{Template, TemplateError};

use crate::rego::{EvalError, Limits, Program};

/// Violations of one constraint and object that are kept. Gatekeeper keeps all; a policy that makes a million is
/// broken, and the count beyond is said in the last one.
const MAX_VIOLATIONS: usize = 1_000;

/// A template with its constraints and what they may look up, ready to judge objects.
#[derive(Debug)]
pub struct Policy {
    template: Template,
    program: Program,
    constraints: Vec<Constraint>,
}

impl Policy {
    /// Binds a template to objects of the cluster (used only when the template reads `data.inventory`).
    pub fn new(template: Template, constraints: Vec<Constraint>, inventory: &Inventory) -> Result<Self, EvalError> {
        let program = if template.program.uses_inventory {
            template.program.with_inventory(inventory.as_data())?
        } else {
            template.program.clone()
        };
        Ok(Self { template, program, constraints })
    }

    /// The template.
    pub const fn template(&self) -> &Template {
        &self.template
    }

    /// What every constraint that matches says of an object. No verdict: the constraint does not match.
    pub fn evaluate(&self, review: &Review, inventory: &Inventory, limits: &Limits) -> Vec<Verdict> {
        let namespace = review.namespace().and_then(|name| inventory.namespace(name));
        let mut request = review.request().clone();
        request.insert("namespaceObject".to_owned(), namespace.cloned().unwrap_or(Value::Null));
        let request = Value::Object(request);
        self.constraints
            .iter()
            .filter_map(|constraint| match constraint.matches(review, namespace) {
                Ok(false) => None,
                Ok(true) => Some(self.verdict(constraint, &request, limits)),
                Err(error) => Some(failed(constraint, &error.to_string())),
            })
            .collect()
    }

    fn verdict(&self, constraint: &Constraint, request: &Value, limits: &Limits) -> Verdict {
        let input = json!({ "review": request, "parameters": constraint.parameters() });
        let members = match self.program.evaluate(input, limits) {
            Ok(members) => members,
            Err(error) => return failed(constraint, &error.to_string()),
        };
        let mut violations: Vec<Violation> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            // A member without a message is no result there either.
            let Some(message) = member.get("msg") else { continue };
            let Some(message) = message.as_str() else {
                return failed(constraint, &format!("the message of a violation is no text: {message}"));
            };
            if violations.len() == MAX_VIOLATIONS {
                let more = format!("and {} more violations", members.len() - index);
                violations.push(Violation { message: more, path: None, details: json!({}) });
                break;
            }
            let details = member.get("details").cloned().unwrap_or_else(|| Value::Object(Map::new()));
            violations.push(Violation { message: message.to_owned(), path: None, details });
        }
        verdict(constraint, violations, None)
    }
}

fn failed(constraint: &Constraint, error: &str) -> Verdict {
    let violation = Violation { message: error.to_owned(), path: None, details: json!({}) };
    verdict(constraint, vec![violation], Some(error.to_owned()))
}

fn verdict(constraint: &Constraint, violations: Vec<Violation>, error: Option<String>) -> Verdict {
    Verdict { policy: constraint.id(), enforcement: constraint.enforcement(), violations, patches: Vec::new(), error }
}

/// Whether any verdict refuses the object.
pub fn denies(verdicts: &[Verdict]) -> bool {
    verdicts.iter().any(|verdict| verdict.enforcement == Enforcement::Deny && !verdict.violations.is_empty())
}
