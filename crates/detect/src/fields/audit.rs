//! `ka.*` and `jevt.*`: Kubernetes audit events (`audit.k8s.io/v1`) as the k8saudit and json plugins of Falco read them.
//!
//! A path through the event visits every item of the arrays on its way; with an index only that item. What is not there
//! gives no value; an array whose items lack the rest of the path gives a list without them.

use std::borrow::Cow;

use model::Body;
use serde_json::Value as Json;

use super::Takes::{Index, KeyAlways, Nothing};
use super::types::Kinds;
use super::{Context, FieldArg, Spec, Takes, Type};
use crate::value::Value;

macro_rules! text {
    ($name:literal, $($path:literal),+) => {
        Spec::new($name, Type::Text, |c, _| scalar(audit(c), &[$($path),+])).on(Kinds::AUDIT)
    };
}

macro_rules! list {
    ($name:literal, $takes:expr, $($path:literal),+) => {
        Spec::new($name, Type::List, |c, arg| listed(audit(c), arg.index(), &[$($path),+], shown)).takes($takes).on(Kinds::AUDIT)
    };
}

macro_rules! containers {
    ($field:literal, $show:expr, $($path:literal),*) => {
        [
            container_field!("containers", $field, $show, $($path),*),
            container_field!("initContainers", $field, $show, $($path),*),
            container_field!("ephemeralContainers", $field, $show, $($path),*),
        ]
    };
}

macro_rules! container_field {
    ($list:literal, $field:literal, $show:expr, $($path:literal),*) => {
        Spec::new(concat!("ka.req.pod.", $list, ".", $field), Type::List, |c, arg| {
            listed(audit(c), arg.index(), &["requestObject", "spec", $list, $($path),*], $show)
        })
        .takes(Index)
        .on(Kinds::AUDIT)
    };
}

const NAME: [Spec; 3] = containers!("name", shown, "name");
const IMAGE: [Spec; 3] = containers!("image", shown, "image");
const REPOSITORY: [Spec; 3] = containers!("image.repository", repository, "image");
const PRIVILEGED: [Spec; 3] = containers!("privileged", shown, "securityContext", "privileged");
const ESCALATION: [Spec; 3] =
    containers!("allow_privilege_escalation", shown, "securityContext", "allowPrivilegeEscalation");
const READ_ONLY: [Spec; 3] = containers!("read_only_fs", shown, "securityContext", "readOnlyRootFilesystem");
const USER: [Spec; 3] = containers!("run_as_user", shown, "securityContext", "runAsUser");
const GROUP: [Spec; 3] = containers!("run_as_group", shown, "securityContext", "runAsGroup");
const PROC_MOUNT: [Spec; 3] = containers!("proc_mount", shown, "securityContext", "procMount");
const CAPABILITIES: [Spec; 3] = containers!("add_capabilities", shown, "securityContext", "capabilities", "add");
const ARGS: [Spec; 3] = containers!("args", words, "args");
const COMMAND: [Spec; 3] = containers!("command", words, "command");
const HOST_PORT: [Spec; 3] = containers!("host_port", host_ports, "ports");
const EFFECTIVE_USER: [Spec; 3] = containers!("eff_run_as_user", effective_user,);
const EFFECTIVE_GROUP: [Spec; 3] = containers!("eff_run_as_group", effective_group,);

