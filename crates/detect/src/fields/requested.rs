//! `ka.pod.*`, `ka.role.*`, `ka.service.*`: what a request to the Kubernetes API asks for, whatever the form of its body.
//!
//! Falco's `ka.req.*` fields know a body that is the object itself, and a pod that is not in a template. Here a pod is
//! found in every kind that has a template of one, and a JSON patch (RFC 6902) is read as the object that its values are
//! parts of. What it is not: the object after the request; of a patch only what it changes is there.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::audit::{audit, walk};
use super::types::Kinds;
use super::{Context, FieldArg, Spec, Type};
use crate::value::Value;

/// Fields of audit events that Falco does not have.
pub const FIELDS: &[Spec] = &[
    Spec::new("ka.pod.images", Type::Text, images).on(Kinds::AUDIT),
    Spec::new("ka.pod.privileged", Type::Text, privileged).on(Kinds::AUDIT),
    Spec::new("ka.pod.hostpaths", Type::Text, host_paths).on(Kinds::AUDIT),
    Spec::new("ka.role.grants", Type::Text, grants).on(Kinds::AUDIT),
    Spec::new("ka.service.type", Type::Text, service_type).on(Kinds::AUDIT),
    Spec::new("ka.service.names", Type::Text, service_names).on(Kinds::AUDIT),
    Spec::new("ka.service.ports", Type::List, service_ports).on(Kinds::AUDIT),
];

/// Where a pod's spec is: in a pod, in what makes pods, in what makes what makes pods.
const POD_SPECS: [&[&str]; 3] =
    [&["spec"], &["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"]];

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Operations of a JSON patch that are read: a patch of more is a program's, and each costs a copy of its value.
const MAX_OPERATIONS: usize = 256;

/// Steps of the path of an operation: a container of a cron job is eleven deep, and what is deeper is nothing that is
/// asked for here.
const MAX_DEPTH: usize = 32;

/// Rights of a role that are written out as pairs of verb and resource.
const MAX_GRANTS: usize = 4_096;

/// The bodies of a request: one, or one for each operation of a JSON patch.
fn bodies<'a>(context: &Context<'a>) -> Vec<Cow<'a, Json>> {
    match audit(context).get("requestObject") {
        Some(object @ Json::Object(_)) => vec![Cow::Borrowed(object)],
        Some(Json::Array(operations)) => {
            operations.iter().take(MAX_OPERATIONS).filter_map(operation).map(Cow::Owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The object of which the value of a JSON patch's operation is a part.
fn operation(operation: &Json) -> Option<Json> {
    let text = |key: &str| operation.get(key).and_then(Json::as_str);
    if !matches!(text("op"), Some("add" | "replace")) {
        return None;
    }
    let keys: Vec<&str> = text("path")?.split('/').skip(1).take(MAX_DEPTH + 1).collect();
    let mut value = operation.get("value").filter(|_| keys.len() <= MAX_DEPTH)?.clone();
    for key in keys.into_iter().rev() {
        let is_index = key == "-" || (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()));
        value = if is_index {
            Json::Array(vec![value])
        } else {
            Json::Object(Map::from_iter([(key.replace("~1", "/").replace("~0", "~"), value)]))
        };
    }
    Some(value)
}

/// The items of a list, or nothing.
fn items<'a>(value: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> + use<'a> {
    value.get(key).and_then(Json::as_array).into_iter().flatten()
}

fn pod_specs(body: &Json) -> impl Iterator<Item = &Json> {
    POD_SPECS.iter().filter_map(|path| walk(body, path))
}

fn containers(body: &Json) -> impl Iterator<Item = &Json> {
    pod_specs(body).flat_map(|spec| CONTAINERS.iter().flat_map(move |list| items(spec, list)))
}

/// Texts as the JSON of a list, so that a rule can ask for a beginning, an end and a whole; no value without any.
fn quoted<'a>(texts: Vec<Json>) -> Value<'a> {
    if texts.is_empty() { Value::Missing } else { Value::Text(Cow::Owned(Json::Array(texts).to_string())) }
}

fn images<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found = Vec::new();
    for body in bodies(context) {
        found.extend(containers(&body).filter_map(|container| container.get("image")).cloned());
    }
    quoted(found)
}

fn privileged<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found = None;
    for body in bodies(context) {
        for flag in containers(&body).filter_map(|container| walk(container, &["securityContext", "privileged"])) {
            found = Some(found == Some(true) || flag == &Json::Bool(true));
        }
    }
    found.map_or(Value::Missing, |found| Value::text(if found { "true" } else { "false" }))
}

fn host_paths<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found = Vec::new();
    for body in bodies(context) {
        let volumes = pod_specs(&body).flat_map(|spec| items(spec, "volumes"));
        let paths = volumes.filter_map(|volume| walk(volume, &["hostPath", "path"]).and_then(Json::as_str));
        found.extend(paths.map(|path| Json::String(plain(path))));
    }
    quoted(found)
}

/// A path without what does not change where it leads. Kubernetes refuses `..`.
fn plain(path: &str) -> String {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    format!("/{}", names.join("/"))
}

/// `VERB RESOURCE`, or `VERB PATH`, for each pair that one rule of a role grants; which verb goes with which resource is lost in
/// `ka.req.role.rules.*`.
fn grants<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found = Vec::new();
    for body in bodies(context) {
        for rule in items(&body, "rules") {
            let objects = items(rule, "resources").chain(items(rule, "nonResourceURLs"));
            for object in objects.filter_map(Json::as_str) {
                let verbs = items(rule, "verbs").filter_map(Json::as_str);
                found.extend(verbs.map(|verb| Json::String(format!("{verb} {object}"))));
                if found.len() > MAX_GRANTS {
                    return quoted(found);
                }
            }
        }
    }
    quoted(found)
}

fn service_type<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let found = bodies(context).iter().find_map(|body| Some(walk(body, &["spec", "type"])?.as_str()?.to_owned()));
    found.map_or(Value::Missing, |found| Value::Text(Cow::Owned(found)))
}

/// The whole object where the answer has it, else what the request says of it.
fn whole<'a>(context: &Context<'a>) -> Vec<Cow<'a, Json>> {
    match audit(context).get("responseObject") {
        Some(object @ Json::Object(fields)) if fields.contains_key("spec") => vec![Cow::Borrowed(object)],
        _ => bodies(context),
    }
}

/// The name of a service and the values of its labels and its selector.
fn service_names<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found: Vec<Json> = walk(audit(context), &["objectRef", "name"]).into_iter().cloned().collect();
    for object in whole(context) {
        found.extend(walk(&object, &["metadata", "generateName"]).cloned());
        for path in [["metadata", "labels"], ["spec", "selector"]] {
            found.extend(walk(&object, &path).and_then(Json::as_object).into_iter().flat_map(Map::values).cloned());
        }
    }
    quoted(found)
}

fn service_ports<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let mut found = Vec::new();
    for object in whole(context) {
        for port in walk(&object, &["spec"]).into_iter().flat_map(|spec| items(spec, "ports")) {
            let numbers = ["port", "targetPort"].into_iter().filter_map(|key| port.get(key)?.as_u64());
            found.extend(numbers.map(|number| Cow::Owned(number.to_string())));
        }
    }
    Value::List(found)
}
