//! `container.*` and `k8s.*`: where it happened.

use std::borrow::Cow;

use model::{Attribution, Body, ImageRef, Timestamp};

use super::Takes::Key;
use super::types::Kinds;
use super::{Context, FieldArg, Spec, Type};
use crate::value::Value;

/// Events that tell the runtime's configuration of a container.
const CONTAINER: Kinds = Kinds(1 << 23);

/// Fields of the place.
pub const FIELDS: &[Spec] = &[
    Spec::new("container.id", Type::Text, |c, _| id(c, 12)).of_process(),
    Spec::new("container.full_id", Type::Text, |c, _| id(c, usize::MAX)).of_process(),
    Spec::new("container.name", Type::Text, |c, _| match &c.event.scope.container {
        Some(container) => Value::known(&container.name),
        None => host(c),
    })
    .of_process(),
    Spec::new("container.image", Type::Text, |c, _| image(c, |image| Value::known(&image.reference))).of_process(),
    Spec::new("container.image.repository", Type::Text, |c, _| {
        image(c, |image| Value::known(parts(&image.reference).0))
    })
    .of_process(),
    Spec::new("container.image.tag", Type::Text, |c, _| image(c, |image| Value::known(parts(&image.reference).1)))
        .of_process(),
    Spec::new("container.image.digest", Type::Text, |c, _| image(c, |image| Value::maybe(image.digest.as_deref())))
        .of_process(),
    Spec::new("container.image.id", Type::Text, |c, _| image(c, |image| Value::maybe(image.config_digest.as_deref())))
        .of_process(),
    Spec::new("container.privileged", Type::Bool, |c, _| {
        let known = c.event.scope.container.as_ref().and_then(|container| container.privileged);
        match (known, &c.event.body) {
            (Some(privileged), _) => Value::Bool(privileged),
            (None, Body::Container(phase)) => Value::Bool(phase.privileged),
            _ => Value::Missing,
        }
    }),
    Spec::new("container.start_ts", Type::Int, |c, _| {
        Value::int(c.containers.started(c.event).map(Timestamp::as_nanos))
    }),
    Spec::new("container.duration", Type::Int, |c, _| {
        let since = |started: Timestamp| c.event.time.as_nanos().saturating_sub(started.as_nanos()).max(0);
        Value::int(c.containers.started(c.event).map(since))
    }),
    Spec::new("container.serves", Type::Bool, |c, _| c.containers.serves(c.event).map_or(Value::Missing, Value::Bool)),
    Spec::new("container.builds", Type::Bool, |c, _| c.containers.builds(c.event).map_or(Value::Missing, Value::Bool)),
    Spec::new("container.on_node", Type::Bool, |c, _| {
        c.containers.on_node(c.event).map_or(Value::Missing, Value::Bool)
    })
    .of_process(),
    Spec::new("proc.entered", Type::Bool, |c, _| c.containers.entered(c.event).map_or(Value::Missing, Value::Bool)),
    Spec::new("container.type", Type::Text, |c, _| match &c.event.body {
        Body::Container(phase) => Value::known(&phase.runtime),
        _ => Value::Missing,
    })
    .on(CONTAINER),
    Spec::new("container.mounts", Type::Text, |c, _| mounts(c)).on(CONTAINER),
    Spec::new("container.mount", Type::Text, |c, arg| mount(c, arg, |m| Cow::Owned(shown(m)))).takes(Key).on(CONTAINER),
    Spec::new("container.mount.source", Type::Text, |c, arg| mount_by(c, arg, false)).takes(Key).on(CONTAINER),
    Spec::new("container.mount.dest", Type::Text, |c, arg| mount_by(c, arg, true)).takes(Key).on(CONTAINER),
    Spec::new("k8s.ns.name", Type::Text, |c, _| Value::maybe(c.event.scope.namespace.as_deref())).of_process(),
    Spec::new("k8s.pod.name", Type::Text, |c, _| Value::maybe(c.event.scope.pod.as_ref().map(|pod| pod.name.as_str())))
        .of_process(),
    Spec::new("k8s.pod.uid", Type::Text, |c, _| Value::maybe(c.event.scope.pod.as_ref().map(|pod| pod.uid.as_str())))
        .of_process(),
    Spec::new("k8s.pod.id", Type::Text, |c, _| Value::maybe(c.event.scope.pod.as_ref().map(|pod| pod.uid.as_str())))
        .of_process(),
    Spec::new("k8s.pod.label", Type::Text, label).takes(super::Takes::KeyAlways).on(CONTAINER),
    Spec::new("k8s.pod.labels", Type::Text, |c, _| match &c.event.body {
        Body::Container(phase) if !phase.labels.is_empty() => {
            let pairs: Vec<String> = phase.labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            Value::Text(Cow::Owned(pairs.join(", ")))
        }
        _ => Value::Missing,
    })
    .on(CONTAINER),
    Spec::new("k8s.workload.kind", Type::Text, |c, _| {
        Value::maybe(c.event.scope.workload.as_ref().map(|w| w.kind.as_str()))
    })
    .of_process(),
    Spec::new("k8s.workload.name", Type::Text, |c, _| {
        Value::maybe(c.event.scope.workload.as_ref().map(|w| w.name.as_str()))
    })
    .of_process(),
    Spec::new("k8s.cluster.name", Type::Text, |c, _| Value::known(&c.event.scope.cluster)).of_process(),
];

