//! `evt.*`: the event itself.

use std::borrow::Cow;

use model::{Body, Event, OpenFlags};

use super::types::{Kinds, names};
use super::{Context, FieldArg, Spec, Type};
use crate::value::Value;

const FILE_OPEN: Kinds = Kinds(1 << 3);

/// Fields of every source.
pub const COMMON: &[Spec] = &[
    Spec::new("evt.num", Type::Int, |c, _| {
        Value::int(i64::try_from(c.event.seq).ok().map(|seq| seq.saturating_add(1)))
    }),
    Spec::new("evt.time", Type::Text, |c, _| Value::Text(Cow::Owned(clock_time(c.event)))),
    Spec::new("evt.time.s", Type::Text, |c, _| Value::Text(Cow::Owned(clock_time(c.event).chars().take(8).collect()))),
    Spec::new("evt.time.iso8601", Type::Text, |c, _| Value::Text(Cow::Owned(date_time(c.event, "T", 29) + "+0000"))),
    Spec::new("evt.datetime", Type::Text, |c, _| Value::Text(Cow::Owned(date_time(c.event, " ", 29)))),
    Spec::new("evt.datetime.s", Type::Text, |c, _| Value::Text(Cow::Owned(date_time(c.event, " ", 19)))),
    Spec::new("evt.rawtime", Type::Int, |c, _| Value::Int(c.event.time.as_nanos())),
    Spec::new("evt.rawtime.s", Type::Int, |c, _| Value::Int(c.event.time.as_nanos().div_euclid(1_000_000_000))),
    Spec::new("evt.rawtime.ns", Type::Int, |c, _| Value::Int(c.event.time.as_nanos().rem_euclid(1_000_000_000))),
    Spec::new("evt.type", Type::EventType, |c, _| Value::text(names(c.event).first())),
    Spec::new("evt.dir", Type::Text, |_, _| Value::text("<")),
    Spec::new("evt.source", Type::Text, |c, _| {
        Value::text(if matches!(c.event.body, Body::K8sAudit(_)) { "k8s_audit" } else { "syscall" })
    }),
    Spec::new("evt.hostname", Type::Text, |c, _| Value::maybe(c.event.scope.node.as_deref())),
    Spec::new("evt.provider", Type::Text, |c, _| Value::known(&c.event.provider)),
];

