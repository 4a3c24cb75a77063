//! OpenAPI v3 schemas of parameters, as the API server applies them to custom resources: defaults, then validation.
//!
//! Keywords: those that structural schemas may use. Unknown fields are no error (the API server drops them), and a
//! keyword that is not known here is left to the cluster.

use serde_json::Value;

use super::constraint::ConstraintError;

/// Schemas inside schemas; also what ends a hostile one.
const MAX_DEPTH: usize = 64;

/// Fills in `default` where a value is missing.
pub(super) fn fill_defaults(value: &mut Value, schema: &Value) {
    fill(value, schema, 0);
}

fn fill(value: &mut Value, schema: &Value, depth: usize) {
    if depth == MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let default = &schema["default"];
                if !fields.contains_key(name) && !default.is_null() {
                    fields.insert(name.clone(), default.clone());
                }
                if let Some(field) = fields.get_mut(name) {
                    fill(field, schema, depth + 1);
                }
            }
            let others = &schema["additionalProperties"];
            if others.is_object() {
                for (_, field) in fields.iter_mut().filter(|(name, _)| schema["properties"].get(name).is_none()) {
                    fill(field, others, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill(item, &schema["items"], depth + 1);
            }
        }
        _ => {}
    }
}

/// Checks a value.
pub(super) fn validate(value: &Value, schema: &Value, path: &str) -> Result<(), ConstraintError> {
    check(value, schema, path, 0)
}

fn check(value: &Value, schema: &Value, path: &str, depth: usize) -> Result<(), ConstraintError> {
    if !schema.is_object() {
        return Ok(());
    }
    if depth == MAX_DEPTH {
        return Err(ConstraintError::at(path, format!("nested deeper than {MAX_DEPTH}")));
    }
    if value.is_null() && schema["nullable"] == true {
        return Ok(());
    }
    check_type(value, schema, path)?;
    check_choices(value, schema, path, depth)?;
    match value {
        Value::String(text) => check_text(text, schema, path),
        Value::Number(_) => check_number(value, schema, path),
        Value::Array(items) => check_list(items, schema, path, depth),
        Value::Object(fields) => check_object(fields, schema, path, depth),
        _ => Ok(()),
    }
}

fn wrong(path: &str, reason: impl Into<String>) -> ConstraintError {
    ConstraintError::at(path, reason)
}

fn check_type(value: &Value, schema: &Value, path: &str) -> Result<(), ConstraintError> {
    if schema["x-kubernetes-int-or-string"] == true {
        let fine = value.is_string() || value.is_i64() || value.is_u64();
        return if fine { Ok(()) } else { Err(wrong(path, "neither a whole number nor a text")) };
    }
    let Some(wanted) = schema["type"].as_str() else { return Ok(()) };
    let fine = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    if fine { Ok(()) } else { Err(wrong(path, format!("{} where the schema asks for {wanted}", kind(value)))) }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_choices(value: &Value, schema: &Value, path: &str, depth: usize) -> Result<(), ConstraintError> {
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        return Err(wrong(path, format!("{value} is none of {}", Value::Array(choices.clone()))));
    }
    let schemas = |name: &str| schema[name].as_array().map_or(&[][..], Vec::as_slice);
    let holds = |schema: &Value| check(value, schema, path, depth + 1).is_ok();
    for schema in schemas("allOf") {
        check(value, schema, path, depth + 1)?;
    }
    if !schemas("anyOf").is_empty() && !schemas("anyOf").iter().any(holds) {
        return Err(wrong(path, "matches none of anyOf"));
    }
    if !schemas("oneOf").is_empty() && schemas("oneOf").iter().filter(|schema| holds(schema)).count() != 1 {
        return Err(wrong(path, "does not match exactly one of oneOf"));
    }
    if schema["not"].is_object() && holds(&schema["not"]) {
        return Err(wrong(path, "matches what it must not"));
    }
    Ok(())
}

fn check_text(text: &str, schema: &Value, path: &str) -> Result<(), ConstraintError> {
    let length = text.chars().count() as u64;
    check_size(length, schema, ["minLength", "maxLength"], "characters", path)?;
    if let Some(pattern) = schema["pattern"].as_str() {
        match regex::Regex::new(pattern) {
            Ok(regex) if regex.is_match(text) => {}
            Ok(_) => return Err(wrong(path, format!("{text:?} does not match {pattern:?}"))),
            Err(_) => return Err(wrong(path, format!("the schema's pattern {pattern:?} cannot be used"))),
        }
    }
    Ok(())
}

fn check_number(value: &Value, schema: &Value, path: &str) -> Result<(), ConstraintError> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    if let Some(least) = schema["minimum"].as_f64() {
        let below = number < least || (schema["exclusiveMinimum"] == true && number <= least);
        if below {
            return Err(wrong(path, format!("{value} is below {least}")));
        }
    }
    if let Some(most) = schema["maximum"].as_f64() {
        let above = number > most || (schema["exclusiveMaximum"] == true && number >= most);
        if above {
            return Err(wrong(path, format!("{value} is above {most}")));
        }
    }
    match schema["multipleOf"].as_f64() {
        Some(step) if step > 0.0 && (number / step).fract() != 0.0 => {
            Err(wrong(path, format!("{value} is no multiple of {step}")))
        }
        _ => Ok(()),
    }
}

