//! Edits of a JSON object and their RFC 6902 form.

use serde_json::{Map, Value, json};

/// A change of one place, named by a JSON pointer from the object's root.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// The place has this value afterwards; parents that are missing or null are made.
    Set(String, Value),
    /// The place is gone afterwards. Nothing happens when it is not there.
    Remove(String),
}

/// Applies an RFC 6902 patch; `None` when it does not fit the object.
pub fn apply(object: &Value, patch: &[Value]) -> Option<Value> {
    let patch: json_patch::Patch = serde_json::from_value(Value::Array(patch.to_vec())).ok()?;
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).ok()?;
    Some(object)
}

/// The edits as operations, each made against what the ones before it leave behind.
pub(super) fn to_patch(object: &Value, edits: &[Edit]) -> Vec<Value> {
    let mut current = object.clone();
    let mut patch = Vec::new();
    for edit in edits {
        let Some(operation) = operation(&current, edit) else { continue };
        if let Some(next) = apply(&current, std::slice::from_ref(&operation)) {
            current = next;
            patch.push(operation);
        }
    }
    patch
}

fn operation(object: &Value, edit: &Edit) -> Option<Value> {
    match edit {
        Edit::Remove(path) => {
            object.pointer(path)?;
            Some(json!({ "op": "remove", "path": path }))
        }
        Edit::Set(path, value) => {
            let (at, missing) = deepest_parent(object, path);
            let value = missing.iter().rev().fold(value.clone(), |inner, key| {
                let mut outer = Map::new();
                outer.insert(unescape(key), inner);
                Value::Object(outer)
            });
            let op = if object.pointer(at).is_some() && !at.ends_with("/-") { "replace" } else { "add" };
            Some(json!({ "op": op, "path": at, "value": value }))
        }
    }
}

/// The pointer at which a value has to be put so that `path` exists afterwards, and the keys that are missing below it.
fn deepest_parent<'a>(object: &Value, path: &'a str) -> (&'a str, Vec<&'a str>) {
    let mut end = 0;
    for key in path.split('/').skip(1) {
        end += 1 + key.len();
        let here = &path[..end];
        if object.pointer(here).is_none_or(Value::is_null) {
            return (here, path[end..].split('/').skip(1).collect());
        }
    }
    (path, Vec::new())
}

/// Escapes a key for a JSON pointer (RFC 6901 §3).
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
