//! `fd.*`: the file or connection of the event.

use std::borrow::Cow;
use std::net::IpAddr;

use model::event::{Endpoint, Network};
use model::{Body, OpenFlags};

use super::types::{Kinds, is_send};
use super::{Context, Spec, Type};
use crate::value::{Value, canonical};

/// Opens, changes, connections, duplicates.
const ANY: Kinds = Kinds(0b1111_1000 | 1 << 13);
/// Opens and changes.
const FILES: Kinds = Kinds(0b0001_1000);
/// Changes.
const CHANGES: Kinds = Kinds(0b0001_0000);
/// Connections.
const NET: Kinds = Kinds(0b1110_0000);

/// Fields of descriptors.
pub const FIELDS: &[Spec] = &[
    Spec::new("fd.num", Type::Int, |c, _| number(c)).on(ANY),
    Spec::new("fd.type", Type::Text, |c, _| kind(c).map_or(Value::Missing, |(name, _)| Value::text(name))).on(ANY),
    Spec::new("fd.typechar", Type::Text, |c, _| kind(c).map_or(Value::Missing, |(_, char)| Value::text(char))).on(ANY),
    Spec::new("fd.name", Type::Text, |c, _| name(c)).on(ANY),
    Spec::new("fd.nameraw", Type::Text, |c, _| raw_name(c)).on(ANY),
    Spec::new("fd.directory", Type::Text, |c, _| path(c).map_or(Value::Missing, |path| Value::text(split(path).0)))
        .on(FILES),
    Spec::new("fd.filename", Type::Text, |c, _| path(c).map_or(Value::Missing, |path| Value::text(split(path).1)))
        .on(FILES),
    Spec::new("fd.ino", Type::Int, |c, _| match &c.event.body {
        Body::FileOpen(open) => Value::int(open.inode.and_then(|inode| i64::try_from(inode).ok())),
        _ => Value::Missing,
    })
    .on(FILES),
    Spec::new("fd.ip", Type::Ip, |c, _| pair(c, Ends::ip)).on(NET),
    Spec::new("fd.net", Type::Ip, |c, _| pair(c, Ends::ip)).on(NET),
    Spec::new("fd.cip", Type::Ip, |c, _| ip(c, |e| e.client)).on(NET),
    Spec::new("fd.sip", Type::Ip, |c, _| ip(c, |e| e.server)).on(NET),
    Spec::new("fd.lip", Type::Ip, |c, _| ip(c, |e| e.local)).on(NET),
    Spec::new("fd.rip", Type::Ip, |c, _| ip(c, |e| e.remote)).on(NET),
    Spec::new("fd.cnet", Type::Ip, |c, _| ip(c, |e| e.client)).on(NET),
    Spec::new("fd.snet", Type::Ip, |c, _| ip(c, |e| e.server)).on(NET),
    Spec::new("fd.lnet", Type::Ip, |c, _| ip(c, |e| e.local)).on(NET),
    Spec::new("fd.rnet", Type::Ip, |c, _| ip(c, |e| e.remote)).on(NET),
    Spec::new("fd.port", Type::Int, |c, _| pair(c, Ends::port)).on(NET),
    Spec::new("fd.cport", Type::Int, |c, _| port(c, |e| e.client)).on(NET),
    Spec::new("fd.sport", Type::Int, |c, _| port(c, |e| e.server)).on(NET),
    Spec::new("fd.lport", Type::Int, |c, _| port(c, |e| e.local)).on(NET),
    Spec::new("fd.rport", Type::Int, |c, _| port(c, |e| e.remote)).on(NET),
    Spec::new("fd.cip.name", Type::Text, |c, _| host(c, |e| e.client)).on(NET),
    Spec::new("fd.sip.name", Type::Text, |c, _| host(c, |e| e.server)).on(NET),
    Spec::new("fd.lip.name", Type::Text, |c, _| host(c, |e| e.local)).on(NET),
    Spec::new("fd.rip.name", Type::Text, |c, _| host(c, |e| e.remote)).on(NET),
    Spec::new("fd.l4proto", Type::Text, |c, _| protocol(c)).on(Kinds(NET.0 | 1 << 13)),
    Spec::new("fd.sockfamily", Type::Text, |c, _| {
        network(c).map_or(Value::Missing, |n| Value::text(if n.protocol == "unix" { "unix" } else { "ip" }))
    })
    .on(NET),
    Spec::new("fd.is_server", Type::Bool, |c, _| {
        network(c).map_or(Value::Missing, |_| Value::Bool(!matches!(c.event.body, Body::Connect(_))))
    })
    .on(NET),
    Spec::new("fd.connected", Type::Bool, |c, _| {
        network(c).map_or(Value::Missing, |n| Value::Bool(n.result >= 0 && !is_send(c.event)))
    })
    .on(NET),
    Spec::new("fd.name_changed", Type::Bool, |c, _| {
        network(c).map_or(Value::Missing, |_| Value::Bool(is_send(c.event)))
    })
    .on(NET),
    Spec::new("fd.containername", Type::Text, |c, _| in_container(c, name(c))).on(ANY),
    Spec::new("fd.containerdirectory", Type::Text, |c, _| {
        in_container(c, path(c).map_or(Value::Missing, |path| Value::text(split(path).0)))
    })
    .on(FILES),
    Spec::new("fs.path.name", Type::Text, |c, _| one_path(c)).on(FILES),
    Spec::new(
        "fs.path.nameraw",
        Type::Text,
        |c, _| if one_path(c) == Value::Missing { Value::Missing } else { raw_name(c) },
    )
    .on(FILES),
    Spec::new("fs.path.source", Type::Text, |c, _| ends(c, |(from, _)| from)).on(CHANGES),
    Spec::new("fs.path.sourceraw", Type::Text, |c, _| ends(c, |(from, _)| from)).on(CHANGES),
    Spec::new("fs.path.target", Type::Text, |c, _| ends(c, |(_, to)| to)).on(CHANGES),
    Spec::new("fs.path.targetraw", Type::Text, |c, _| ends(c, |(_, to)| to)).on(CHANGES),
    Spec::new("fd.is_upper_layer", Type::Bool, |_, _| Value::Missing).on(FILES),
];

