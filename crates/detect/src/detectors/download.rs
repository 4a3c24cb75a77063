//! Files that came from the network, followed through renames: until they are made executable or run.
//!
//! They are those that download tools write; those that an interpreter's one-liner or a program that the image did not
//! bring writes after it connected; and those in temporary directories whose writer, or its parent, connected. What
//! package managers and compilers write is their own affair.
//!
//! `download-then-run`: such a file is run, by itself or as the script of an interpreter, within an hour.
//! `download-then-chmod`: such a file in a temporary directory gets execute permission within an hour.

use std::collections::VecDeque;

use model::event::{FileChange, FileOperation};
use model::{Body, Event, Process};

use super::connected::{self, Connected, key_of};
use super::{Detector, Hit};
use crate::containers::is_build_tool;

/// How long a download is remembered.
const HOUR_MS: i64 = 3_600_000;

/// Downloads that are remembered; the oldest make room.
const MAX_DOWNLOADS: usize = 1024;

const DOWNLOADERS: [&str; 9] = ["curl", "wget", "aria2c", "axel", "lwp-download", "fetch", "ftp", "tftp", "scp"];

/// Folders for everybody's temporary files.
pub const TEMPORARY: [&str; 4] = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"];

#[derive(Debug)]
struct Download {
    container: Option<String>,
    path: String,
    events: Vec<Event>,
}

/// Downloads that are followed.
#[derive(Debug, Default)]
pub struct Downloads {
    known: VecDeque<Download>,
    connected: Connected,
}

impl Detector for Downloads {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        match &event.body {
            Body::FileOpen(open) if open.result >= 0 && open.flags.writes() => self.written(&open.path, event),
            Body::FileChange(change) if change.result >= 0 => return self.changed(change, event),
            Body::Exec(exec) if exec.result >= 0 && !self.known.is_empty() => {
                return self.run(exec.script.as_deref(), event);
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

fn is_temporary(path: &str) -> bool {
    TEMPORARY.iter().any(|folder| path.starts_with(folder))
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

impl Downloads {
    fn written(&mut self, path: &str, event: &Event) {
        let from_network = event.process.as_ref().is_some_and(|process| self.brings(process, path, event));
        if !from_network || path.starts_with("/dev/null") || path.starts_with("/proc/") {
            return;
        }
        if self.position(path, event).is_none() {
            if self.known.len() >= MAX_DOWNLOADS {
                self.known.pop_front();
            }
            let container = container(event).map(str::to_owned);
            self.known.push_back(Download { container, path: path.to_owned(), events: vec![event.clone()] });
        }
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
        // What runs outside of a container says nothing of the work inside.
        let is_inside =
            |ancestor: &&std::sync::Arc<model::Ancestor>| event.scope.container.is_none() || ancestor.same_container;
        let mut above = process.ancestors.iter().take_while(is_inside);
        let above = above.any(|ancestor| is_build_tool(&ancestor.name, &ancestor.args));
        (spoke(process.key()) || parent.is_some_and(spoke)) && !above && !is_build_tool(&process.name, &process.args)
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
                let at = self.position(&change.path, event)?;
                let download = self.known.get_mut(at)?;
                download.path = change.new_path.clone()?;
                download.events.push(event.clone());
                None
            }
            FileOperation::Unlink => {
                let at = self.position(&change.path, event)?;
                self.known.remove(at);
                None
            }
            FileOperation::Chmod if change.mode.is_some_and(|mode| mode & 0o111 != 0) => {
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

    fn run(&mut self, script: Option<&str>, event: &Event) -> Option<Hit> {
        let process = event.process.as_ref()?;
        // What is run: the program, the script of a `#!`, or the first argument of an interpreter.
        let argument =
            process.args.get(1).filter(|arg| !arg.starts_with('-') && connected::is_interpreter(&process.name));
        let argument = argument.map(|arg| {
            let relative = arg.strip_prefix("./").unwrap_or(arg);
            if arg.starts_with('/') { arg.clone() } else { format!("{}/{relative}", process.cwd.trim_end_matches('/')) }
        });
        let candidates = [Some(process.exe.as_str()), script, argument.as_deref()];
        let at = candidates.into_iter().flatten().find_map(|path| self.position(path, event))?;
        let download = self.known.remove(at)?;
        let output = format!("{} was downloaded and is run by {}", download.path, process.name);
        Some(Hit { detector: "download-then-run", output, earlier: download.events })
    }
}
