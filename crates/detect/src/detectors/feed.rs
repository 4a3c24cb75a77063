//! Shells that take their commands from elsewhere: from the network, from a download, from a decoder.
//!
//! `remote-shell`: a shell without a script below a process that speaks with the network, which gave it pipes, a socket
//! pair or a terminal; a shell whose output is the input of such a process; a shell that a one-line program with a
//! connection starts. `download-into-shell`: an interpreter without a script whose input is the output of a process that
//! speaks with the network, or whose text such a process wrote for the shell that starts it. `decoded-into-shell`: the
//! same of a process that decodes. `archive-to-network`: an archive goes through pipes into a tool that speaks with the
//! network. Pipes are followed through the processes of a pipeline by their numbers.

use std::collections::VecDeque;

use model::event::{Exec, StdioType};
use model::{Body, Event, Process, ProcessKey, Timestamp};

use super::connected::{self, Connected, Speaker, key_of};
use super::pipes::pipe;
use super::{Detector, Hit};

/// Processes with pipes that are remembered: those of one pipeline start within milliseconds.
const MAX_PIPERS: usize = 512;
/// How long a shell may wait for the connection of a process at the other end of its pipe.
const PATIENCE_MS: i64 = 30_000;
/// How many processes a pipeline is followed through.
const MAX_HOPS: usize = 4;
/// How soon after a substitution's end the shell starts what it makes of it: a millisecond, more under load.
const AT_ONCE_MS: i64 = 250;

/// A process whose input or output is a pipe.
#[derive(Debug)]
struct Piper {
    event: Event,
    container: Option<Box<str>>,
    key: ProcessKey,
    parent: Option<ProcessKey>,
    input: Option<u64>,
    output: Option<u64>,
    role: Role,
    /// Whether its input and output are what a program gives a child that it talks with.
    relayed: bool,
    /// When it ended.
    ended: Option<Timestamp>,
}

/// What a process in a pipeline is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An interpreter without a script: it runs what it reads.
    Runs,
    /// An interpreter whose script is a descriptor, as `sh <(…)` gives it; its number is not known.
    RunsDescriptor,
    /// A shell with its text on its command line.
    RunsText,
    /// It decodes what it reads.
    Decodes,
    /// It writes an archive or the dump of a database.
    Archives,
    /// Anything else.
    Other,
}

/// Processes in pipelines and processes with connections.
#[derive(Debug, Default)]
pub struct Feeds {
    connected: Connected,
    pipers: VecDeque<Piper>,
}

impl Detector for Feeds {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let mut hit = match &event.body {
            Body::Exec(exec) if exec.result >= 0 => self.started(exec, event),
            Body::Connect(_) | Body::Accept(_) => self.connected.note(event).then(|| self.spoke(event)).flatten(),
            Body::Exit(_) => {
                self.connected.note(event);
                self.ended(event);
                None
            }
            _ => None,
        }?;
        hit.earlier.retain(|earlier| earlier.seq != event.seq);
        hit.earlier.sort_by_key(|earlier| earlier.seq);
        Some(hit)
    }
}