fn path<'a>(context: &Context<'a>) -> Option<&'a str> {
    match &context.event.body {
        Body::FileOpen(open) => Some(&open.path),
        Body::FileChange(change) => Some(&change.path),
        _ => None,
    }
}

/// The path of a call that has one; renames and links have two.
fn one_path<'a>(context: &Context<'a>) -> Value<'a> {
    match &context.event.body {
        Body::FileChange(change) if change.new_path.is_some() => Value::Missing,
        _ => Value::maybe(path(context)),
    }
}

/// One of the two paths of a rename or a link.
fn ends<'a>(context: &Context<'a>, which: fn((&'a str, &'a str)) -> &'a str) -> Value<'a> {
    let Body::FileChange(change) = &context.event.body else { return Value::Missing };
    Value::maybe(change.new_path.as_deref().map(|to| which((&change.path, to))))
}

/// `container:name`; nothing before the colon on the host, as Falco has it.
fn in_container<'a>(context: &Context<'a>, name: Value<'a>) -> Value<'a> {
    let Value::Text(name) = name else { return Value::Missing };
    let container = context.event.scope.container.as_ref().map_or("", |container| container.id.as_str());
    Value::Text(Cow::Owned(format!("{container}:{name}")))
}

fn network<'a>(context: &Context<'a>) -> Option<&'a Network> {
    match &context.event.body {
        Body::Connect(network) | Body::Accept(network) | Body::Listen(network) => Some(network),
        _ => None,
    }
}

/// A duplicated socket's comes as the argument `fd_protocol` of the event.
fn protocol<'a>(context: &Context<'a>) -> Value<'a> {
    if let Body::Dup(call) = &context.event.body {
        return Value::maybe(call.args.get("fd_protocol").and_then(serde_json::Value::as_str));
    }
    network(context).map_or(Value::Missing, |network| Value::known(&network.protocol))
}

/// Directory and file name of a path; the directory of a file in the root is `/`.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => (".", path),
    }
}

/// Types of descriptors and their letters. A duplicated descriptor's comes as the argument `fd_type` of the event.
const TYPES: [(&str, &str); 6] =
    [("file", "f"), ("directory", "d"), ("ipv4", "4"), ("ipv6", "6"), ("unix", "u"), ("pipe", "p")];

/// A failed call has the descriptor -1.
fn number<'a>(context: &Context<'a>) -> Value<'a> {
    match context.event.body {
        Body::FileOpen(_)
        | Body::FileChange(_)
        | Body::Connect(_)
        | Body::Accept(_)
        | Body::Listen(_)
        | Body::Dup(_) => {
            Value::int(super::evt::result(context.event).map(|result| if result < 0 { -1 } else { result }))
        }
        _ => Value::Missing,
    }
}