fn check_size(
    size: u64,
    schema: &Value,
    [least, most]: [&str; 2],
    what: &str,
    path: &str,
) -> Result<(), ConstraintError> {
    let few = schema[least].as_u64().is_some_and(|least| size < least);
    let many = schema[most].as_u64().is_some_and(|most| size > most);
    if few || many {
        let bound = if few { least } else { most };
        return Err(wrong(path, format!("{size} {what}, and the schema says {bound} {}", schema[bound])));
    }
    Ok(())
}

fn check_list(items: &[Value], schema: &Value, path: &str, depth: usize) -> Result<(), ConstraintError> {
    check_size(items.len() as u64, schema, ["minItems", "maxItems"], "items", path)?;
    if schema["uniqueItems"] == true && items.iter().enumerate().any(|(index, item)| items[..index].contains(item)) {
        return Err(wrong(path, "an item is there twice"));
    }
    for (index, item) in items.iter().enumerate() {
        check(item, &schema["items"], &format!("{path}/{index}"), depth + 1)?;
    }
    Ok(())
}

fn check_object(
    fields: &serde_json::Map<String, Value>,
    schema: &Value,
    path: &str,
    depth: usize,
) -> Result<(), ConstraintError> {
    check_size(fields.len() as u64, schema, ["minProperties", "maxProperties"], "fields", path)?;
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Err(wrong(path, format!("{name} is required")));
        }
    }
    for (name, value) in fields {
        let known = schema["properties"].get(name);
        let schema = known.unwrap_or(&schema["additionalProperties"]);
        check(value, schema, &format!("{path}/{name}"), depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refuses(schema: &Value, value: &Value, expected: &str) {
        assert_eq!(validate(value, schema, "/p").unwrap_err().to_string(), expected);
    }

    #[test]
    fn defaults_are_filled_in_at_every_depth() {
        let schema = json!({ "properties": {
            "a": { "default": 1 },
            "o": { "default": {}, "properties": { "b": { "default": [] } } },
            "l": { "items": { "properties": { "c": { "default": "x" } } } },
        } });
        let mut value = json!({ "l": [{}, { "c": "y" }] });
        fill_defaults(&mut value, &schema);
        assert_eq!(value, json!({ "a": 1, "o": { "b": [] }, "l": [{ "c": "x" }, { "c": "y" }] }));
    }

    #[test]
    fn values_are_checked() {
        let schema = json!({ "type": "object", "required": ["n"], "properties": {
            "n": { "type": "integer", "minimum": 1, "maximum": 9 },
            "s": { "type": "string", "pattern": "^a", "maxLength": 3, "enum": ["a", "ab", "abcd"] },
            "l": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } },
            "x": { "x-kubernetes-int-or-string": true },
        }, "additionalProperties": { "type": "boolean" } });
        for fine in [
            json!({ "n": 1 }),
            json!({ "n": 9, "s": "ab", "l": ["a"], "x": "1", "z": true }),
            json!({ "n": 2, "x": 1 }),
        ] {
            validate(&fine, &schema, "/p").unwrap();
        }
        refuses(&schema, &json!([]), "/p: array where the schema asks for object");
        refuses(&schema, &json!({}), "/p: n is required");
        refuses(&schema, &json!({ "n": 0 }), "/p/n: 0 is below 1");
        refuses(&schema, &json!({ "n": 1.5 }), "/p/n: number where the schema asks for integer");
        refuses(&schema, &json!({ "n": 1, "s": "b" }), "/p/s: \"b\" is none of [\"a\",\"ab\",\"abcd\"]");
        refuses(&schema, &json!({ "n": 1, "s": "abcd" }), "/p/s: 4 characters, and the schema says maxLength 3");
        refuses(&schema, &json!({ "n": 1, "l": [] }), "/p/l: 0 items, and the schema says minItems 1");
        refuses(&schema, &json!({ "n": 1, "l": ["a", "a"] }), "/p/l: an item is there twice");
        refuses(&schema, &json!({ "n": 1, "l": [1] }), "/p/l/0: number where the schema asks for string");
        refuses(&schema, &json!({ "n": 1, "x": 1.5 }), "/p/x: neither a whole number nor a text");
        refuses(&schema, &json!({ "n": 1, "z": 1 }), "/p/z: number where the schema asks for boolean");
    }

    #[test]
    fn alternatives() {
        let schema = json!({ "oneOf": [{ "required": ["a"] }, { "required": ["b"] }], "not": { "required": ["c"] } });
        validate(&json!({ "a": 1 }), &schema, "/p").unwrap();
        refuses(&schema, &json!({ "a": 1, "b": 1 }), "/p: does not match exactly one of oneOf");
        refuses(&schema, &json!({ "a": 1, "c": 1 }), "/p: matches what it must not");
        validate(&json!(null), &json!({ "type": "string", "nullable": true }), "/p").unwrap();
    }

    #[test]
    fn depth_is_limited() {
        let mut schema = json!({});
        let mut value = json!(1);
        for _ in 0..=MAX_DEPTH {
            schema = json!({ "items": schema });
            value = json!([value]);
        }
        assert!(validate(&value, &schema, "").unwrap_err().to_string().ends_with("nested deeper than 64"));
    }
}
