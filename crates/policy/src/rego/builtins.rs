//! Built-in functions that are ours: deprecated ones that templates still use, those whose results differ in the
//! interpreter, and those that would reach outside.
//!
//! Semantics: OPA's policy reference, section "Built-in Functions". An operand of the wrong type is *undefined*.

use std::cell::Cell;

use regorus::{Engine, Value};

use super::sprintf::sprintf;

thread_local! {
    /// What `time.now_ns` tells during the evaluation that runs on this thread.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// The clock of one evaluation; the one before is set again when it is dropped.
pub(super) struct Clock(i64);

impl Clock {
    pub(super) fn set(now: i64) -> Self {
        Self(NOW.replace(now))
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        NOW.set(self.0);
    }
}

type Function = fn(&[Value]) -> Option<Value>;

const FUNCTIONS: &[(&str, u8, Function)] = &[
    ("sprintf", 2, |args| match args {
        [Value::String(format), Value::Array(values)] => Some(Value::from(sprintf(format, values.iter()))),
        _ => None,
    }),
    ("object.get", 3, object_get),
    ("time.now_ns", 0, |_| Some(Value::from(NOW.get()))),
    ("any", 1, |args| collection(args).map(|items| Value::from(items.contains(&Value::Bool(true))))),
    ("all", 1, |args| collection(args).map(|items| Value::from(items.iter().all(|item| *item == Value::Bool(true))))),
    ("re_match", 2, |args| match args {
        [Value::String(pattern), Value::String(text)] => {
            regex::Regex::new(pattern).ok().map(|pattern| Value::from(pattern.is_match(text)))
        }
        _ => None,
    }),
    ("set_diff", 2, |args| match args {
        [Value::Set(left), Value::Set(right)] => {
            let left = left.iter().filter(|item| !right.contains(item)).cloned();
            Some(Value::from(left.collect::<std::collections::BTreeSet<_>>()))
        }
        _ => None,
    }),
    ("cast_array", 1, |args| collection(args).map(Value::from)),
    ("cast_string", 1, |args| matches!(args, [Value::String(_)]).then(|| args[0].clone())),
    ("cast_boolean", 1, |args| matches!(args, [Value::Bool(_)]).then(|| args[0].clone())),
    ("cast_null", 1, |args| matches!(args, [Value::Null]).then(|| args[0].clone())),
    ("cast_object", 1, |args| matches!(args, [Value::Object(_)]).then(|| args[0].clone())),
    ("external_data", 1, |_| Some(no_provider())),
];

/// Installs the functions. They win over the interpreter's own of the same name.
pub(super) fn install(engine: &mut Engine) {
    for (name, arity, function) in FUNCTIONS {
        let function = *function;
        let extension = move |args: Vec<Value>| Ok(function(&args).unwrap_or(Value::Undefined));
        // Fails only for a name that is there already, and names are unique.
        drop(engine.add_extension((*name).to_owned(), *arity, Box::new(extension)));
    }
}

fn collection(args: &[Value]) -> Option<Vec<Value>> {
    match args {
        [Value::Array(items)] => Some(items.iter().cloned().collect()),
        [Value::Set(items)] => Some(items.iter().cloned().collect()),
        _ => None,
    }
}

/// `object.get(object, key, default)`; a list as key is a path.
fn object_get(args: &[Value]) -> Option<Value> {
    let [object @ Value::Object(_), key, default] = args else { return None };
    let Value::Array(path) = key else {
        return Some(member(object, key).unwrap_or_else(|| default.clone()));
    };
    let mut here = object.clone();
    for key in path.iter() {
        match member(&here, key) {
            Some(next) => here = next,
            None => return Some(default.clone()),
        }
    }
    Some(here)
}

fn member(value: &Value, key: &Value) -> Option<Value> {
    match value {
        Value::Object(entries) => entries.get(key).cloned(),
        Value::Array(items) => {
            let index = usize::try_from(key.as_u64().ok()?).ok()?;
            items.get(index).cloned()
        }
        Value::Set(items) => items.contains(key).then(|| key.clone()),
        _ => None,
    }
}

/// What Gatekeeper answers for a provider that it does not know: templates look at `system_error`.
fn no_provider() -> Value {
    Value::from(serde_json::json!({
        "errors": [], "responses": [], "status_code": 400,
        "system_error": "external data providers are not available here",
    }))
}
