//! `proc.*`, `thread.*`, `user.*`, `group.*`: who did it. All of them depend on the process alone.

use std::borrow::Cow;

use model::{Ancestor, Capabilities, ExeOrigin, Process, Timestamp};

use super::Takes::{Index, Key};
use super::evt::{stdio_name, stdio_type};
use super::types::Kinds;
use super::{Context, FieldArg, Spec, Type};
use crate::detectors::connected;
use crate::value::Value;

/// Standard descriptors are told when a program starts.
const EXEC: Kinds = Kinds(1);

type Get = for<'a> fn(&'a Process) -> Value<'a>;

macro_rules! of_process {
    ($name:literal, $ty:ident, $get:expr) => {
        Spec::new($name, Type::$ty, |context, _| {
            let get: Get = $get;
            context.process().map_or(Value::Missing, get)
        })
        .of_process()
    };
}

/// Of a field that tells who the process is.
macro_rules! of_this_process {
    ($name:literal, $ty:ident, $get:expr) => {
        of_process!($name, $ty, $get).of_this_process()
    };
}

/// Fields of the process.
pub const FIELDS: &[Spec] = &[
    of_process!("proc.name", Text, |p| Value::known(&p.name)),
    of_process!("proc.tool", Text, |p| Value::known(tool(p))),
    of_process!("proc.script", Text, |p| script(p).map_or(Value::Missing, Value::Text)),
    of_process!("proc.exe", Text, |p| Value::maybe(p.args.first().map(String::as_str).or(Some(&p.exe)))),
    of_process!("proc.exepath", Text, |p| Value::known(&p.exe)),
    of_process!("proc.pname", Text, |p| Value::maybe(p.ancestors.first().map(|a| a.name.as_str()))),
    of_process!("proc.pexe", Text, |p| p.ancestors.first().map_or(Value::Missing, |a| exe(a))),
    of_process!("proc.pexepath", Text, |p| Value::maybe(p.ancestors.first().map(|a| a.exe.as_str()))),
    Spec::new("proc.args", Type::Text, args).takes(Index).of_process(),
    of_process!("proc.cmdline", Text, |p| Value::Text(Cow::Owned(command_line(&p.name, &p.args)))),
    of_process!("proc.pcmdline", Text, |p| {
        p.ancestors.first().map_or(Value::Missing, |a| Value::Text(Cow::Owned(command_line(&a.name, &a.args))))
    }),
    of_process!("proc.exeline", Text, |p| Value::Text(Cow::Owned(p.args.join(" ")))),
    of_process!("proc.cmdnargs", Int, |p| Value::int(i64::try_from(p.args.len().saturating_sub(1)).ok())),
    of_process!("proc.cmdlenargs", Int, |p| Value::int(
        i64::try_from(p.args.iter().skip(1).map(String::len).sum::<usize>()).ok()
    )),
    of_process!("proc.cwd", Text, |p| Value::known(&p.cwd)),
    of_process!("proc.tty", Int, |p| Value::Int(i64::from(p.tty))),
    of_this_process!("proc.pid", Int, |p| Value::Int(i64::from(p.pid))),
    of_this_process!("proc.ppid", Int, |p| Value::Int(i64::from(p.ppid))),
    of_this_process!("proc.vpid", Int, |p| Value::int(p.vpid.map(i64::from))),
    of_this_process!("proc.sid", Int, |p| Value::int(p.sid.map(i64::from))),
    of_this_process!("proc.vpgid", Int, |p| Value::int(p.pgid.map(i64::from))),
    of_this_process!("proc.pgid", Int, |p| Value::int(p.pgid.map(i64::from))),
    of_this_process!("proc.is_sid_leader", Bool, |p| p.sid.map_or(Value::Missing, |sid| Value::Bool(sid == p.pid))),
    of_this_process!("proc.is_vpgid_leader", Bool, |p| p
        .pgid
        .map_or(Value::Missing, |pgid| Value::Bool(pgid == p.pid))),
    of_this_process!("proc.is_pgid_leader", Bool, |p| p.pgid.map_or(Value::Missing, |pgid| Value::Bool(pgid == p.pid))),
    of_this_process!("proc.sname", Text, |p| leader(p, p.sid, |a| Value::known(&a.name), |p| Value::known(&p.name))),
    of_this_process!("proc.sid.exe", Text, |p| leader(p, p.sid, exe, |p| Value::known(&p.exe))),
    of_this_process!("proc.sid.exepath", Text, |p| leader(
        p,
        p.sid,
        |a| Value::known(&a.exe),
        |p| Value::known(&p.exe)
    )),
    of_this_process!("proc.vpgid.name", Text, |p| leader(
        p,
        p.pgid,
        |a| Value::known(&a.name),
        |p| Value::known(&p.name)
    )),
    of_this_process!("proc.vpgid.exe", Text, |p| leader(p, p.pgid, exe, |p| Value::known(&p.exe))),
    of_this_process!("proc.vpgid.exepath", Text, |p| leader(
        p,
        p.pgid,
        |a| Value::known(&a.exe),
        |p| Value::known(&p.exe)
    )),
    of_process!("proc.is_exe_upper_layer", Bool, |p| origin(p, |origin| origin == ExeOrigin::Upper)),
    of_process!("proc.is_exe_lower_layer", Bool, |p| origin(p, |origin| origin == ExeOrigin::Image)),
    of_process!("proc.is_exe_from_memfd", Bool, |p| origin(p, |origin| origin == ExeOrigin::Memfd)),
    of_process!("proc.exe_origin", Text, |p| p
        .exe_origin
        .map_or(Value::Missing, |origin| Value::text(origin_name(origin)))),
    Spec::new("proc.aname", Type::Text, |c, arg| chain(c, arg, |p| Value::known(&p.name), |a| Value::known(&a.name)))
        .takes(Index)
        .of_process(),
    Spec::new("proc.aexe", Type::Text, |c, arg| chain(c, arg, |p| Value::known(&p.exe), exe)).takes(Index).of_process(),
    Spec::new("proc.aexepath", Type::Text, |c, arg| chain(c, arg, |p| Value::known(&p.exe), |a| Value::known(&a.exe)))
        .takes(Index)
        .of_process(),
    Spec::new("proc.acmdline", Type::Text, |c, arg| {
        chain(
            c,
            arg,
            |p| Value::Text(Cow::Owned(command_line(&p.name, &p.args))),
            |a| Value::Text(Cow::Owned(command_line(&a.name, &a.args))),
        )
    })
    .takes(Index)
    .of_process(),
    Spec::new("proc.aargs", Type::Text, |c, arg| {
        chain(c, arg, |p| Value::Text(arguments(&p.args)), |a| Value::Text(arguments(&a.args)))
    })
    .takes(Index)
    .of_process(),
    Spec::new("proc.apid", Type::Int, apid).takes(Index).of_this_process(),
    Spec::new("proc.env", Type::Text, env).takes(Key).of_process(),
    // The clock moves on between events of one process: not remembered.
    Spec::new("proc.duration", Type::Int, |c, _| age(c, |p| Some(p.start_time))),
    Spec::new("proc.ppid.duration", Type::Int, |c, _| age(c, |p| p.ancestors.first().map(|a| a.start_time))),
    Spec::new("proc.stdin.type", Type::Text, |c, _| stdio_type(c, 0)).on(EXEC),
    Spec::new("proc.stdin.name", Type::Text, |c, _| stdio_name(c, 0)).on(EXEC),
    Spec::new("proc.stdout.type", Type::Text, |c, _| stdio_type(c, 1)).on(EXEC),
    Spec::new("proc.stdout.name", Type::Text, |c, _| stdio_name(c, 1)).on(EXEC),
    Spec::new("proc.stderr.type", Type::Text, |c, _| stdio_type(c, 2)).on(EXEC),
    Spec::new("proc.stderr.name", Type::Text, |c, _| stdio_name(c, 2)).on(EXEC),
    of_process!("proc.exe_ino", Int, |p| Value::int(p.exe_inode.and_then(|inode| i64::try_from(inode).ok()))),
    of_process!("proc.exe_ino.ctime", Int, |p| Value::int(p.exe_changed.map(Timestamp::as_nanos))),
    of_process!("proc.exe_ino.mtime", Int, |p| Value::int(p.exe_modified.map(Timestamp::as_nanos))),
    of_this_process!("proc.exe_ino.ctime_duration_proc_start", Int, |p| {
        Value::int(p.exe_changed.and_then(|changed| between(changed, p.start_time)))
    }),
    Spec::new("proc.exe_ino.ctime_duration_pidns_start", Type::Int, |c, _| {
        let started = c.containers.started(c.event);
        let changed = c.process().and_then(|process| process.exe_changed);
        Value::int(started.zip(changed).and_then(|(started, changed)| between(started, changed)))
    }),
    of_this_process!("proc.pid.ts", Int, |p| Value::Int(p.start_time.as_nanos())),
    of_process!("thread.cap_effective", Text, |p| capabilities(p.caps_effective)),
    of_process!("thread.cap_permitted", Text, |p| capabilities(p.caps_permitted)),
    of_this_process!("thread.tid", Int, |p| Value::Int(i64::from(p.pid))),
    of_process!("user.uid", Int, |p| Value::Int(i64::from(p.uid))),
    of_process!("user.name", Text, |p| account(p.user.as_deref(), p.uid)),
    of_process!("user.loginuid", Int, |p| Value::Int(p.login_uid.map_or(-1, i64::from))),
    of_process!("user.loginname", Text, |p| p
        .login_uid
        .map_or(Value::text("<NA>"), |uid| { account(p.user.as_deref().filter(|_| uid == p.uid), uid) })),
    of_process!("group.gid", Int, |p| Value::Int(i64::from(p.gid))),
    of_process!("group.name", Text, |p| account(None, p.gid)),
];