fn kind(context: &Context<'_>) -> Option<(&'static str, &'static str)> {
    if let Body::FileOpen(open) = &context.event.body {
        let directory = open.flags.0 & OpenFlags::DIRECTORY != 0;
        return Some(if directory { ("directory", "d") } else { ("file", "f") });
    }
    if matches!(context.event.body, Body::FileChange(_)) {
        return Some(("file", "f"));
    }
    if let Body::Dup(call) = &context.event.body {
        let name = call.args.get("fd_type").and_then(serde_json::Value::as_str)?;
        return TYPES.iter().find(|(known, _)| *known == name).copied();
    }
    let network = network(context)?;
    if network.protocol == "unix" {
        return Some(("unix", "u"));
    }
    let address = network.remote.as_ref().or(network.local.as_ref()).map(|end| canonical(end.ip));
    Some(if address.is_some_and(|address| address.is_ipv6()) { ("ipv6", "6") } else { ("ipv4", "4") })
}

fn name<'a>(context: &Context<'a>) -> Value<'a> {
    if let Some(path) = path(context) {
        return Value::known(path);
    }
    if let Body::Dup(call) = &context.event.body {
        return Value::maybe(call.args.get("fd_name").and_then(serde_json::Value::as_str));
    }
    let Some(network) = network(context) else { return Value::Missing };
    if let Some(path) = &network.path {
        return Value::known(path);
    }
    let ends = Ends::of(context, network);
    match (ends.client, ends.server) {
        (Some(client), Some(server)) => Value::Text(Cow::Owned(format!("{}->{}", shown(client), shown(server)))),
        (None, Some(only)) | (Some(only), None) => Value::Text(Cow::Owned(shown(only))),
        (None, None) => Value::Missing,
    }
}

fn shown(end: Endpoint) -> String {
    format!("{}:{}", canonical(end.ip), end.port)
}

fn raw_name<'a>(context: &Context<'a>) -> Value<'a> {
    match &context.event.body {
        Body::FileOpen(open) => Value::known(open.raw_path.as_deref().unwrap_or(&open.path)),
        _ => name(context),
    }
}

/// The ends of a connection by place and by role.
#[derive(Debug, Clone, Copy)]
struct Ends {
    local: Option<Endpoint>,
    remote: Option<Endpoint>,
    client: Option<Endpoint>,
    server: Option<Endpoint>,
}

impl Ends {
    const fn of(context: &Context<'_>, network: &Network) -> Self {
        let (local, remote) = (network.local, network.remote);
        let (client, server) = match context.event.body {
            Body::Connect(_) => (local, remote),
            _ => (remote, local),
        };
        Self { local, remote, client, server }
    }

    fn ip(client: Endpoint, server: Endpoint) -> Value<'static> {
        Value::EitherIp(canonical(server.ip), canonical(client.ip))
    }

    fn port(client: Endpoint, server: Endpoint) -> Value<'static> {
        Value::EitherInt(i64::from(server.port), i64::from(client.port))
    }
}

fn pair<'a>(context: &Context<'a>, join: fn(Endpoint, Endpoint) -> Value<'static>) -> Value<'a> {
    let Some(network) = network(context) else { return Value::Missing };
    let ends = Ends::of(context, network);
    match (ends.client, ends.server) {
        (Some(client), Some(server)) => join(client, server),
        (Some(only), None) | (None, Some(only)) => join(only, only),
        (None, None) => Value::Missing,
    }
}

fn end(context: &Context<'_>, pick: fn(Ends) -> Option<Endpoint>) -> Option<Endpoint> {
    network(context).and_then(|network| pick(Ends::of(context, network)))
}

fn ip<'a>(context: &Context<'a>, pick: fn(Ends) -> Option<Endpoint>) -> Value<'a> {
    end(context, pick).map_or(Value::Missing, |end| Value::Ip(canonical(end.ip)))
}

fn port<'a>(context: &Context<'a>, pick: fn(Ends) -> Option<Endpoint>) -> Value<'a> {
    Value::int(end(context, pick).map(|end| i64::from(end.port)))
}

/// Names under which an address was given in a DNS answer.
fn host<'a>(context: &Context<'a>, pick: fn(Ends) -> Option<Endpoint>) -> Value<'a> {
    let address: Option<IpAddr> = end(context, pick).map(|end| canonical(end.ip));
    let names = address.and_then(|address| context.names.get(&address));
    names
        .map_or(Value::Missing, |names| Value::AnyText(names.iter().map(|name| Cow::Borrowed(name.as_ref())).collect()))
}
