//! Sight without bpf(2) (tier C): starts and ends of processes from the process connector, opens of files from fanotify.
//!
//! Both become the records that the programs in the kernel would have sent, so that everything behind them is the same.
//! What it is not: equal to them. /proc is read after the fact, so that what lives for some microseconds only is known
//! by its pid alone; fanotify tells neither flags nor failures; everything else is unseen. fanotify is used for
//! notification only, never for permission: a stalled sensor stops nobody.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;

use detect::opens::{self, Judge};
use model::{CoverageState, OpenFlags};

use crate::clock::Clock;
use crate::provider::{self, Outcome, Outcomes};
use crate::record::{Body, Fork, Header, Open, Record};
use crate::signal::Signal;

pub mod connector;
mod files;
mod task;

use connector::{Connector, Happened};
use files::Files;

/// What of signals these providers do not see.
const LATE: &str = "without bpf(2): read from /proc afterwards, so that short-lived programs may lack their arguments";
const NO_FLAGS: &str = "opens that worked, on the file systems of the host's root and of containers once \
                        their first program runs; writing is told when the file is closed";

/// The providers that work.
#[derive(Debug)]
pub struct Sight {
    connector: Option<Connector>,
    files: Option<Files>,
    /// Starts of processes, for their ends.
    started: rustc_hash::FxHashMap<u32, u64>,
}

/// Processes whose start is remembered; beyond it all are forgotten and their ends not told.
const MAX_STARTED: usize = 65_536;

impl Sight {
    /// Starts what works. `reason` is why there is no bpf(2): it is said of every signal that nothing else sees.
    pub fn start(wanted: &BTreeSet<Signal>, reason: &str) -> (Self, Outcomes) {
        let connector = Connector::open();
        let files = if wanted.contains(&Signal::FileOpen) { Some(Files::open()) } else { None };
        let mut outcomes = provider::none(reason);
        let mut say = |signal, provider, error: Option<String>, seen: &str| {
            let state = if error.is_none() { CoverageState::Seen } else { CoverageState::Unsupported };
            outcomes.all.push(Outcome { signal, provider, state, reason: error.unwrap_or_else(|| seen.to_owned()) });
        };
        for signal in [Signal::Exec, Signal::Exit, Signal::Fork] {
            say(signal, CONNECTOR, connector.as_ref().err().map(|error| provider::explain(error)), LATE);
        }
        if let Some(files) = &files {
            say(Signal::FileOpen, FANOTIFY, files.as_ref().err().map(|error| provider::explain(error)), NO_FLAGS);
        }
        let sight = Self {
            connector: connector.ok(),
            files: files.and_then(Result::ok),
            started: rustc_hash::FxHashMap::default(),
        };
        (sight, outcomes)
    }

    /// Opens only, beside programs in the kernel that do not see them: where the kernel refuses those or they are not
    /// allowed. `None` when no rule asks for opens, they are seen, or fanotify does not work either.
    pub fn beside(wanted: &BTreeSet<Signal>, outcomes: &mut Outcomes) -> Option<Self> {
        if !wanted.contains(&Signal::FileOpen) || outcomes.seen().contains(&Signal::FileOpen) {
            return None;
        }
        let files = Files::open();
        let (state, reason) = match &files {
            Ok(_) => (CoverageState::Seen, NO_FLAGS.to_owned()),
            Err(error) => (CoverageState::Unsupported, provider::explain(error)),
        };
        outcomes.all.push(Outcome { signal: Signal::FileOpen, provider: FANOTIFY, state, reason });
        Some(Self { connector: None, files: Some(files.ok()?), started: rustc_hash::FxHashMap::default() })
    }

    /// What is readable when something happened.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.connector.iter().map(Connector::fd).chain(self.files.iter().map(Files::fd))
    }

    /// Watches the file system of a process's root, too, if it is not watched yet.
    pub fn watch_root_of(&mut self, pid: u32) {
        if let Some(files) = &mut self.files {
            files.watch_root_of(pid);
        }
    }

    /// How much was lost because nobody read in time, since the last call.
    pub fn lost(&mut self) -> Vec<(Signal, u64)> {
        let of = |count: Option<&mut u64>| count.map_or(0, std::mem::take);
        let connector = of(self.connector.as_mut().map(|connector| &mut connector.lost));
        let files = of(self.files.as_mut().map(|files| &mut files.lost));
        vec![(Signal::Exec, connector), (Signal::FileOpen, files)]
    }

    /// Hands on what happened since the last call, processes first. `judge` says which opens can be wanted at all.
    pub fn read(&mut self, judge: Option<&Judge>, mut take: impl FnMut(&Record<'_>, &'static str)) {
        for happened in self.connector.iter_mut().flat_map(Connector::read).collect::<Vec<_>>() {
            self.process(happened, &mut take);
        }
        let Some(files) = &mut self.files else { return };
        files.read(|pid, path, flags| {
            let wanted = judge.is_none_or(|judge| is_wanted(judge, path, flags));
            if !wanted {
                return;
            }
            let gone = || Header { signal: Signal::FileOpen as u16, pid, time: Clock::since_boot(), ..task::NOBODY };
            let header = task::header(pid, Signal::FileOpen).unwrap_or_else(gone);
            let open = Open { result: 0, inode: 0, flags, mode: 0, user_path: false, unjudged: false, path, raw: b"" };
            take(&Record { header, body: Body::Open(open) }, FANOTIFY);
        });
    }

    fn process(&mut self, happened: Happened, take: &mut impl FnMut(&Record<'_>, &'static str)) {
        match happened {
            Happened::Fork { parent, child } => {
                let seen = task::header(child, Signal::Fork);
                let (Some(header), Some(seen)) = (task::header(parent, Signal::Fork), seen) else { return };
                self.remember(child, seen.start_time);
                let fork = Fork { start_time: seen.start_time, flags: 0, pid: child, vpid: task::inner_pid(child) };
                take(&Record { header, body: Body::Fork(fork) }, CONNECTOR);
            }
            Happened::Exec { pid } => {
                let read = task::Read::of(pid);
                let (Some(header), Some(read)) = (task::header(pid, Signal::Exec), read) else { return };
                self.remember(pid, header.start_time);
                take(&Record { header, body: Body::Exec(Box::new(read.task())) }, CONNECTOR);
            }
            Happened::Exit { pid, code } => {
                // /proc may have nothing of it any more.
                let Some(start_time) = self.started.remove(&pid) else { return };
                let signal = Signal::Exit as u16;
                let time = Clock::since_boot();
                let gone = Header { signal, pid, tid: pid, start_time, time, ..task::NOBODY };
                take(&Record { header: gone, body: Body::Exit { code } }, CONNECTOR);
            }
        }
    }

    fn remember(&mut self, pid: u32, start: u64) {
        if self.started.len() >= MAX_STARTED {
            self.started.clear();
        }
        self.started.insert(pid, start);
    }
}

/// The connector's name as a provider.
pub const CONNECTOR: &str = "proc_connector";
/// The name of fanotify as a provider.
pub const FANOTIFY: &str = "fanotify";

/// Whether any process's open of this path could match something.
fn is_wanted(judge: &Judge, path: &[u8], flags: u32) -> bool {
    let hit = judge.table().run(path);
    [flags, flags | OpenFlags::CREAT]
        .into_iter()
        .any(|flags| opens::is_wanted(&judge.anybody(), opens::class(OpenFlags(flags), 0), hit))
}