/// Outside of containers `host`; where it is not known there is no value, so that neither `= host` nor `!= host` holds.
fn host<'a>(context: &Context<'a>) -> Value<'a> {
    if context.event.attribution == Attribution::Unknown { Value::Missing } else { Value::text("host") }
}

fn id<'a>(context: &Context<'a>, length: usize) -> Value<'a> {
    match &context.event.scope.container {
        Some(container) => Value::known(container.id.get(..length).unwrap_or(&container.id)),
        None => host(context),
    }
}

fn image<'a>(context: &Context<'a>, get: fn(&'a ImageRef) -> Value<'a>) -> Value<'a> {
    context.event.scope.image.as_ref().map_or(Value::Missing, get)
}

/// Repository and tag of an image reference.
pub fn parts(reference: &str) -> (&str, &str) {
    let without_digest = reference.split('@').next().unwrap_or_default();
    match without_digest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (without_digest, ""),
    }
}

fn shown(mount: &model::event::ContainerMount) -> String {
    let mode = if mount.read_only { "ro" } else { "rw" };
    format!("{}:{}::{}:", mount.source, mount.destination, if mode == "rw" { "true" } else { "false" })
}

fn mounts<'a>(context: &Context<'a>) -> Value<'a> {
    let Body::Container(phase) = &context.event.body else { return Value::Missing };
    let all: Vec<String> = phase.mounts.iter().map(shown).collect();
    if all.is_empty() { Value::Missing } else { Value::Text(Cow::Owned(all.join(","))) }
}

fn mount<'a>(
    context: &Context<'a>,
    arg: &FieldArg,
    show: for<'b> fn(&'b model::event::ContainerMount) -> Cow<'b, str>,
) -> Value<'a> {
    let Body::Container(phase) = &context.event.body else { return Value::Missing };
    let Some(pattern) = arg.key() else { return Value::Missing };
    let index = pattern.parse::<usize>().ok();
    let found = phase.mounts.iter().enumerate().find(|(at, mount)| {
        index.map_or_else(|| crate::glob::matches(pattern, &mount.source, false), |index| index == *at)
    });
    found.map_or(Value::Missing, |(_, mount)| Value::Text(show(mount)))
}

/// `container.mount.dest[SOURCE]` is where a source is mounted, `container.mount.source[DEST]` what is mounted there.
fn mount_by<'a>(context: &Context<'a>, arg: &FieldArg, dest: bool) -> Value<'a> {
    let Body::Container(phase) = &context.event.body else { return Value::Missing };
    let Some(pattern) = arg.key() else { return Value::Missing };
    let key = |mount: &'a model::event::ContainerMount| if dest { &mount.source } else { &mount.destination };
    let value = |mount: &'a model::event::ContainerMount| if dest { &mount.destination } else { &mount.source };
    let found = phase.mounts.iter().find(|mount| crate::glob::matches(pattern, key(mount), false));
    found.map_or(Value::Missing, |mount| Value::known(value(mount)))
}

fn label<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Body::Container(phase) = &context.event.body else { return Value::Missing };
    Value::maybe(arg.key().and_then(|key| phase.labels.get(key)).map(String::as_str))
}