/// Fields of audit events.
pub const FIELDS: &[Spec] = &[
    text!("ka.auditid", "auditID"),
    text!("ka.stage", "stage"),
    text!("ka.auth.decision", "annotations", "authorization.k8s.io/decision"),
    text!("ka.auth.reason", "annotations", "authorization.k8s.io/reason"),
    text!("ka.auth.openshift.decision", "annotations", "authentication.openshift.io/decision"),
    text!("ka.auth.openshift.username", "annotations", "authentication.openshift.io/username"),
    text!(
        "ka.validations.admission.policy.failure",
        "annotations",
        "validation.policy.admission.k8s.io/validation_failure"
    ),
    text!("ka.security.pod.violations", "annotations", "pod-security.kubernetes.io/audit-violations"),
    text!("ka.user.name", "user", "username"),
    list!("ka.user.groups", Nothing, "user", "groups"),
    text!("ka.impuser.name", "impersonatedUser", "username"),
    text!("ka.verb", "verb"),
    text!("ka.uri", "requestURI"),
    Spec::new("ka.uri.param", Type::Text, uri_parameter).takes(KeyAlways).on(Kinds::AUDIT),
    text!("ka.target.name", "objectRef", "name"),
    text!("ka.target.namespace", "objectRef", "namespace"),
    text!("ka.target.resource", "objectRef", "resource"),
    text!("ka.target.subresource", "objectRef", "subresource"),
    Spec::new("ka.target.pod.name", Type::Text, pod_name).on(Kinds::AUDIT),
    list!("ka.req.binding.subjects", Nothing, "requestObject", "subjects"),
    Spec::new("ka.req.binding.subjects.user_names", Type::List, |c, _| subjects(c, "User", false)).on(Kinds::AUDIT),
    Spec::new("ka.req.binding.subjects.serviceaccount_names", Type::List, |c, _| subjects(c, "ServiceAccount", false))
        .on(Kinds::AUDIT),
    Spec::new("ka.req.binding.subjects.serviceaccount_ns_names", Type::List, |c, _| {
        subjects(c, "ServiceAccount", true)
    })
    .on(Kinds::AUDIT),
    Spec::new("ka.req.binding.subjects.group_names", Type::List, |c, _| subjects(c, "Group", false)).on(Kinds::AUDIT),
    text!("ka.req.binding.role", "requestObject", "roleRef", "name"),
    Spec::new("ka.req.binding.subject.has_name", Type::Text, |_, _| Value::text("true"))
        .takes(KeyAlways)
        .on(Kinds::AUDIT),
    text!("ka.req.configmap.name", "objectRef", "name"),
    text!("ka.req.configmap.obj", "requestObject", "data"),
    Spec::new("ka.req.container.image", Type::Text, |c, _| first_image(c, shown)).on(Kinds::AUDIT),
    Spec::new("ka.req.container.image.repository", Type::Text, |c, _| first_image(c, repository)).on(Kinds::AUDIT),
    text!("ka.req.pod.host_ipc", "requestObject", "spec", "hostIPC"),
    text!("ka.req.pod.host_network", "requestObject", "spec", "hostNetwork"),
    text!("ka.req.container.host_network", "requestObject", "spec", "hostNetwork"),
    text!("ka.req.pod.host_pid", "requestObject", "spec", "hostPID"),
    Spec::new("ka.req.container.privileged", Type::Text, any_privileged).on(Kinds::AUDIT),
    text!("ka.req.pod.run_as_user", "requestObject", "spec", "securityContext", "runAsUser"),
    text!("ka.req.pod.run_as_group", "requestObject", "spec", "securityContext", "runAsGroup"),
    text!("ka.req.pod.fs_group", "requestObject", "spec", "securityContext", "fsGroup"),
    list!("ka.req.pod.supplemental_groups", Nothing, "requestObject", "spec", "securityContext", "supplementalGroups"),
    list!("ka.req.role.rules", Nothing, "requestObject", "rules"),
    rules("ka.req.role.rules.apiGroups", |c, a| rule_words(c, a, "apiGroups")),
    rules("ka.req.role.rules.nonResourceURLs", |c, a| rule_words(c, a, "nonResourceURLs")),
    rules("ka.req.role.rules.verbs", |c, a| rule_words(c, a, "verbs")),
    rules("ka.req.role.rules.resources", |c, a| rule_words(c, a, "resources")),
    text!("ka.req.service.type", "requestObject", "spec", "type"),
    // One value, the whole array, as the plugin prints it.
    Spec::new("ka.req.service.ports", Type::List, |c, _| match walk(audit(c), &["requestObject", "spec", "ports"]) {
        Some(ports) => Value::List(vec![text_of(ports)]),
        None => Value::Missing,
    })
    .takes(Index)
    .on(Kinds::AUDIT),
    list!("ka.req.pod.volumes.hostpath", Index, "requestObject", "spec", "volumes", "hostPath", "path"),
    Spec::new("ka.req.volume.hostpath", Type::Text, has_host_path).takes(KeyAlways).on(Kinds::AUDIT),
    list!("ka.req.pod.volumes.flexvolume_driver", Index, "requestObject", "spec", "volumes", "flexVolume", "driver"),
    Spec::new("ka.req.pod.volumes.volume_type", Type::List, |c, arg| {
        listed(audit(c), arg.index(), &["requestObject", "spec", "volumes"], volume_types)
    })
    .takes(Index)
    .on(Kinds::AUDIT),
    text!("ka.resp.name", "responseObject", "metadata", "name"),
    text!("ka.response.code", "responseStatus", "code"),
    text!("ka.response.reason", "responseStatus", "reason"),
    text!("ka.useragent", "userAgent"),
    Spec::new("ka.sourceips", Type::List, source_addresses).takes(Index).on(Kinds::AUDIT),
    text!("ka.cluster.name", "annotations", "cluster_name"),
    Spec::new("jevt.value", Type::Text, pointer).takes(KeyAlways).on(Kinds::AUDIT),
    Spec::new("json.value", Type::Text, pointer).takes(KeyAlways).on(Kinds::AUDIT),
    Spec::new("jevt.obj", Type::Text, |c, _| Value::Text(Cow::Owned(audit(c).to_string()))).on(Kinds::AUDIT),
    Spec::new("json.obj", Type::Text, |c, _| Value::Text(Cow::Owned(audit(c).to_string()))).on(Kinds::AUDIT),
    Spec::new("jevt.rawtime", Type::Int, |c, _| Value::Int(c.event.time.as_nanos())).on(Kinds::AUDIT),
    Spec::new("jevt.time", Type::Text, |c, _| Value::Text(Cow::Owned(c.event.time.to_string()))).on(Kinds::AUDIT),
    Spec::new("jevt.time.iso8601", Type::Text, |c, _| Value::Text(Cow::Owned(c.event.time.to_string())))
        .on(Kinds::AUDIT),
    NAME[0],
    NAME[1],
    NAME[2],
    IMAGE[0],
    IMAGE[1],
    IMAGE[2],
    REPOSITORY[0],
    REPOSITORY[1],
    REPOSITORY[2],
    PRIVILEGED[0],
    PRIVILEGED[1],
    PRIVILEGED[2],
    ESCALATION[0],
    ESCALATION[1],
    ESCALATION[2],
    READ_ONLY[0],
    READ_ONLY[1],
    READ_ONLY[2],
    USER[0],
    USER[1],
    USER[2],
    GROUP[0],
    GROUP[1],
    GROUP[2],
    PROC_MOUNT[0],
    PROC_MOUNT[1],
    PROC_MOUNT[2],
    CAPABILITIES[0],
    CAPABILITIES[1],
    CAPABILITIES[2],
    ARGS[0],
    ARGS[1],
    ARGS[2],
    COMMAND[0],
    COMMAND[1],
    COMMAND[2],
    HOST_PORT[0],
    HOST_PORT[1],
    HOST_PORT[2],
    EFFECTIVE_USER[0],
    EFFECTIVE_USER[1],
    EFFECTIVE_USER[2],
    EFFECTIVE_GROUP[0],
    EFFECTIVE_GROUP[1],
    EFFECTIVE_GROUP[2],
];

