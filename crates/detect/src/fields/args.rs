//! `evt.arg.NAME`, `evt.args`: arguments of the event's call by their names.

use std::borrow::Cow;

use model::event::{Call, FileChange, FileOperation};
use model::{Body, Event, ExeOrigin, OpenFlags};
use serde_json::Value as Json;

use super::Takes::KeyAlways;
use super::{Context, FieldArg, Kinds, Spec, Type};
use crate::value::Value;

/// Fields that take the name or number of an argument.
pub const FIELDS: &[Spec] = &[
    Spec::new("evt.arg", Type::Text, indexed).takes(KeyAlways).on(Kinds::SENSOR),
    Spec::new("evt.rawarg", Type::Text, indexed).takes(KeyAlways).on(Kinds::SENSOR),
    Spec::new("evt.args", Type::Text, |c, _| all(c)).on(Kinds::SENSOR),
    Spec::new("evt.info", Type::Text, |c, _| all(c)).on(Kinds::SENSOR),
];

/// `evt.arg.NAME`: the name comes as the argument.
pub const NAMED: Spec = Spec::new("evt.arg", Type::Text, |c, arg| {
    arg.key().map_or(Value::Missing, |name| one(c.event, name).map_or(Value::Missing, Value::Text))
})
.takes(KeyAlways)
.on(Kinds::SENSOR);

/// `evt.rawarg.NAME` where the argument is a number.
pub const NUMBER: Spec = Spec::new("evt.rawarg", Type::Int, |c, arg| {
    Value::int(arg.key().and_then(|name| one(c.event, name)).and_then(|text| text.parse().ok()))
})
.takes(KeyAlways)
.on(Kinds::SENSOR);

/// Whether an argument of this name is a number in the kernel's terms.
pub fn is_number(name: &str) -> bool {
    const NUMBERS: [&str; 24] = [
        "backlog", "cpu", "dev", "egid", "euid", "fd", "gid", "ino", "loginuid", "oldfd", "newfd", "pgid", "pid",
        "port", "ppid", "ptid", "res", "ret", "sig", "size", "status", "tid", "tty", "uid",
    ];
    NUMBERS.contains(&name)
}

fn indexed<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Some(key) = arg.key() else { return Value::Missing };
    let name = key.parse::<usize>().ok().map_or(Some(key), |index| names(&context.event.body).get(index).copied());
    name.and_then(|name| one(context.event, name)).map_or(Value::Missing, Value::Text)
}

fn all<'a>(context: &Context<'a>) -> Value<'a> {
    let mut text = String::new();
    let mut add = |name: &str, value: &str| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    };
    if let Some(call) = context.event.body.call() {
        for name in call.args.keys() {
            add(name, &one(context.event, name).unwrap_or_default());
        }
    }
    for name in names(&context.event.body) {
        if let Some(value) = one(context.event, name) {
            add(name, &value);
        }
    }
    Value::Text(Cow::Owned(text))
}

/// Names of the arguments of the kinds that are not plain calls, in the order of `evt.arg[N]`.
const fn names(body: &Body) -> &'static [&'static str] {
    match body {
        Body::Exec(_) => &["res", "exe", "args", "pid", "ppid", "cwd", "filename", "flags"],
        Body::FileOpen(_) => &["fd", "name", "flags", "mode"],
        Body::FileChange(change) => match change.operation {
            FileOperation::Rename | FileOperation::Link => &["res", "oldpath", "newpath"],
            FileOperation::Symlink => &["res", "target", "linkpath"],
            FileOperation::Chmod => &["res", "filename", "mode"],
            _ => &["res", "path"],
        },
        Body::Connect(_) | Body::Accept(_) | Body::Listen(_) => &["res", "tuple", "proto"],
        Body::Capability(_) => &["cap", "granted"],
        Body::Exit(_) => &["status", "ret", "sig"],
        Body::Dns(_) => &["question", "type", "rcode"],
        _ => &[],
    }
}

/// Whether an open may have an argument of this name or number.
pub fn may_be_of_open(name: &str) -> bool {
    matches!(name, "name" | "filename" | "path" | "flags" | "mode" | "fd") || name.parse::<usize>().is_ok()
}