fn stdio(exec: &Exec, fd: usize) -> StdioType {
    exec.stdio.get(fd).map_or(StdioType::None, |stdio| stdio.r#type)
}

/// A pipe, or a socket that is no connection to another machine: what programs give their children.
fn is_local(exec: &Exec, fd: usize) -> bool {
    let socket = stdio(exec, fd) == StdioType::Socket && exec.stdio.get(fd).is_some_and(|stdio| stdio.peer.is_none());
    stdio(exec, fd) == StdioType::Pipe || socket
}

/// Whether an interpreter was given no script: no argument that is none of its options.
fn has_no_script(process: &Process) -> bool {
    let (name, args) = connected::command(&process.name, &process.args);
    if !connected::is_interpreter(name) && !connected::is_foreign(process) {
        return false;
    }
    let given: Vec<&str> = args.iter().map(String::as_str).take_while(|arg| !matches!(*arg, "-" | "-s")).collect();
    let is_command = |arg: &&str| !arg.starts_with("--") && arg.starts_with('-') && arg.contains(['c', 'e', 'r']);
    given.iter().all(|arg| arg.starts_with('-')) && !given.iter().any(is_command)
}

fn role(process: &Process) -> Role {
    let (name, args) = connected::command(&process.name, &process.args);
    let is_pipe = |arg: &String| arg.starts_with("/dev/fd/") || arg.starts_with("/proc/self/fd/");
    if connected::is_interpreter(name) && args.first().is_some_and(is_pipe) {
        Role::RunsDescriptor
    } else if is_decoder(process, name, args) {
        Role::Decodes
    } else if has_no_script(process) || (name == "xargs" && command_text(args).is_some()) {
        Role::Runs
    } else if connected::is_shell(name) && command_text(args).is_some() {
        Role::RunsText
    } else if is_archiver(name, args) {
        Role::Archives
    } else {
        Role::Other
    }
}

/// Whether a process decodes what it reads.
pub fn decodes(process: &Process) -> bool {
    let (name, args) = connected::command(&process.name, &process.args);
    is_decoder(process, name, args)
}

/// What follows `-c`; of a program that is given a command to complete it may be empty.
fn command_text(args: &[String]) -> Option<&str> {
    let is_command = |arg: &&String| arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('c');
    let shell = args.iter().any(|arg| connected::is_shell(arg.rsplit('/').next().unwrap_or(arg)));
    let mut from = args.iter().skip_while(|arg| !is_command(arg));
    let first = args.first().is_some_and(|arg| is_command(&arg));
    from.next().filter(|_| first || shell).map(|_| from.next().map_or("", String::as_str))
}

/// Programs that write archives or dumps of databases.
const ARCHIVERS: [&str; 11] =
    ["zip", "7z", "7za", "cpio", "ar", "mysqldump", "mariadb-dump", "pg_dump", "pg_dumpall", "mongodump", "redis-dump"];

/// Whether a program writes an archive or a dump to its output.
fn is_archiver(name: &str, args: &[String]) -> bool {
    match name {
        "tar" => {
            args.first().is_some_and(|modes| modes == "--create" || (!modes.starts_with("--") && modes.contains('c')))
        }
        "gzip" | "pigz" | "bzip2" | "xz" | "zstd" | "lz4" => !args
            .iter()
            .any(|arg| matches!(arg.as_str(), "-d" | "-dc" | "-cd" | "-t" | "-l" | "--decompress" | "--test")),
        _ => ARCHIVERS.contains(&name),
    }
}

/// Tools that send what they are given anywhere, unlike those that know what they copy and where to.
fn sends_anything(process: &Process) -> bool {
    let (name, _) = connected::command(&process.name, &process.args);
    name.starts_with("nc")
        || matches!(name, "netcat" | "curl" | "wget" | "socat" | "openssl" | "telnet" | "dd")
        || connected::is_foreign(process)
        || connected::is_inline(name, &process.args)
}

/// Whether a text is a script that somebody wrote, rather than a command: it has several lines, or names its interpreter.
fn is_script(text: &str) -> bool {
    text.starts_with("#!") || text.trim().contains('\n')
}

/// What people type who were let into an unknown machine, and programs hardly ever run through a shell.
fn looks_around(text: &str) -> bool {
    let text = text.trim().trim_end_matches("2>&1").trim();
    matches!(
        text,
        "id" | "whoami"
            | "cat /etc/passwd"
            | "uname -a"
            | "ls -la"
            | "ls -al"
            | "ls -la /"
            | "sudo -l"
            | "uname -a; id"
            | "id; uname -a"
    )
}

fn is_decoder(process: &Process, name: &str, args: &[String]) -> bool {
    const DECODE: [&str; 4] = ["-d", "-D", "-di", "--decode"];
    const CALLS: [&str; 9] = [
        "b64decode",
        "b32decode",
        "decode_base64",
        "base64_decode",
        "decode64",
        "unpack",
        "fromhex",
        "\"base64\"",
        "'base64'",
    ];
    let decodes = args.iter().any(|arg| DECODE.contains(&arg.as_str()));
    match name {
        "base64" | "base32" | "basenc" | "openssl" => decodes,
        "uudecode" => true,
        "xxd" => args.iter().any(|arg| arg.starts_with("-r")),
        _ if connected::is_inline(name, &process.args) => {
            args.iter().any(|arg| CALLS.iter().any(|call| arg.contains(call)))
        }
        // A renamed tool keeps its options.
        _ => connected::is_foreign(process) && args.len() <= 2 && decodes,
    }
}

fn name_of(event: &Event) -> &str {
    event.process.as_ref().map_or("", |process| process.name.as_str())
}

impl Feeds {
    fn started(&mut self, exec: &Exec, event: &Event) -> Option<Hit> {
        let process = event.process.as_deref()?;
        if let Some(hit) = self.of_parent(exec, event, process) {
            return Some(hit);
        }
        let (input, output) = (pipe(exec, 0), pipe(exec, 1));
        let role = role(process);
        let (name, _) = connected::command(&process.name, &process.args);
        let relayed = role == Role::Runs && is_local(exec, 0) && (is_local(exec, 1) || connected::is_shell(name));
        let waits = matches!(role, Role::RunsDescriptor | Role::RunsText | Role::Decodes);
        if input.is_none() && output.is_none() && !relayed && !waits {
            return None;
        }
        let key = process.key();
        // A process that executes another program keeps its place.
        self.pipers.retain(|piper| piper.key != key);
        if self.pipers.len() >= MAX_PIPERS {
            self.pipers.pop_front();
        }
        let parent = process.ancestors.first().map(|parent| key_of(parent));
        let container = connected::container(event);
        let piper = Piper { event: event.clone(), container, key, parent, input, output, role, relayed, ended: None };
        self.pipers.push_back(piper);
        self.judge(event)
    }

    fn ended(&mut self, event: &Event) {
        let Some(key) = event.process.as_ref().map(|process| process.key()) else { return };
        if let Some(piper) = self.pipers.iter_mut().rev().find(|piper| piper.key == key) {
            piper.ended = Some(event.time);
        }
    }

    /// A process spoke for the first time: it may be at the other end of a shell's pipe, or have started the shell before.
    fn spoke(&self, event: &Event) -> Option<Hit> {
        if self.pipers.is_empty() { None } else { self.judge(event).or_else(|| self.to_child(event)) }
    }

    /// A process calls out that talks with a shell which it started before.
    fn to_child(&self, event: &Event) -> Option<Hit> {
        let process = event.process.as_deref().filter(|_| matches!(event.body, Body::Connect(_)))?;
        let (container, key) = (connected::container(event), process.key());
        let child = self.pipers.iter().rev().find(|piper| {
            piper.relayed
                && piper.ended.is_none()
                && piper.parent == Some(key)
                && piper.container == container
                && !self.inherits(piper.output, key)
        })?;
        let output = format!(
            "{} takes its commands from {}, which speaks with the network",
            name_of(&child.event),
            process.name
        );
        Some(Hit { detector: "remote-shell", output, earlier: vec![child.event.clone()] })
    }

    /// Whether an output is the one that a process has itself, so that it hears nothing of what is written there.
    fn inherits(&self, output: Option<u64>, above: ProcessKey) -> bool {
        output.is_some() && self.pipers.iter().any(|piper| piper.key == above && piper.output == output)
    }

    /// A shell below a process with a connection.
    fn of_parent(&self, exec: &Exec, event: &Event, process: &Process) -> Option<Hit> {
        let above = process.ancestors.first()?;
        let speaker = self.connected.get(connected::container(event), key_of(above), event.time)?;
        let (name, args) = connected::command(&process.name, &process.args);
        let text = command_text(args).filter(|_| connected::is_shell(name));
        let asked = !speaker.accepted && (is_local(exec, 1) || text.is_some_and(is_script));
        let adhoc = connected::is_inline(&above.name, &above.args);
        let is_program = connected::is_interpreter(&above.name) && !connected::is_shell(&above.name);
        // Without a shell between: what perl and ruby make of one plain word.
        let plain = || [&[name.to_owned()], args].concat().join(" ");
        let ordered = asked
            && match text {
                Some(text) => adhoc || (is_program && looks_around(text)),
                None => adhoc && looks_around(&plain()),
            };
        // A terminal that was made for it: the shell leads the session of that terminal.
        let has_terminal = stdio(exec, 0) == StdioType::Tty && process.sid == Some(process.pid);
        let relayed = has_no_script(process)
            && (has_terminal || (is_local(exec, 0) && (is_local(exec, 1) || connected::is_shell(name))));
        if !relayed && !ordered {
            return None;
        }
        let one_way = relayed && !has_terminal && self.inherits(pipe(exec, 1), key_of(above));
        if one_way || text.is_some_and(is_script) {
            let output = format!("{name} runs what {} gets from the network", above.name);
            return Some(Hit { detector: "download-into-shell", output, earlier: vec![speaker.event.clone()] });
        }
        let output = format!("{name} takes its commands from {}, which speaks with the network", above.name);
        Some(Hit { detector: "remote-shell", output, earlier: vec![speaker.event.clone()] })
    }

    /// Looks at the pipelines of the event's container that are younger than [`PATIENCE_MS`].
    fn judge(&self, event: &Event) -> Option<Hit> {
        let container = connected::container(event);
        let fresh = |piper: &&Piper| {
            piper.container == container && event.time.millis_since(piper.event.time).abs() <= PATIENCE_MS
        };
        let readers = self.pipers.iter().rev().filter(fresh).filter(|piper| piper.role != Role::Other);
        let concerns = |hit: &Hit, reader: &Piper| {
            let now = event.process.as_ref().map(|process| process.key());
            // Only the process that is new makes a new finding.
            Some(reader.key) == now || hit.earlier.iter().any(|known| known.process.as_ref().map(|p| p.key()) == now)
        };
        readers
            .filter_map(|reader| self.fed(reader).map(|hit| (hit, reader)))
            .find(|(hit, reader)| concerns(hit, reader))
            .map(|(hit, _)| hit)
    }

    /// What feeds a reader, and what hears it.
    fn fed(&self, reader: &Piper) -> Option<Hit> {
        let name = name_of(&reader.event);
        match reader.role {
            Role::RunsDescriptor => {
                let beside = |speaker: &&Speaker| speaks_beside(reader, speaker);
                let speaker = self.connected.within(reader.container.as_deref()).find(beside);
                let speaks = speaker.map(|speaker| downloads(reader, speaker, None));
                return speaks.or_else(|| self.substituted(reader, |ended| ended.is_none()));
            }
            Role::RunsText => return self.substituted(reader, |ended| ended.is_some()),
            Role::Archives => return self.sent(reader),
            Role::Runs => {}
            Role::Decodes | Role::Other => return None,
        }
        if let Some(listener) = self.other_end(reader, reader.output, |piper| piper.input)
            && let Some(speaker) = self.speaker(listener, &reader.event)
        {
            let output = format!("{name} answers to {}, which speaks with the network", name_of(&speaker.event));
            let earlier = vec![reader.event.clone(), listener.event.clone(), speaker.event.clone()];
            return Some(Hit { detector: "remote-shell", output, earlier });
        }
        let mut at = reader;
        let mut decoded = None;
        // Those between belong to the evidence, and the last of all to be started makes the finding.
        let mut between = Vec::new();
        let with = |mut hit: Hit, between: &[Event]| {
            hit.earlier.extend_from_slice(between);
            hit
        };
        for _ in 0..MAX_HOPS {
            let Some(source) = self.other_end(at, at.input, |piper| piper.output) else { break };
            if let Some(speaker) = self.speaker(source, &reader.event) {
                return Some(with(downloads(reader, speaker, Some(&source.event)), &between));
            }
            if source.role == Role::Decodes {
                decoded = decoded.or_else(|| Some(with(decodes_into(reader, source), &between)));
            }
            between.push(source.event.clone());
            at = source;
        }
        // A here-document of a shell has no process at its other end.
        let is_here = at.key == reader.key && reader.input.is_some();
        decoded.or_else(|| self.substituted(reader, |ended| ended.is_some()).filter(|_| is_here))
    }

    /// What a shell has another process write and runs at once: the other process wrote into a pipe of their common
    /// parent, and ended just before or is read from as a file.
    fn substituted(&self, reader: &Piper, ended: fn(Option<Timestamp>) -> bool) -> Option<Hit> {
        let process = reader.event.process.as_deref()?;
        let at_once =
            |end: Option<Timestamp>| end.is_none_or(|end| reader.event.time.millis_since(end).abs() <= AT_ONCE_MS);
        // The shell itself, or one that it forked for a pipeline; of a here-document the one that becomes its reader.
        let by_itself = if reader.role == Role::Runs { None } else { reader.parent };
        let kin = [by_itself, Some(reader.key)];
        let is_kin = |piper: &Piper| {
            let above = piper.event.process.iter().flat_map(|process| process.ancestors.iter().take(2));
            above.map(|above| Some(key_of(above))).any(|above| kin.contains(&above))
        };
        let (_, args) = connected::command(&process.name, &process.args);
        // One line on a command line is what anybody runs after a secret was decoded or a version was asked for.
        if reader.role == Role::RunsText && !command_text(args).is_some_and(is_script) {
            return None;
        }
        let beside = self.pipers.iter().rev().find(|piper| {
            piper.output.is_some()
                && piper.output != reader.output
                && piper.key != reader.key
                && is_kin(piper)
                && piper.container == reader.container
                && ended(piper.ended)
                && at_once(piper.ended)
                && (piper.role == Role::Decodes || self.speaker(piper, &reader.event).is_some())
        })?;
        match self.speaker(beside, &reader.event).filter(|_| beside.role != Role::Decodes) {
            Some(speaker) => Some(downloads(reader, speaker, Some(&beside.event))),
            None => Some(decodes_into(reader, beside)),
        }
    }

    /// An archive's way through pipes to a tool that speaks with the network.
    fn sent(&self, archiver: &Piper) -> Option<Hit> {
        let mut at = archiver;
        for _ in 0..MAX_HOPS {
            at = self.other_end(at, at.output, |piper| piper.input)?;
            let Some(speaker) = self.speaker(at, &archiver.event).filter(|speaker| !speaker.accepted) else { continue };
            let sends = at.event.process.as_deref().is_some_and(sends_anything);
            let output = format!("{} sends what {} packs", name_of(&speaker.event), name_of(&archiver.event));
            let earlier = vec![archiver.event.clone(), at.event.clone(), speaker.event.clone()];
            return sends.then_some(Hit { detector: "archive-to-network", output, earlier });
        }
        None
    }

    /// The process at the other end of a pipe.
    fn other_end(&self, from: &Piper, pipe: Option<u64>, end: fn(&Piper) -> Option<u64>) -> Option<&Piper> {
        let pipe = pipe?;
        let is_it =
            |piper: &&Piper| end(piper) == Some(pipe) && piper.container == from.container && piper.key != from.key;
        self.pipers.iter().rev().find(is_it)
    }

    fn speaker(&self, piper: &Piper, now: &Event) -> Option<&Speaker> {
        self.connected.get(piper.container.clone(), piper.key, now.time)
    }
}

fn decodes_into(reader: &Piper, source: &Piper) -> Hit {
    let output = format!("{} runs what {} decodes", name_of(&reader.event), name_of(&source.event));
    Hit { detector: "decoded-into-shell", output, earlier: vec![source.event.clone(), reader.event.clone()] }
}

fn downloads(reader: &Piper, speaker: &Speaker, start: Option<&Event>) -> Hit {
    let (shell, source) = (name_of(&reader.event), name_of(&speaker.event));
    let output = format!("{shell} runs what {source} gets from the network");
    let earlier = start.into_iter().chain([&speaker.event, &reader.event]).cloned().collect();
    Hit { detector: "download-into-shell", output, earlier }
}

/// Whether a process with a connection is another child of the reader's parent and ran at the same time.
fn speaks_beside(reader: &Piper, speaker: &Speaker) -> bool {
    let (Some(other), Some(process)) = (speaker.event.process.as_deref(), reader.event.process.as_deref()) else {
        return false;
    };
    let parent = other.ancestors.first().map(|parent| key_of(parent));
    let before = speaker.ended.is_some_and(|ended| ended < process.start_time);
    parent.is_some() && parent == reader.parent && other.key() != reader.key && !before
}
