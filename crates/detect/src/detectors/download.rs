//! Files that came from the network, followed through renames: until they are made executable or run.
//!
//! They are those that download tools write; those that an interpreter's one-liner or a program that the image did not
//! bring writes after it connected; and those in temporary directories whose writer, its parent, or a process before it in
//! its pipeline connected, before or after the file was made. Copies of them are the same. What package managers and
//! compilers write is their own affair.
//!
//! `download-then-run`: such a file is run, by itself or as the script of an interpreter, within an hour.
//! `download-then-chmod`: such a file in a temporary directory gets execute permission within an hour.
//! `decoded-into-shell`: what a decoder wrote into a temporary directory is run.

use std::collections::VecDeque;

use model::event::{FileChange, FileOperation};
use model::{Body, Event, Process, ProcessKey};

use super::connected::{self, Connected, is_temporary, key_of};
use super::pipes::Pipes;
use super::{Detector, Hit, feed};
use crate::containers::is_build_tool;

/// How long a download is remembered.
const HOUR_MS: i64 = 3_600_000;

/// Downloads that are remembered; the oldest make room.
const MAX_DOWNLOADS: usize = 1024;

const DOWNLOADERS: [&str; 9] = ["curl", "wget", "aria2c", "axel", "lwp-download", "fetch", "ftp", "tftp", "scp"];

/// Temporary files of which the writer may still connect; the oldest make room.
const MAX_WRITTEN: usize = 1024;

/// Programs that make a file of a file.
const COPIERS: [&str; 6] = ["cp", "mv", "install", "dd", "ln", "rsync"];

#[derive(Debug)]
struct Download {
    container: Option<String>,
    path: String,
    events: Vec<Event>,
}

/// A temporary file whose writer did not connect so far.
#[derive(Debug)]
struct Written {
    container: Option<Box<str>>,
    path: String,
    by: ProcessKey,
    /// How it was opened and renamed.
    events: Vec<Event>,
}

/// Downloads that are followed.
#[derive(Debug, Default)]
pub struct Downloads {
    known: VecDeque<Download>,
    written: VecDeque<Written>,
    connected: Connected,
    pipes: Pipes,
}

impl Detector for Downloads {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        match &event.body {
            Body::FileOpen(open) if open.result >= 0 && open.flags.writes() => self.written(&open.path, event),
            Body::FileChange(change) if change.result >= 0 => return self.changed(change, event),
            Body::Exec(exec) if exec.result >= 0 => {
                self.pipes.note(event, event.process.as_deref().is_some_and(feed::decodes));
                if !self.known.is_empty() || !self.written.is_empty() {
                    return self.run(exec.script.as_deref(), event);
                }
            }
            Body::Connect(_) => drop(self.connected.note(event)),
            _ => {}
        }
        None
    }
}

fn container(event: &Event) -> Option<&str> {
    event.scope.container.as_ref().map(|container| container.id.as_str())
}

/// Whether what a process writes anywhere may come from the network: a download tool, a one-liner, a foreign program.
pub fn may_bring(process: &Process) -> bool {
    is_downloader(process) || connected::is_foreign(process) || connected::is_inline(&process.name, &process.args)
}

/// Whether a process is a download tool.
fn is_downloader(process: &Process) -> bool {
    let applet = process.args.get(1).map(String::as_str).filter(|_| process.name == "busybox");
    DOWNLOADERS.contains(&applet.unwrap_or(&process.name))
}

/// Whether a process is a package manager or a compiler, or works for one.
fn is_building(process: &Process, event: &Event) -> bool {
    // What runs outside of a container says nothing of the work inside.
    let is_inside =
        |ancestor: &&std::sync::Arc<model::Ancestor>| event.scope.container.is_none() || ancestor.same_container;
    let mut above = process.ancestors.iter().take_while(is_inside);
    is_build_tool(&process.name, &process.args) || above.any(|above| is_build_tool(&above.name, &above.args))
}

/// Files that a program's arguments name, with its working directory.
fn named<'a>(process: &'a Process, args: &'a [String]) -> impl Iterator<Item = String> + 'a {
    args.iter().filter(|arg| !arg.starts_with('-')).map(|arg| {
        // `dd` names its files so.
        let path = arg.strip_prefix("if=").or_else(|| arg.strip_prefix("of=")).unwrap_or(arg);
        let relative = path.strip_prefix("./").unwrap_or(path);
        let cwd = process.cwd.trim_end_matches('/');
        if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{relative}") }
    })
}

impl Downloads {
    fn written(&mut self, path: &str, event: &Event) {
        let Some(process) = event.process.as_deref().filter(|_| !path.starts_with("/dev/null")) else { return };
        if path.starts_with("/proc/") {
            return;
        }
        if self.brings(process, path, event) {
            self.remember(path, vec![event.clone()], event);
        } else if (is_temporary(path) || may_bring(process)) && !is_building(process, event) {
            // What a shell redirects is opened before the program that writes is started, and before it connects.
            if self.written.len() >= MAX_WRITTEN {
                self.written.pop_front();
            }
            let (container, by) = (connected::container(event), process.key());
            self.written.push_back(Written { container, path: path.to_owned(), by, events: vec![event.clone()] });
        }
    }

    fn remember(&mut self, path: &str, events: Vec<Event>, now: &Event) {
        if self.position(path, now).is_none() {
            if self.known.len() >= MAX_DOWNLOADS {
                self.known.pop_front();
            }
            let container = container(now).map(str::to_owned);
            self.known.push_back(Download { container, path: path.to_owned(), events });
        }
    }

