//! The checks that the level *restricted* adds. A function per form; see the table in `checks` for versions.
//!
//! The forms that end in `_linux` leave pods for Windows nodes alone: the API refuses the fields there.

use serde_json::{Value, json};

use super::baseline;
use super::edit::Edit;
use super::pod::{Place, Pod};
use super::{Report, Sink};

/// Sources of volumes that the level allows.
const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

const NON_ROOT_CAUTION: &str = "the image must have a user other than root, by number, or the container will not start";

pub(super) fn privilege_escalation(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        let security = place.security();
        let found = &security["allowPrivilegeEscalation"];
        if found == &Value::Bool(false) {
            continue;
        }
        let path = place.path("securityContext/allowPrivilegeEscalation");
        // The API refuses `false` beside what makes it meaningless, so that goes too.
        let mut edits = Vec::new();
        if security["privileged"] == Value::Bool(true) {
            edits.push(Edit::Set(place.path("securityContext/privileged"), Value::Bool(false)));
        }
        let added = security["capabilities"]["add"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, name) in added.iter().enumerate().rev() {
            if name == "SYS_ADMIN" || name == "CAP_SYS_ADMIN" {
                edits.push(Edit::Remove(place.path(&format!("securityContext/capabilities/add/{index}"))));
            }
        }
        edits.push(Edit::Set(path.clone(), Value::Bool(false)));
        sink.push(Report {
            path,
            found,
            why: format!("{} may gain rights through set-user-id programs", place.name()),
            expected: "false",
            edits: linux_only(pod, edits),
            caution: None,
        });
    }
}

pub(super) fn privilege_escalation_linux(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.is_windows() {
        privilege_escalation(pod, sink);
    }
}

/// In versions that do not exempt Windows pods the API refuses the fix for them: then there is none.
fn linux_only(pod: &Pod<'_>, edits: Vec<Edit>) -> Vec<Edit> {
    if pod.is_windows() { Vec::new() } else { edits }
}

pub(super) fn capabilities(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.containers() {
        let capabilities = &place.security()["capabilities"];
        let dropped = capabilities["drop"].as_array().map_or(&[][..], Vec::as_slice);
        if !dropped.iter().any(|name| name == "ALL") {
            let path = place.path("securityContext/capabilities/drop");
            sink.push(Report {
                path: path.clone(),
                found: &capabilities["drop"],
                why: format!("{} keeps the capabilities that the runtime grants by default", place.name()),
                expected: "a list with \"ALL\"",
                edits: linux_only(pod, vec![Edit::Set(path, json!(["ALL"]))]),
                caution: Some("a program that binds a port below 1024 needs NET_BIND_SERVICE added"),
            });
        }
        baseline::added_capabilities(place, sink, &["NET_BIND_SERVICE"], "at most NET_BIND_SERVICE");
    }
}

pub(super) fn capabilities_linux(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.is_windows() {
        capabilities(pod, sink);
    }
}

pub(super) fn volumes(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for (index, volume) in pod.items("volumes") {
        let Some(fields) = volume.as_object() else { continue };
        let mut sources = fields.iter().filter(|(key, value)| *key != "name" && !value.is_null()).map(|(key, _)| key);
        // A volume without a source is an empty directory: the API server fills it in.
        let Some(first) = sources.clone().next() else { continue };
        if sources.any(|source| VOLUMES.contains(&source.as_str())) {
            continue;
        }
        if !volume["hostPath"].is_null() {
            baseline::host_path(pod, sink, index, volume);
            continue;
        }
        sink.push(Report {
            path: pod.itself().path(&format!("volumes/{index}/{first}")),
            found: &volume[first],
            why: format!("volume {} is of kind {first}, which reaches outside what Kubernetes controls", volume["name"]),
            expected: "configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or secret",
            edits: Vec::new(),
            caution: None,
        });
    }
}