const fn rules(name: &'static str, get: super::Getter) -> Spec {
    Spec { name, ty: Type::List, takes: Takes::Index, depends: super::Depends::Event, kinds: Kinds::AUDIT, get }
}

pub(super) fn audit<'a>(context: &Context<'a>) -> &'a Json {
    match &context.event.body {
        Body::K8sAudit(body) => &body.audit,
        _ => &Json::Null,
    }
}

/// A scalar as text, anything else as JSON.
fn text_of(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

pub(super) fn walk<'a>(value: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

fn scalar<'a>(value: &'a Json, path: &[&str]) -> Value<'a> {
    walk(value, path).map_or(Value::Missing, |found| Value::Text(text_of(found)))
}

/// What a field makes of a value at the end of its path, given the whole event.
type Show = for<'a> fn(&'a Json, &'a Json, &mut Vec<Cow<'a, str>>);

fn shown<'a>(_: &'a Json, value: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    match value {
        Json::Array(items) => out.extend(items.iter().map(text_of)),
        other => out.push(text_of(other)),
    }
}

/// The items of an array as one text.
fn words<'a>(_: &'a Json, value: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    out.push(Cow::Owned(words.join(" ")));
}

/// The image without tag and digest: what is before the first `:`, as the plugin has it.
fn repository<'a>(_: &'a Json, value: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    let image = value.as_str().unwrap_or_default();
    out.push(Cow::Borrowed(image.split([':', '@']).next().unwrap_or_default()));
}

/// One port of a container. With hostNetwork the container's port is the host's.
fn host_ports<'a>(_: &'a Json, port: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    out.extend(port.get("hostPort").or_else(|| port.get("containerPort")).map(text_of));
}

fn effective_user<'a>(all: &'a Json, container: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    effective(all, container, "runAsUser", out);
}

fn effective_group<'a>(all: &'a Json, container: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    effective(all, container, "runAsGroup", out);
}

fn effective<'a>(all: &'a Json, container: &'a Json, key: &str, out: &mut Vec<Cow<'a, str>>) {
    let own = walk(container, &["securityContext", key]);
    let pods = || walk(all, &["requestObject", "spec", "securityContext", key]);
    out.push(own.or_else(pods).map_or(Cow::Borrowed("0"), text_of));
}

fn volume_types<'a>(_: &'a Json, volume: &'a Json, out: &mut Vec<Cow<'a, str>>) {
    let keys = volume.as_object().into_iter().flat_map(|volume| volume.keys());
    out.extend(keys.filter(|key| *key != "name").map(|key| Cow::Borrowed(key.as_str())));
}

