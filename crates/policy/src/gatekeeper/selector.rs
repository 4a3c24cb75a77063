//! Label selectors of Kubernetes: `matchLabels` and `matchExpressions`.

use serde_json::Value;

use super::constraint::ConstraintError;
use super::matching::texts;

/// A selector; all requirements must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    requirements: Vec<(String, Requirement)>,
}

#[derive(Debug, Clone)]
enum Requirement {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    /// `None` for a selector that is not there; one without requirements selects everything.
    pub fn parse(spec: &Value, path: &str) -> Result<Option<Self>, ConstraintError> {
        if spec.is_null() {
            return Ok(None);
        }
        let wrong = |reason: &str| ConstraintError::at(path, reason);
        let fields = spec.as_object().ok_or_else(|| wrong("not an object"))?;
        let mut requirements = Vec::new();
        if let Some(labels) = fields.get("matchLabels").filter(|labels| !labels.is_null()) {
            for (key, value) in labels.as_object().ok_or_else(|| wrong("matchLabels is no object"))? {
                let value = value.as_str().ok_or_else(|| wrong("a label's value is no text"))?;
                requirements.push((key.clone(), Requirement::In(vec![value.to_owned()])));
            }
        }
        if let Some(expressions) = fields.get("matchExpressions").filter(|expressions| !expressions.is_null()) {
            for expression in expressions.as_array().ok_or_else(|| wrong("matchExpressions is no list"))? {
                requirements.push(requirement(expression, path)?);
            }
        }
        Ok(Some(Self { requirements }))
    }

    pub fn selects(&self, labels: &Value) -> bool {
        self.requirements.iter().all(|(key, requirement)| {
            let value = labels[key].as_str();
            let listed = |values: &[String]| value.is_some_and(|value| values.iter().any(|listed| listed == value));
            match requirement {
                Requirement::In(values) => listed(values),
                Requirement::NotIn(values) => !listed(values),
                Requirement::Exists => value.is_some(),
                Requirement::DoesNotExist => value.is_none(),
            }
        })
    }
}

fn requirement(expression: &Value, path: &str) -> Result<(String, Requirement), ConstraintError> {
    let wrong = |reason: String| ConstraintError::at(path, reason);
    let key = expression["key"].as_str().ok_or_else(|| wrong("an expression has no key".to_owned()))?;
    let values = texts(&expression["values"], path)?;
    let operator = expression["operator"].as_str().unwrap_or("");
    let requirement = match (operator, values.is_empty()) {
        ("In", false) => Requirement::In(values),
        ("NotIn", false) => Requirement::NotIn(values),
        ("Exists", true) => Requirement::Exists,
        ("DoesNotExist", true) => Requirement::DoesNotExist,
        ("In" | "NotIn", true) => return Err(wrong(format!("{operator} needs values"))),
        ("Exists" | "DoesNotExist", false) => return Err(wrong(format!("{operator} takes no values"))),
        _ => return Err(wrong(format!("{operator:?} is none of In, NotIn, Exists, DoesNotExist"))),
    };
    Ok((key.to_owned(), requirement))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(spec: &Value, labels: &Value) -> bool {
        Selector::parse(spec, "/s").unwrap().unwrap().selects(labels)
    }

    #[test]
    fn requirements() {
        let expression = |operator: &str, values: Value| json!({ "matchExpressions": [{ "key": "a", "operator": operator, "values": values }] });
        assert!(selects(&json!({}), &Value::Null));
        assert!(selects(&json!({ "matchLabels": { "a": "1" } }), &json!({ "a": "1", "b": "2" })));
        assert!(!selects(&json!({ "matchLabels": { "a": "1" } }), &json!({ "a": "2" })));
        assert!(selects(&expression("In", json!(["1", "2"])), &json!({ "a": "2" })));
        assert!(selects(&expression("NotIn", json!(["1"])), &json!({})));
        assert!(!selects(&expression("NotIn", json!(["1"])), &json!({ "a": "1" })));
        assert!(selects(&expression("Exists", Value::Null), &json!({ "a": "" })));
        assert!(!selects(&expression("DoesNotExist", Value::Null), &json!({ "a": "" })));
    }

    #[test]
    fn mistakes_are_said() {
        for bad in [
            json!([]),
            json!({ "matchLabels": { "a": 1 } }),
            json!({ "matchExpressions": [{ "key": "a", "operator": "In" }] }),
            json!({ "matchExpressions": [{ "key": "a", "operator": "Is", "values": ["x"] }] }),
            json!({ "matchExpressions": [{ "operator": "Exists" }] }),
        ] {
            assert!(Selector::parse(&bad, "/s").is_err(), "{bad}");
        }
    }
}