    /// Looks whether the writer of a temporary file, or a process before it in its pipeline, connected or decodes. Gives
    /// the file's events when it was decoded; a file that came from the network is remembered as such.
    fn trace(&mut self, path: &str, now: &Event) -> Option<Vec<Event>> {
        let place = connected::container(now);
        let at = self.written.iter().rposition(|file| file.path == path && file.container == place)?;
        let fresh = |file: &Written| {
            file.events.first().is_some_and(|first| now.time.millis_since(first.time).abs() <= HOUR_MS)
        };
        let file = self.written.remove(at).filter(fresh)?;
        let writers = self.pipes.upstream(file.by);
        let speaker = writers.iter().find_map(|(key, _)| self.connected.get(place.clone(), *key, now.time));
        if let Some(speaker) = speaker {
            let mut events = file.events;
            events.push(speaker.event.clone());
            self.remember(path, events, now);
            return None;
        }
        writers.iter().any(|(_, decodes)| *decodes).then_some(file.events)
    }

    /// Whether what a process writes came from the network.
    fn brings(&self, process: &Process, path: &str, event: &Event) -> bool {
        if is_downloader(process) {
            return true;
        }
        if !may_bring(process) && !is_temporary(path) {
            return false;
        }
        let spoke = |key| self.connected.get(connected::container(event), key, event.time).is_some();
        let parent = process.ancestors.first().map(|parent| key_of(parent));
        (spoke(process.key()) || parent.is_some_and(spoke)) && !is_building(process, event)
    }

    fn position(&mut self, path: &str, event: &Event) -> Option<usize> {
        let fresh = |download: &Download| {
            // Events of several processors, and of containers whose image is not known yet, come a little out of order.
            download.events.first().is_some_and(|first| event.time.millis_since(first.time).abs() <= HOUR_MS)
        };
        self.known.retain(fresh);
        let place = container(event);
        self.known.iter().position(|download| download.path == path && download.container.as_deref() == place)
    }

    fn changed(&mut self, change: &FileChange, event: &Event) -> Option<Hit> {
        match change.operation {
            FileOperation::Create | FileOperation::WriteClose => {
                self.written(&change.path, event);
                None
            }
            FileOperation::Rename => {
                let new_path = change.new_path.as_ref()?;
                let place = connected::container(event);
                for file in self.written.iter_mut().filter(|file| file.path == change.path && file.container == place) {
                    file.path.clone_from(new_path);
                    file.events.push(event.clone());
                }
                let at = self.position(&change.path, event)?;
                let download = self.known.get_mut(at)?;
                download.path.clone_from(new_path);
                download.events.push(event.clone());
                None
            }
            FileOperation::Unlink => {
                let at = self.position(&change.path, event)?;
                self.known.remove(at);
                None
            }
            FileOperation::Chmod if change.mode.is_some_and(|mode| mode & 0o111 != 0) => {
                if self.writer_spoke(&change.path, event) {
                    self.trace(&change.path, event);
                }
                let at = self.position(&change.path, event)?;
                let download = self.known.get_mut(at)?;
                let earlier = download.events.clone();
                download.events.push(event.clone());
                if !is_temporary(&download.path) {
                    return None;
                }
                let output = format!("{} was downloaded and made executable", download.path);
                Some(Hit { detector: "download-then-chmod", output, earlier })
            }
            _ => None,
        }
    }

    /// Whether a temporary file's writer connected, without forgetting the file.
    fn writer_spoke(&self, path: &str, now: &Event) -> bool {
        let place = connected::container(now);
        let file = self.written.iter().rev().find(|file| file.path == path && file.container == place);
        let spoke = |key| self.connected.get(place.clone(), key, now.time).is_some();
        file.is_some_and(|file| self.pipes.upstream(file.by).into_iter().any(|(key, _)| spoke(key)))
    }

    fn run(&mut self, script: Option<&str>, event: &Event) -> Option<Hit> {
        let process = event.process.as_ref()?;
        let (name, args) = connected::command(&process.name, &process.args);
        if COPIERS.contains(&name) {
            self.copied(process, args, event);
            return None;
        }
        // What is run: the program, the script of a `#!`, or the first argument of an interpreter.
        let argument = args.first().filter(|arg| !arg.starts_with('-') && connected::is_interpreter(name));
        let argument = argument.and_then(|_| named(process, args).next());
        let candidates = [Some(process.exe.clone()), script.map(str::to_owned), argument];
        for path in candidates.into_iter().flatten() {
            if let Some(earlier) = self.trace(&path, event) {
                let output = format!("{path} was decoded and is run by {}", process.name);
                return Some(Hit { detector: "decoded-into-shell", output, earlier });
            }
            if let Some(at) = self.position(&path, event) {
                let download = self.known.remove(at)?;
                let output = format!("{path} was downloaded and is run by {}", process.name);
                return Some(Hit { detector: "download-then-run", output, earlier: download.events });
            }
        }
        None
    }

    /// A file is made of another one: of a download it is one too.
    fn copied(&mut self, process: &Process, args: &[String], event: &Event) {
        let files: Vec<String> = named(process, args).collect();
        let Some((target, sources)) = files.split_last().filter(|(_, sources)| !sources.is_empty()) else { return };
        for source in sources {
            if self.writer_spoke(source, event) {
                self.trace(source, event);
            }
            let Some(at) = self.position(source, event) else { continue };
            let Some(events) = self.known.get(at).map(|download| download.events.clone()) else { continue };
            let name = source.rsplit('/').next().unwrap_or(source);
            // Whether the target is a folder is not said.
            self.remember(&format!("{}/{name}", target.trim_end_matches('/')), events.clone(), event);
            self.remember(target, events, event);
        }
    }
}