pub(super) fn run_as_non_root(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    const FIELD: &str = "securityContext/runAsNonRoot";
    let is_true = |value: &Value| value == &Value::Bool(true);
    let itself = pod.itself();
    let whole = &itself.security()["runAsNonRoot"];
    let mut explicit = false;
    for place in pod.places() {
        let found = &place.security()["runAsNonRoot"];
        if found.is_null() || is_true(found) {
            continue;
        }
        explicit = true;
        sink.push(Report {
            path: place.path(FIELD),
            found,
            why: format!("{} allows root: a way out of the container starts as root of the node", place.name()),
            expected: "true",
            edits: non_root(place, &place.path(FIELD)),
            caution: Some(NON_ROOT_CAUTION),
        });
    }
    if explicit || is_true(whole) {
        return;
    }
    let silent: Vec<_> = pod.containers().filter(|place| place.security()["runAsNonRoot"].is_null()).collect();
    if silent.is_empty() {
        return;
    }
    let names: Vec<String> = silent.iter().map(Place::name).collect();
    let mut edits = non_root(itself, &itself.path(FIELD));
    edits.extend(silent.iter().flat_map(|place| without_root_user(*place)));
    sink.push(Report {
        path: itself.path(FIELD),
        found: whole,
        why: format!("nothing keeps {} from running as root", names.join(", ")),
        expected: "true",
        edits,
        caution: Some(NON_ROOT_CAUTION),
    });
}

/// `runAsNonRoot: true` beside `runAsUser: 0` is a container that never starts, so the user goes too.
fn non_root(place: Place<'_>, path: &str) -> Vec<Edit> {
    let mut edits = without_root_user(place);
    edits.push(Edit::Set(path.to_owned(), Value::Bool(true)));
    edits
}

fn without_root_user(place: Place<'_>) -> Vec<Edit> {
    let is_root = place.security()["runAsUser"] == json!(0);
    if is_root { vec![Edit::Remove(place.path("securityContext/runAsUser"))] } else { Vec::new() }
}

pub(super) fn run_as_non_root_unless_user_namespace(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.has_user_namespace() {
        run_as_non_root(pod, sink);
    }
}

pub(super) fn run_as_user(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    for place in pod.places() {
        let found = &place.security()["runAsUser"];
        if found == &json!(0) {
            sink.push(Report {
                path: place.path("securityContext/runAsUser"),
                found,
                why: format!("{} runs as root", place.name()),
                expected: "unset or not 0",
                edits: without_root_user(place),
                caution: Some(NON_ROOT_CAUTION),
            });
        }
    }
}

pub(super) fn run_as_user_unless_user_namespace(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.has_user_namespace() {
        run_as_user(pod, sink);
    }
}

pub(super) fn seccomp(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    let itself = pod.itself();
    let whole = &itself.security()["seccompProfile"];
    let mut explicit = false;
    for place in pod.places() {
        let profile = &place.security()["seccompProfile"];
        if !profile.is_null() && !baseline::seccomp_filters(profile) {
            explicit = true;
            baseline::seccomp_off(place, sink);
        }
    }
    if explicit || baseline::seccomp_filters(whole) {
        return;
    }
    let silent: Vec<String> = pod
        .containers()
        .filter(|place| place.security()["seccompProfile"].is_null())
        .map(|place| place.name())
        .collect();
    if silent.is_empty() {
        return;
    }
    let path = itself.path("securityContext/seccompProfile");
    sink.push(Report {
        path: path.clone(),
        found: whole,
        why: format!("no seccomp profile narrows the system calls of {}", silent.join(", ")),
        expected: "RuntimeDefault or Localhost, for the pod or for every container",
        edits: linux_only(pod, vec![Edit::Set(path, json!({ "type": "RuntimeDefault" }))]),
        caution: None,
    });
}

pub(super) fn seccomp_linux(pod: &Pod<'_>, sink: &mut Sink<'_>) {
    if !pod.is_windows() {
        seccomp(pod, sink);
    }
}