/// Nanoseconds from one moment to a later one; the other way round there is no such number.
fn between(from: Timestamp, to: Timestamp) -> Option<i64> {
    to.as_nanos().checked_sub(from.as_nanos()).filter(|nanos| *nanos >= 0)
}

fn exe(ancestor: &Ancestor) -> Value<'_> {
    Value::maybe(ancestor.args.first().map(String::as_str).or(Some(&ancestor.exe)))
}

/// Arguments without the program's name, joined by blanks.
fn arguments(args: &[String]) -> Cow<'_, str> {
    match args {
        [] | [_] => Cow::Borrowed(""),
        [_, only] => Cow::Borrowed(only),
        [_, rest @ ..] => Cow::Owned(rest.join(" ")),
    }
}

/// The process's name; of a program that is many in one the name of the one that it was told to be.
fn tool(process: &Process) -> &str {
    let applet = || process.args.iter().skip(1).find(|arg| !arg.starts_with('-'));
    if matches!(process.name.as_str(), "busybox" | "toybox") && !process.args.first().is_some_and(|me| is_applet(me)) {
        applet().map_or(&process.name, |applet| applet.as_str())
    } else {
        &process.name
    }
}

/// Whether a program that is many in one was called by the name of one of them.
fn is_applet(called: &str) -> bool {
    !matches!(called.rsplit('/').next(), Some("busybox" | "toybox"))
}