fn listed<'a>(all: &'a Json, index: Option<usize>, path: &[&str], show: Show) -> Value<'a> {
    let mut ends = Vec::new();
    if !visit(all, index, path, &mut ends) {
        return Value::Missing;
    }
    let mut out = Vec::new();
    for end in ends {
        match end {
            // A path that ends in an array of objects means its items (`containers`, `volumes`).
            Json::Array(items) if items.iter().all(Json::is_object) => match index {
                Some(index) => items.get(index).into_iter().for_each(|item| show(all, item, &mut out)),
                None => items.iter().for_each(|item| show(all, item, &mut out)),
            },
            other => show(all, other, &mut out),
        }
    }
    Value::List(out)
}

/// Collects the values at the end of a path; false when the path breaks outside of an array.
fn visit<'a>(value: &'a Json, index: Option<usize>, path: &[&str], out: &mut Vec<&'a Json>) -> bool {
    let Some((key, rest)) = path.split_first() else {
        out.push(value);
        return true;
    };
    match (value, index) {
        (Json::Array(items), None) => {
            for item in items {
                visit(item, index, path, out);
            }
            true
        }
        (Json::Array(items), Some(at)) => items.get(at).is_some_and(|item| visit(item, index, path, out)),
        _ => value.get(key).filter(|next| !next.is_null()).is_some_and(|next| visit(next, index, rest, out)),
    }
}

fn source_addresses<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Some(addresses) = audit(context).get("sourceIPs").and_then(Json::as_array) else { return Value::Missing };
    match arg.index() {
        Some(index) => addresses.get(index).map_or(Value::Missing, |address| Value::List(vec![text_of(address)])),
        None => Value::List(addresses.iter().map(text_of).collect()),
    }
}

fn rule_words<'a>(context: &Context<'a>, arg: &FieldArg, key: &str) -> Value<'a> {
    listed(audit(context), arg.index(), &["requestObject", "rules", key], shown)
}

fn uri_parameter<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let uri = audit(context).get("requestURI").and_then(Json::as_str).unwrap_or_default();
    let Some(name) = arg.key() else { return Value::Missing };
    let query = uri.split('#').next().unwrap_or_default().split_once('?').map_or("", |(_, query)| query);
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decoded(key) == name {
            return Value::Text(decoded(value));
        }
    }
    Value::Missing
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

fn pod_name<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let audit = audit(context);
    let is_pod = walk(audit, &["objectRef", "resource"]).and_then(Json::as_str) == Some("pods");
    let plain = walk(audit, &["objectRef", "subresource"]).is_none();
    if is_pod && plain { scalar(audit, &["responseObject", "metadata", "name"]) } else { Value::Missing }
}

fn subjects<'a>(context: &Context<'a>, kind: &str, namespaced: bool) -> Value<'a> {
    let Some(subjects) = walk(audit(context), &["requestObject", "subjects"]).and_then(Json::as_array) else {
        return Value::List(Vec::new());
    };
    let text = |subject: &'a Json, key: &str| subject.get(key).and_then(Json::as_str);
    let names = subjects.iter().filter(|subject| text(subject, "kind") == Some(kind)).filter_map(|subject| {
        let name = text(subject, "name")?;
        if namespaced {
            Some(Cow::Owned(format!("{}:{name}", text(subject, "namespace")?)))
        } else {
            Some(Cow::Borrowed(name))
        }
    });
    Value::List(names.collect())
}

fn first_image<'a>(context: &Context<'a>, show: Show) -> Value<'a> {
    match listed(audit(context), Some(0), &["requestObject", "spec", "containers", "image"], show) {
        Value::List(images) => images.into_iter().next().map_or(Value::Missing, Value::Text),
        _ => Value::Missing,
    }
}

fn any_privileged<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let Some(containers) = walk(audit(context), &["requestObject", "spec", "containers"]).and_then(Json::as_array)
    else {
        return Value::Missing;
    };
    let privileged = |container: &Json| walk(container, &["securityContext", "privileged"]) == Some(&Json::Bool(true));
    Value::text(if containers.iter().any(privileged) { "true" } else { "false" })
}

/// Whether a volume mounts this path of the host; a `*` at the end makes it a prefix.
fn has_host_path<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let path = ["requestObject", "spec", "volumes", "hostPath", "path"];
    let (Value::List(paths), Some(wanted)) = (listed(audit(context), None, &path, shown), arg.key()) else {
        return Value::Missing;
    };
    let matches = |path: &Cow<'_, str>| match wanted.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == wanted,
    };
    Value::text(if paths.iter().any(matches) { "true" } else { "false" })
}

fn pointer<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let found = arg.key().and_then(|pointer| audit(context).pointer(pointer)).filter(|found| !found.is_null());
    found.map_or(Value::Missing, |found| Value::Text(text_of(found)))
}