fn one<'a>(event: &'a Event, name: &str) -> Option<Cow<'a, str>> {
    if let Some(call) = event.body.call() {
        return of_call(call, name);
    }
    if matches!(event.body, Body::FileOpen(_)) && !may_be_of_open(name) {
        return None;
    }
    let result = || super::evt::result(event).map(|result| Cow::Owned(result.to_string()));
    match (&event.body, name) {
        (Body::Exec(_), _) => of_exec(event, name),
        (Body::FileOpen(open), "name" | "filename" | "path") => {
            Some(Cow::Borrowed(open.raw_path.as_deref().unwrap_or(&open.path)))
        }
        (Body::FileOpen(open), "flags") => Some(Cow::Owned(open_flags(open.flags))),
        (Body::FileOpen(_), "mode") => {
            let mode = event.extra.get("mode").and_then(Json::as_u64).and_then(|mode| u32::try_from(mode).ok());
            mode.map(|mode| Cow::Owned(mode_flags(mode)))
        }
        (Body::FileOpen(_), "fd")
        | (Body::FileChange(_) | Body::Connect(_) | Body::Accept(_) | Body::Listen(_), "res") => result(),
        (Body::FileChange(change), _) => of_change(change, name),
        (Body::Connect(network) | Body::Accept(network) | Body::Listen(network), "proto") => {
            Some(Cow::Borrowed(&network.protocol))
        }
        (Body::Capability(found), "cap") => Some(Cow::Borrowed(&found.capability)),
        (Body::Capability(found), "granted") => Some(Cow::Borrowed(if found.granted { "true" } else { "false" })),
        (Body::Exit(exit), "status" | "ret") => Some(Cow::Owned(exit.code.to_string())),
        (Body::Exit(exit), "sig") => Some(Cow::Owned(exit.signal.to_string())),
        (Body::Dns(dns), "question") => Some(Cow::Borrowed(&dns.question)),
        (Body::Dns(dns), "type") => Some(Cow::Borrowed(&dns.r#type)),
        (Body::Dns(dns), "rcode") => dns.rcode.as_deref().map(Cow::Borrowed),
        _ => None,
    }
}

fn of_exec<'a>(event: &'a Event, name: &str) -> Option<Cow<'a, str>> {
    let process = event.process.as_deref()?;
    Some(match name {
        "res" => Cow::Owned(super::evt::result(event)?.to_string()),
        "exe" => Cow::Borrowed(process.args.first().unwrap_or(&process.exe)),
        "filename" | "trusted_exepath" => Cow::Borrowed(&process.exe),
        "args" => Cow::Owned(process.args.iter().skip(1).cloned().collect::<Vec<_>>().join(" ")),
        "pid" => Cow::Owned(process.pid.to_string()),
        "ppid" | "ptid" => Cow::Owned(process.ppid.to_string()),
        "cwd" => Cow::Borrowed(&process.cwd),
        "uid" => Cow::Owned(process.uid.to_string()),
        "flags" => Cow::Borrowed(match process.exe_origin {
            Some(ExeOrigin::Upper) => "EXE_WRITABLE|EXE_UPPER_LAYER",
            Some(ExeOrigin::Image) => "EXE_LOWER_LAYER",
            Some(ExeOrigin::Memfd) => "EXE_WRITABLE|EXE_FROM_MEMFD",
            _ => "0",
        }),
        _ => return None,
    })
}

fn of_change<'a>(change: &'a FileChange, name: &str) -> Option<Cow<'a, str>> {
    use FileOperation as Op;
    let new = change.new_path.as_deref();
    match (change.operation, name) {
        (Op::Rename | Op::Link, "oldpath") | (Op::Chmod | Op::Chown | Op::Utimes, "filename") => {
            Some(Cow::Borrowed(change.path.as_str()))
        }
        (Op::Rename | Op::Link, "newpath") | (Op::Symlink, "linkpath") => new.map(Cow::Borrowed),
        (Op::Symlink, "target") => Some(Cow::Borrowed(&change.path)),
        (Op::Attributes, "attributes") => change.mode.map(|bits| Cow::Borrowed(attributes(bits))),
        (Op::Chmod, "mode") => change.mode.map(|mode| Cow::Owned(mode_flags(mode))),
        (Op::Rename | Op::Link | Op::Symlink | Op::Chmod, "path") => None,
        (_, "path" | "name") => Some(Cow::Borrowed(change.path.as_str())),
        _ => None,
    }
}

/// Names of a file's attributes as `chattr` calls them; others are not told.
const fn attributes(bits: u32) -> &'static str {
    match bits & 0x30 {
        0x10 => "immutable",
        0x20 => "append",
        0x30 => "append|immutable",
        _ => "",
    }
}

fn of_call<'a>(call: &'a Call, name: &str) -> Option<Cow<'a, str>> {
    if matches!(name, "res" | "res_or_fd") && !call.args.contains_key(name) {
        return Some(Cow::Owned(call.result.to_string()));
    }
    let value = call.args.get(name)?;
    // Rules compare the account of setuid(2) by name.
    if matches!(name, "uid" | "euid" | "ruid" | "gid" | "egid") && value.as_u64() == Some(0) {
        return Some(Cow::Borrowed("root"));
    }
    Some(json_text(value))
}

/// A JSON value as Falco prints flags and texts: lists of names joined by `|`.
pub fn json_text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        Json::Array(items) => Cow::Owned(items.iter().map(json_text).collect::<Vec<_>>().join("|")),
        other => Cow::Owned(other.to_string()),
    }
}

/// Open flags by Falco's names: it calls reading and writing `O_RDWR` and has no name for bits it does not track.
fn open_flags(flags: OpenFlags) -> String {
    flags.names().join("|")
}

/// Permission bits by name, as Falco's `mode` arguments show them.
fn mode_flags(mode: u32) -> String {
    const BITS: [(u32, &str); 12] = [
        (0o4, "S_IROTH"),
        (0o2, "S_IWOTH"),
        (0o1, "S_IXOTH"),
        (0o40, "S_IRGRP"),
        (0o20, "S_IWGRP"),
        (0o10, "S_IXGRP"),
        (0o400, "S_IRUSR"),
        (0o200, "S_IWUSR"),
        (0o100, "S_IXUSR"),
        (0o1000, "S_ISVTX"),
        (0o2000, "S_ISGID"),
        (0o4000, "S_ISUID"),
    ];
    let names: Vec<&str> = BITS.iter().rev().filter(|(bit, _)| mode & bit != 0).map(|(_, name)| *name).collect();
    names.join("|")
}
