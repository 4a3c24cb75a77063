//! Which processes speak with the network, and what kind of program a process is.

use std::net::IpAddr;

use model::event::Network;
use model::{Ancestor, Body, Event, ExeOrigin, Process, ProcessKey, Timestamp};
use rustc_hash::FxHashMap;

/// Processes that are remembered. Beyond it those of the last ten minutes are kept, and none when that is not enough.
const MAX_PROCESSES: usize = 4096;
const RECENT_MS: i64 = 600_000;
/// How long a connection tells something of what its process does next.
const HOUR_MS: i64 = 3_600_000;

/// A process in its container.
pub type Place = (Option<Box<str>>, ProcessKey);

/// The container of an event, to find processes in.
pub fn container(event: &Event) -> Option<Box<str>> {
    event.scope.container.as_ref().map(|container| container.id.as_str().into())
}

/// A process that spoke with the network.
#[derive(Debug)]
pub struct Speaker {
    /// The event that showed it first.
    pub event: Event,
    /// Whether it was asked from outside, rather than asking.
    pub accepted: bool,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Processes that connected or were connected to, not within the machine.
#[derive(Debug, Default)]
pub struct Connected {
    speakers: FxHashMap<Place, Speaker>,
}

/// Ports of datagrams that programs send without the work at hand: names, time, HTTP/3, logs, metrics, discovery.
const ASIDE: [u16; 8] = [53, 123, 161, 443, 514, 1900, 5353, 8125];

/// The other end, where a connection or a datagram leaves the process for another machine.
pub fn remote(network: &Network) -> Option<(IpAddr, u16)> {
    let remote = network.remote.filter(|remote| !remote.ip.is_loopback() && !remote.ip.is_unspecified())?;
    let says_something = network.protocol == "tcp" || (network.protocol == "udp" && !ASIDE.contains(&remote.port));
    says_something.then_some((remote.ip, remote.port))
}

impl Connected {
    /// Takes a connection or the end of a process. Gives whether a process spoke for the first time.
    pub fn note(&mut self, event: &Event) -> bool {
        let Some(process) = event.process.as_deref() else { return false };
        let accepted = match &event.body {
            // A connection that is still being made (-115) is one.
            Body::Connect(network) if remote(network).is_some() && (network.result >= 0 || network.result == -115) => {
                false
            }
            Body::Accept(network) if network.protocol == "tcp" && network.result >= 0 => true,
            Body::Exit(_) => {
                if !self.speakers.is_empty()
                    && let Some(speaker) = self.speakers.get_mut(&(container(event), process.key()))
                {
                    speaker.ended = Some(event.time);
                }
                return false;
            }
            _ => return false,
        };
        let place = (container(event), process.key());
        if self.speakers.contains_key(&place) {
            return false;
        }
        if self.speakers.len() >= MAX_PROCESSES {
            self.speakers.retain(|_, speaker| event.time.millis_since(speaker.event.time).abs() <= RECENT_MS);
            if self.speakers.len() >= MAX_PROCESSES {
                self.speakers.clear();
            }
        }
        self.speakers.insert(place, Speaker { event: event.clone(), accepted, ended: None });
        true
    }

    /// What a process said to the network within the last hour.
    pub fn get(&self, container: Option<Box<str>>, key: ProcessKey, now: Timestamp) -> Option<&Speaker> {
        let speaker = self.speakers.get(&(container, key))?;
        (now.millis_since(speaker.event.time).abs() <= HOUR_MS).then_some(speaker)
    }