/// The file with the text that an interpreter runs: its first argument that is no option, unless an option brings the
/// text itself. Relative ones are joined to the working directory.
fn script(process: &Process) -> Option<Cow<'_, str>> {
    let (name, args) = connected::command(&process.name, &process.args);
    let mut options = args.iter().take_while(|arg| arg.starts_with('-'));
    if !connected::is_interpreter(name) || options.any(|option| brings_text(name, option)) {
        return None;
    }
    // The name of the file stands behind `-f` of some, and behind options without one of all others.
    let file = args.iter().find(|arg| !arg.starts_with('-'))?;
    let relative = file.strip_prefix("./").unwrap_or(file);
    Some(if file.starts_with('/') {
        Cow::Borrowed(file)
    } else {
        Cow::Owned(format!("{}/{relative}", process.cwd.trim_end_matches('/')))
    })
}

/// Whether an option is followed by the program itself (`-c`, `-e`, `-r`), or by a module's name (`-m`).
fn brings_text(interpreter: &str, option: &str) -> bool {
    let short = option.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let letters: &[char] = if connected::is_shell(interpreter) { &['c'] } else { &['c', 'e', 'E', 'r', 'm'] };
    matches!(option, "--eval" | "--print" | "--execute") || short.is_some_and(|rest| rest.ends_with(letters))
}

/// Falco's command line: the process's name, then its arguments without the program's name.
pub fn command_line(name: &str, args: &[String]) -> String {
    let mut line = name.to_owned();
    for arg in args.iter().skip(1) {
        line.push(' ');
        line.push_str(arg);
    }
    line
}

