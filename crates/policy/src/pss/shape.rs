//! Whether a pod has the shape that the checks rely on.
//!
//! The API server refuses what is found here before any admission check sees it. A manifest on disk was not seen by
//! an API server, and a check that finds nothing because a list is an object must not say that all is well.

use serde_json::Value;

use super::edit::escape;
use super::pod::Pod;

/// A place of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// JSON pointer from the object's root.
    pub path: String,
    /// What is wrong, lower case, without a final dot.
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Object,
    Array,
    Text,
    Flag,
    Integer,
}

use Type::{Array, Flag, Integer, Object, Text};

/// Fields of the pod itself; `*` stands for every element of a list or every value of a map.
const POD: &[(&str, Type)] = &[
    ("metadata", Object),
    ("metadata/annotations", Object),
    ("metadata/annotations/*", Text),
    ("spec", Object),
    ("spec/hostNetwork", Flag),
    ("spec/hostPID", Flag),
    ("spec/hostIPC", Flag),
    ("spec/hostUsers", Flag),
    ("spec/os", Object),
    ("spec/os/name", Text),
    ("spec/volumes", Array),
    ("spec/volumes/*", Object),
    ("spec/securityContext/sysctls", Array),
    ("spec/securityContext/sysctls/*", Object),
    ("spec/securityContext/sysctls/*/name", Text),
];

/// Fields of a container.
const CONTAINER: &[(&str, Type)] = &[
    ("", Object),
    ("ports", Array),
    ("ports/*", Object),
    ("ports/*/hostPort", Integer),
    ("securityContext/privileged", Flag),
    ("securityContext/allowPrivilegeEscalation", Flag),
    ("securityContext/procMount", Text),
    ("securityContext/capabilities", Object),
    ("securityContext/capabilities/add", Array),
    ("securityContext/capabilities/add/*", Text),
    ("securityContext/capabilities/drop", Array),
    ("securityContext/capabilities/drop/*", Text),
    ("livenessProbe", Object),
    ("readinessProbe", Object),
    ("startupProbe", Object),
    ("lifecycle", Object),
];

/// Fields that the pod's and the containers' security contexts share.
const SECURITY: &[(&str, Type)] = &[
    ("securityContext", Object),
    ("securityContext/runAsNonRoot", Flag),
    ("securityContext/runAsUser", Integer),
    ("securityContext/seLinuxOptions", Object),
    ("securityContext/seLinuxOptions/type", Text),
    ("securityContext/seLinuxOptions/user", Text),
    ("securityContext/seLinuxOptions/role", Text),
    ("securityContext/seccompProfile", Object),
    ("securityContext/seccompProfile/type", Text),
    ("securityContext/appArmorProfile", Object),
    ("securityContext/appArmorProfile/type", Text),
    ("securityContext/windowsOptions", Object),
    ("securityContext/windowsOptions/hostProcess", Flag),
];

/// Handlers of probes and of the life cycle, each with two places where a host can stand.
const HANDLERS: &[&str] =
    &["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"];

pub(super) fn problems(pod: &Pod<'_>) -> Vec<Malformed> {
    let mut found = Vec::new();
    let template = [("metadata", pod.metadata), ("spec", pod.spec)];
    for (pattern, wanted) in POD {
        for (name, value) in template {
            if let Some(rest) = pattern.strip_prefix(name) {
                walk(value, rest.trim_start_matches('/'), *wanted, &pod.path(&format!("/{name}")), &mut found);
            }
        }
    }
    let mut without_containers = true;
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let path = pod.path(&format!("/spec/{list}"));
        walk(&pod.spec[list], "", Array, &path, &mut found);
        without_containers &= pod.spec[list].is_null();
    }
    if without_containers {
        found.push(Malformed { path: pod.path("/spec/containers"), message: "a pod without containers".to_owned() });
    }
    for place in pod.places() {
        let base = place.path("");
        let base = base.trim_end_matches('/');
        for (pattern, wanted) in SECURITY {
            walk(place.value, pattern, *wanted, base, &mut found);
        }
        if place.is_pod() {
            continue;
        }
        for (pattern, wanted) in CONTAINER {
            walk(place.value, pattern, *wanted, base, &mut found);
        }
        for handler in HANDLERS {
            for action in ["httpGet", "tcpSocket"] {
                walk(place.value, &format!("{handler}/{action}"), Object, base, &mut found);
                walk(place.value, &format!("{handler}/{action}/host"), Text, base, &mut found);
            }
        }
    }
    found
}

/// Follows a pattern; null and missing are fine everywhere, as for the API server.
fn walk(value: &Value, pattern: &str, wanted: Type, path: &str, found: &mut Vec<Malformed>) {
    if value.is_null() {
        return;
    }
    let (head, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    match (head, value) {
        ("", _) => check(value, wanted, path, found),
        ("*", Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}/{index}");
                if item.is_null() {
                    found.push(Malformed { path, message: "null in a list".to_owned() });
                } else {
                    walk(item, rest, wanted, &path, found);
                }
            }
        }
        ("*", Value::Object(items)) => {
            for (key, item) in items {
                walk(item, rest, wanted, &format!("{path}/{}", escape(key)), found);
            }
        }
        // A parent of the wrong type is reported by its own pattern.
        _ => walk(&value[head], rest, wanted, &format!("{path}/{head}"), found),
    }
}

fn check(value: &Value, wanted: Type, path: &str, found: &mut Vec<Malformed>) {
    let (right, name) = match wanted {
        Object => (value.is_object(), "an object"),
        Array => (value.is_array(), "a list"),
        Text => (value.is_string(), "a text"),
        Flag => (value.is_boolean(), "true or false"),
        Integer => (value.is_i64() || value.is_u64(), "a whole number"),
    };
    if !right {
        let shown: String = value.to_string().chars().take(40).collect();
        found.push(Malformed { path: path.to_owned(), message: format!("{shown} where {name} belongs") });
    }
}