    /// All that are remembered in a container.
    pub fn within<'a>(&'a self, container: Option<&'a str>) -> impl Iterator<Item = &'a Speaker> {
        let inside = move |place: &Place| place.0.as_deref() == container;
        self.speakers.iter().filter(move |(place, _)| inside(place)).map(|(_, speaker)| speaker)
    }
}

/// The identity of an ancestor.
pub const fn key_of(ancestor: &Ancestor) -> ProcessKey {
    ProcessKey { pid: ancestor.pid, start_time: ancestor.start_time }
}

/// A program that the image did not bring.
pub const fn is_foreign(process: &Process) -> bool {
    matches!(process.exe_origin, Some(ExeOrigin::Upper | ExeOrigin::Memfd | ExeOrigin::Deleted | ExeOrigin::Tmpfs))
}

/// The applet of a busybox, else the name; and the arguments after it.
pub fn command<'a>(name: &'a str, args: &'a [String]) -> (&'a str, &'a [String]) {
    match args {
        [_, applet, rest @ ..] if name == "busybox" => (applet, rest),
        [_, rest @ ..] => (name, rest),
        [] => (name, &[]),
    }
}

/// Whether a program is a shell, by its name.
pub fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "csh" | "tcsh" | "fish" | "rbash")
}

/// Whether a program runs other programs' texts, by its name: versions are part of names.
pub fn is_interpreter(name: &str) -> bool {
    const NAMES: [&str; 10] = ["python", "perl", "ruby", "node", "php", "lua", "tclsh", "bun", "deno", "pypy"];
    is_shell(name) || NAMES.iter().any(|known| name.starts_with(known))
}

/// Folders for everybody's temporary files.
pub const TEMPORARY: [&str; 4] = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"];

/// Whether a file is in a folder for temporary files.
pub fn is_temporary(path: &str) -> bool {
    TEMPORARY.iter().any(|folder| path.starts_with(folder))
}

/// Whether an interpreter's program stands on its command line (`-c`, `-e`, `-r` and their like, awk's first argument),
/// comes from its input or a descriptor, or is a file in a folder for temporary files.
pub fn is_inline(name: &str, args: &[String]) -> bool {
    if matches!(name, "awk" | "gawk" | "mawk" | "nawk") {
        return true;
    }
    if !is_interpreter(name) || is_shell(name) {
        return false;
    }
    let is_passing = |arg: &String| {
        arg == "-"
            || is_temporary(arg)
            || arg.starts_with("/dev/fd/")
            || arg.starts_with("/proc/self/fd/")
            || arg == "/dev/stdin"
    };
    if args.len() < 2 || args.iter().skip(1).find(|arg| *arg == "-" || !arg.starts_with('-')).is_some_and(is_passing) {
        return true;
    }
    args.iter().skip(1).take_while(|arg| arg.starts_with('-')).any(|arg| takes_program(name, arg))
}

/// Whether an option is the one by which an interpreter takes its program.
fn takes_program(name: &str, option: &str) -> bool {
    let Some(letters) = option.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        return matches!(option, "--eval" | "--print" | "--execute" | "--run");
    };
    let is = |name_of: &[&str]| name_of.iter().any(|start| name.starts_with(start));
    if is(&["python", "pypy"]) {
        letters.ends_with('c')
    } else if is(&["node", "bun", "deno"]) {
        matches!(letters, "e" | "p" | "pe")
    } else if is(&["php"]) {
        matches!(letters, "r" | "R" | "B")
    } else {
        // Other letters may come before it, the program right behind it.
        letters.trim_start_matches(|c: char| "lnpaiwWsTU".contains(c) || c.is_ascii_digit()).starts_with(['e', 'E'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_options_before_the_script_bring_a_program() {
        for (line, expected) in [
            ("python3 -c x", true),
            ("python3 -u -c x", true),
            ("python3 /usr/bin/gunicorn -c conf.py app", false),
            ("python3 -E /srv/app.py", false),
            ("node -r ./tracing.js server.js -p 3000", false),
            ("node -pe x", true),
            ("perl -MSocket -e x", true),
            ("perl -pe1 /etc/hosts", true),
            ("perl -w /srv/a.pl -e x", false),
            ("ruby -r bundler/setup bin/rails server -e production", false),
            ("php -r x", true),
            ("php artisan serve", false),
            ("sh -c x", false),
        ] {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_inline(&args[0], &args), expected, "{line}");
        }
    }
}
