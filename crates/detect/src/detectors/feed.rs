//! Shells that take their commands from elsewhere: from the network, from a download, from a decoder.
//!
//! `remote-shell`: a shell without a script below a process that speaks with the network, which gave it pipes, a socket
//! pair or a terminal; a shell whose output is the input of such a process; a shell that a one-line program with a
//! connection starts. `download-into-shell`: an interpreter without a script whose input is the output of a process that
//! speaks with the network. `decoded-into-shell`: the same of a process that decodes. Pipes are followed through the
//! processes of a pipeline by their numbers.

use std::collections::VecDeque;

use model::event::{Exec, StdioType};
use model::{Body, Event, Process, ProcessKey};

use super::connected::{self, Connected, Speaker, key_of};
use super::{Detector, Hit};

/// Processes with pipes that are remembered: those of one pipeline start within milliseconds.
const MAX_PIPERS: usize = 512;
/// How long a shell may wait for the connection of a process at the other end of its pipe.
const PATIENCE_MS: i64 = 30_000;
/// How many processes a pipeline is followed through.
const MAX_HOPS: usize = 4;

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
}

/// What a process in a pipeline is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An interpreter without a script: it runs what it reads.
    Runs,
    /// An interpreter whose script is a descriptor, as `sh <(…)` gives it; its number is not known.
    RunsDescriptor,
    /// It decodes what it reads.
    Decodes,
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

fn pipe(exec: &Exec, fd: usize) -> Option<u64> {
    exec.stdio.get(fd).and_then(|stdio| stdio.pipe)
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
    } else if has_no_script(process) {
        Role::Runs
    } else {
        Role::Other
    }
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
        if input.is_none() && output.is_none() && role != Role::RunsDescriptor {
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
        self.pipers.push_back(Piper { event: event.clone(), container, key, parent, input, output, role });
        self.judge(event)
    }

    /// A process spoke for the first time: it may be at the other end of a shell's pipe.
    fn spoke(&self, event: &Event) -> Option<Hit> {
        if self.pipers.is_empty() { None } else { self.judge(event) }
    }

    /// A shell below a process with a connection.
    fn of_parent(&self, exec: &Exec, event: &Event, process: &Process) -> Option<Hit> {
        let above = process.ancestors.first()?;
        let speaker = self.connected.get(connected::container(event), key_of(above), event.time)?;
        let (name, args) = connected::command(&process.name, &process.args);
        // A terminal that was made for it: the shell leads the session of that terminal.
        let has_terminal = stdio(exec, 0) == StdioType::Tty && process.sid == Some(process.pid);
        let relayed = has_no_script(process)
            && (has_terminal || (is_local(exec, 0) && (is_local(exec, 1) || connected::is_shell(name))));
        let ordered = connected::is_shell(name)
            && args.first().is_some_and(|arg| arg == "-c")
            && is_local(exec, 1)
            && !speaker.accepted
            && connected::is_inline(&above.name, &above.args);
        if !relayed && !ordered {
            return None;
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
        if reader.role == Role::RunsDescriptor {
            let beside = |speaker: &&Speaker| speaks_beside(reader, speaker);
            let speaker = self.connected.within(reader.container.as_deref()).find(beside)?;
            return Some(downloads(reader, speaker, None));
        }
        if reader.role != Role::Runs {
            return None;
        }
        if let Some(listener) = self.other_end(reader, reader.output, |piper| piper.input)
            && let Some(speaker) = self.speaker(listener, &reader.event)
        {
            let output = format!("{name} answers to {}, which speaks with the network", name_of(&speaker.event));
            let earlier = vec![reader.event.clone(), listener.event.clone(), speaker.event.clone()];
            return Some(Hit { detector: "remote-shell", output, earlier });
        }
        let mut at = reader;
        for _ in 0..MAX_HOPS {
            let source = self.other_end(at, at.input, |piper| piper.output)?;
            if let Some(speaker) = self.speaker(source, &reader.event) {
                return Some(downloads(reader, speaker, Some(&source.event)));
            }
            if source.role == Role::Decodes {
                let output = format!("{name} runs what {} decodes", name_of(&source.event));
                let earlier = vec![source.event.clone(), reader.event.clone()];
                return Some(Hit { detector: "decoded-into-shell", output, earlier });
            }
            at = source;
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