fn leader(
    process: &Process,
    pid: Option<i32>,
    of_ancestor: for<'b> fn(&'b Ancestor) -> Value<'b>,
    of_process: for<'b> fn(&'b Process) -> Value<'b>,
) -> Value<'_> {
    match pid {
        Some(pid) if pid == process.pid => of_process(process),
        Some(pid) => {
            process.ancestors.iter().find(|ancestor| ancestor.pid == pid).map_or(Value::Missing, |a| of_ancestor(a))
        }
        None => Value::Missing,
    }
}

fn origin(process: &Process, test: fn(ExeOrigin) -> bool) -> Value<'_> {
    process.exe_origin.map_or(Value::Missing, |origin| Value::Bool(test(origin)))
}

const fn origin_name(origin: ExeOrigin) -> &'static str {
    match origin {
        ExeOrigin::Image => "image",
        ExeOrigin::Upper => "upper",
        ExeOrigin::Memfd => "memfd",
        ExeOrigin::Deleted => "deleted",
        ExeOrigin::Volume => "volume",
        ExeOrigin::Tmpfs => "tmpfs",
        ExeOrigin::Host => "host",
    }
}

/// With an index that ancestor, 0 the process itself; without one any ancestor.
fn chain<'a>(
    context: &Context<'a>,
    arg: &FieldArg,
    of_process: for<'b> fn(&'b Process) -> Value<'b>,
    of_ancestor: for<'b> fn(&'b Ancestor) -> Value<'b>,
) -> Value<'a> {
    let Some(process) = context.process() else { return Value::Missing };
    match arg.index() {
        Some(0) => of_process(process),
        Some(index) => process.ancestors.get(index - 1).map_or(Value::Missing, |ancestor| of_ancestor(ancestor)),
        None => Value::AnyText(
            process
                .ancestors
                .iter()
                .filter_map(|ancestor| match of_ancestor(ancestor) {
                    Value::Text(text) => Some(text),
                    _ => None,
                })
                .collect(),
        ),
    }
}

/// `proc.args` is all arguments, `proc.args[0]` the first one; beyond the last one they are empty.
fn args<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Some(process) = context.process() else { return Value::Missing };
    match arg.index() {
        Some(index) => Value::text(index.checked_add(1).and_then(|at| process.args.get(at)).map_or("", String::as_str)),
        None => Value::Text(arguments(&process.args)),
    }
}

fn apid<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Some(process) = context.process() else { return Value::Missing };
    match arg.index() {
        Some(0) => Value::Int(i64::from(process.pid)),
        Some(index) => Value::int(process.ancestors.get(index - 1).map(|ancestor| i64::from(ancestor.pid))),
        None => Value::AnyInt(process.ancestors.iter().map(|ancestor| i64::from(ancestor.pid)).collect()),
    }
}

/// `proc.env` is the whole environment, `proc.env[NAME]` one variable.
fn env<'a>(context: &Context<'a>, arg: &FieldArg) -> Value<'a> {
    let Some(process) = context.process() else { return Value::Missing };
    match arg.key() {
        Some(name) => {
            let value =
                |entry: &'a String| entry.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value);
            process.env.iter().find_map(value).map_or(Value::Missing, Value::text)
        }
        None if process.env.is_empty() => Value::Missing,
        None => Value::Text(Cow::Owned(process.env.join(" "))),
    }
}

fn age<'a>(context: &Context<'a>, start: fn(&Process) -> Option<model::Timestamp>) -> Value<'a> {
    let started = context.process().and_then(start);
    Value::int(started.map(|start| context.event.time.as_nanos().saturating_sub(start.as_nanos()).max(0)))
}

fn capabilities(set: Capabilities) -> Value<'static> {
    let mut text = String::new();
    for name in set.names() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(name);
    }
    Value::Text(Cow::Owned(text))
}

/// The name of an account or group: the sensor's, else what every system calls it.
pub fn account(name: Option<&str>, id: u32) -> Value<'_> {
    match (name, id) {
        (Some(name), _) => Value::known(name),
        (None, 0) => Value::text("root"),
        (None, 65_534) => Value::text("nobody"),
        (None, _) => Value::text("<NA>"),
    }
}