/// Fields of the sensor's events.
pub const FIELDS: &[Spec] = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    COMMON[6],
    COMMON[7],
    COMMON[8],
    COMMON[9],
    COMMON[10],
    COMMON[11],
    COMMON[12],
    COMMON[13],
    Spec::new("syscall.type", Type::EventType, |c, _| Value::text(names(c.event).first())),
    Spec::new("evt.category", Type::Text, |c, _| Value::text(category(&c.event.body))),
    Spec::new("evt.res", Type::Text, |c, _| result(c.event).map_or(Value::Missing, result_text)),
    Spec::new("evt.rawres", Type::Int, |c, _| Value::int(result(c.event))),
    Spec::new("evt.failed", Type::Bool, |c, _| {
        result(c.event).map_or(Value::Missing, |result| Value::Bool(result < 0))
    }),
    Spec::new("evt.is_open_read", Type::Bool, |c, _| open(c, OpenFlags::reads)).on(FILE_OPEN),
    Spec::new("evt.is_open_write", Type::Bool, |c, _| open(c, OpenFlags::writes)).on(FILE_OPEN),
    Spec::new("evt.is_open_create", Type::Bool, |c, _| open(c, |flags| flags.0 & OpenFlags::CREAT != 0)).on(FILE_OPEN),
    Spec::new("evt.is_open_exec", Type::Bool, open_exec).on(FILE_OPEN),
    Spec::new("evt.count", Type::Int, |_, _| Value::Int(1)),
    Spec::new("evt.count.exit", Type::Int, |_, _| Value::Int(1)),
    Spec::new("evt.count.error", Type::Int, |c, _| Value::Int(i64::from(is_failed(c.event)))),
    Spec::new("evt.count.error.file", Type::Int, |c, _| {
        failed_if(c.event, matches!(c.event.body, Body::FileOpen(_) | Body::FileChange(_)))
    }),
    Spec::new("evt.count.error.net", Type::Int, |c, _| {
        failed_if(c.event, matches!(c.event.body, Body::Connect(_) | Body::Accept(_) | Body::Listen(_)))
    }),
    Spec::new("evt.is_io", Type::Bool, |_, _| Value::Bool(false)),
    Spec::new("evt.is_wait", Type::Bool, |_, _| Value::Bool(false)),
    Spec::new("exec.script", Type::Text, |c, _| match &c.event.body {
        Body::Exec(exec) => Value::maybe(exec.script.as_deref()),
        _ => Value::Missing,
    })
    .on(Kinds(1)),
    Spec::new("exec.stdio", Type::Text, stdio).takes(super::Takes::IndexAlways).on(Kinds(1)),
    Spec::new("exec.stdio.peer", Type::Text, stdio_peer).takes(super::Takes::IndexAlways).on(Kinds(1)),
    Spec::new("fpu.hits", Type::Int, |c, _| match &c.event.body {
        Body::FpuRounding(found) => Value::Int(i64::from(found.hits)),
        _ => Value::Missing,
    })
    .on(Kinds(1 << 22)),
    Spec::new("dns.question", Type::Text, |c, _| dns(c, |dns| Value::known(&dns.question))).on(Kinds(1 << 8)),
    Spec::new("dns.type", Type::Text, |c, _| dns(c, |dns| Value::known(&dns.r#type))).on(Kinds(1 << 8)),
    Spec::new("dns.rcode", Type::Text, |c, _| dns(c, |dns| Value::maybe(dns.rcode.as_deref()))).on(Kinds(1 << 8)),
    Spec::new("dns.answers", Type::List, |c, _| {
        dns(c, |dns| Value::List(dns.answers.iter().map(|answer| Cow::Borrowed(answer.as_str())).collect()))
    })
    .on(Kinds(1 << 8)),
    Spec::new("capability.name", Type::Text, |c, _| match &c.event.body {
        Body::Capability(capability) => Value::known(&capability.capability),
        _ => Value::Missing,
    })
    .on(Kinds(1 << 9)),
];

fn is_failed(event: &Event) -> bool {
    result(event).is_some_and(|result| result < 0)
}

/// 1 for a failed event of a kind, 0 for others of the kind; other kinds have no such number.
fn failed_if<'a>(event: &Event, is_kind: bool) -> Value<'a> {
    if is_kind { Value::Int(i64::from(is_failed(event))) } else { Value::Missing }
}

fn dns<'a>(context: &Context<'a>, get: fn(&'a model::event::Dns) -> Value<'a>) -> Value<'a> {
    match &context.event.body {
        Body::Dns(dns) => get(dns),
        _ => Value::Missing,
    }
}

fn stdio<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    use model::event::StdioType as T;
    let Body::Exec(exec) = &context.event.body else { return Value::Missing };
    match arg.index().and_then(|index| exec.stdio.get(index)).map(|stdio| stdio.r#type) {
        Some(T::File) => Value::text("file"),
        Some(T::Pipe) => Value::text("pipe"),
        Some(T::Socket) => Value::text("socket"),
        Some(T::Tty) => Value::text("tty"),
        Some(T::None) => Value::text("none"),
        None => Value::Missing,
    }
}

/// `proc.stdin.type` and its like, by Falco's names: a terminal is a file.
pub fn stdio_type<'a>(context: &Context<'a>, index: usize) -> Value<'a> {
    use model::event::StdioType as T;
    let Body::Exec(exec) = &context.event.body else { return Value::Missing };
    let Some(stdio) = exec.stdio.get(index) else { return Value::Missing };
    match stdio.r#type {
        T::File | T::Tty => Value::text("file"),
        T::Pipe => Value::text("pipe"),
        T::Socket => Value::maybe(stdio.family.as_deref()),
        T::None => Value::Missing,
    }
}

/// `proc.stdin.name` and its like, where it is known.
pub fn stdio_name<'a>(context: &Context<'a>, index: usize) -> Value<'a> {
    let Body::Exec(exec) = &context.event.body else { return Value::Missing };
    let Some(stdio) = exec.stdio.get(index) else { return Value::Missing };
    match stdio.pipe {
        Some(number) => Value::Text(Cow::Owned(format!("pipe:[{number}]"))),
        None => Value::maybe(stdio.name.as_deref()),
    }
}

fn stdio_peer<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Body::Exec(exec) = &context.event.body else { return Value::Missing };
    Value::maybe(arg.index().and_then(|index| exec.stdio.get(index)).and_then(|stdio| stdio.peer.as_deref()))
}

/// `HH:MM:SS.nnnnnnnnn`, as Falco prints it.
fn clock_time(event: &Event) -> String {
    event.time.to_string().get(11..29).unwrap_or_default().to_owned()
}

/// `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` in UTC, or the part of it up to a length.
fn date_time(event: &Event, between: &str, length: usize) -> String {
    event.time.to_string().get(..length).unwrap_or_default().replace('T', between)
}

/// The return value of the event's call.
pub fn result(event: &Event) -> Option<i64> {
    Some(match &event.body {
        Body::Exec(exec) => exec.result,
        Body::FileOpen(open) => open.result,
        Body::FileChange(change) => change.result,
        Body::Connect(network) | Body::Accept(network) | Body::Listen(network) => network.result,
        // The creator is told the new process; a capability that is lacking is EPERM.
        Body::Fork(fork) => i64::from(fork.child.pid),
        Body::Capability(found) => i64::from(found.granted) - 1,
        body => return body.call().map(|call| call.result),
    })
}

fn result_text(result: i64) -> Value<'static> {
    if result >= 0 {
        return Value::text("SUCCESS");
    }
    match ERRORS.iter().find(|(number, _)| -*number == result) {
        Some((_, name)) => Value::text(name),
        None => Value::Text(Cow::Owned(result.to_string())),
    }
}

fn open<'a>(context: &Context<'a>, test: fn(OpenFlags) -> bool) -> Value<'a> {
    match &context.event.body {
        Body::FileOpen(open) => Value::Bool(test(open.flags)),
        _ => Value::Missing,
    }
}

/// A file created with an execute bit, as far as the event tells its mode.
fn open_exec<'a>(context: &Context<'a>, _: &FieldArg) -> Value<'a> {
    let Body::FileOpen(open) = &context.event.body else { return Value::Missing };
    let mode = context.event.extra.get("mode").and_then(serde_json::Value::as_u64);
    let creates = open.flags.0 & OpenFlags::CREAT != 0;
    mode.map_or(Value::Missing, |mode| Value::Bool(creates && mode & 0o111 != 0))
}

const fn category(body: &Body) -> &'static str {
    match body {
        Body::Exec(_) | Body::Fork(_) | Body::Exit(_) | Body::Signal(_) | Body::Ptrace(_) => "process",
        Body::FileOpen(_) | Body::FileChange(_) | Body::Dup(_) | Body::Mount(_) | Body::Memfd(_) => "file",
        Body::Connect(_) | Body::Accept(_) | Body::Listen(_) | Body::Dns(_) | Body::Socket(_) => "net",
        Body::SetId(_) | Body::Capability(_) => "user",
        Body::K8sAudit(_) | Body::Container(_) | Body::Log(_) => "internal",
        _ => "system",
    }
}

/// Error numbers of Linux (`include/uapi/asm-generic/errno-base.h`, `errno.h`).
const ERRORS: [(i64, &str); 54] = [
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (15, "ENOTBLK"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (25, "ENOTTY"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (31, "EMLINK"),
    (32, "EPIPE"),
    (36, "ENAMETOOLONG"),
    (38, "ENOSYS"),
    (39, "ENOTEMPTY"),
    (40, "ELOOP"),
    (61, "ENODATA"),
    (75, "EOVERFLOW"),
    (88, "ENOTSOCK"),
    (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"),
    (95, "EOPNOTSUPP"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"),
    (101, "ENETUNREACH"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (106, "EISCONN"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (113, "EHOSTUNREACH"),
    (115, "EINPROGRESS"),
];
