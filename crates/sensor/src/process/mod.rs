//! The process table: who runs, who they came from, and for a while who they were.
//!
//! Keyed by pid and start time, since pids are reused. Fed by exec, fork and exit records and by a snapshot at start; a
//! process that none of them told of is read from /proc when its first event comes. What it is not: it does no
//! attribution, callers say which container a process is in.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Ancestor, Capabilities, ExeOrigin, Namespaces, Process, Timestamp};
use rustc_hash::FxHashMap;

use crate::clock::Clock;
use detect::mask::Masker;

use crate::record::{self, Fork, Header, Task};

pub mod proc;

/// An ancestry is cut here: real ones are below 15, a hostile one grows by a fork per generation.
pub const MAX_ANCESTORS: usize = 32;
/// The dead are kept so long, for children that are seen late.
pub const DEAD_KEPT_NANOS: u64 = 60_000_000_000;
/// And no more than this many: a fork storm must not fill the memory (about 8 KiB each with a compiler's arguments).
pub const MAX_DEAD: usize = 1024;
/// Live entries: the kernel's own default limit of processes on a 64-bit machine is four million, ours bounds memory.
pub const MAX_LIVE: usize = 65_536;

/// Environments that are remembered, of at most two kilobytes each; beyond it all are forgotten.
const MAX_ENVIRONMENTS: usize = 64;

/// `CLONE_PARENT` of clone(2).
const CLONE_PARENT: u64 = 0x8000;

/// Where a process is: compared, never looked into. 0 is the host.
pub type Place = u64;

/// What a process that was created has of its own. Most start a program next, which makes all else new: until another
/// thing happens it is not worth a copy of its creator.
#[derive(Debug, Clone)]
struct Born {
    pid: i32,
    vpid: i32,
    ppid: i32,
    ancestors: Vec<Arc<Ancestor>>,
}

/// A process that is known.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What events carry; of one that did nothing yet what those of its creator carry.
    pub process: Arc<Process>,
    /// When it started, nanoseconds since boot; 0 when only known to [`crate::clock::START_RESOLUTION`].
    pub started: u64,
    /// The container it is in.
    pub place: Place,
    /// The container in which its program was started. A runtime that moves itself into a container to start the first
    /// program there is still not one of the container's processes.
    pub home: Place,
    /// Whether it started a program itself; else it runs its parent's.
    pub executed: bool,
    /// How its children carry it, made with the first of them: all share one copy of its arguments.
    as_ancestor: Option<Arc<Ancestor>>,
    born: Option<Box<Born>>,
    /// Opens that were told before the kernel knew which of them are wanted.
    unjudged: u32,
}

impl Entry {
    fn new(process: Arc<Process>, started: u64, place: Place, home: Place, executed: bool) -> Self {
        Self { process, started, place, home, executed, as_ancestor: None, born: None, unjudged: 0 }
    }

    /// Makes a process of its own of one that did nothing yet.
    fn settle(&mut self, clock: Clock) {
        let Some(born) = self.born.take() else { return };
        let Born { pid, vpid, ppid, ancestors } = *born;
        let start_time = clock.start(self.started);
        let creator = Process { ancestors: Vec::new(), ..Process::clone(&self.process) };
        self.process = Arc::new(Process { pid, ppid, start_time, ancestors, vpid: Some(vpid), ..creator });
    }

    fn ancestors(&self) -> &[Arc<Ancestor>] {
        self.born.as_ref().map_or(&self.process.ancestors, |born| &born.ancestors)
    }

    /// This process as an ancestor of one that is, or is not, in the same container.
    fn ancestor(&mut self, same: bool) -> Arc<Ancestor> {
        let current = |known: &Arc<Ancestor>| known.same_container == same && known.name == self.process.name;
        match &self.as_ancestor {
            Some(known) if current(known) => Arc::clone(known),
            _ => Arc::clone(self.as_ancestor.insert(Arc::new(self.process.as_ancestor(same)))),
        }
    }
}

/// The table.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    masker: Masker,
    live: FxHashMap<u32, Entry>,
    dead: FxHashMap<(u32, u64), Entry>,
    buried: VecDeque<(u64, (u32, u64))>,
    forgotten: u64,
    /// Environments as records have them, and without secrets.
    environments: FxHashMap<Box<[u8]>, Arc<[String]>>,
}

/// Start times in units that both sources agree on.
const fn ticks(since_boot: u64) -> u64 {
    since_boot / crate::clock::START_RESOLUTION
}

impl Table {
    /// An empty table.
    pub fn new(clock: Clock, masker: Masker) -> Self {
        Self {
            clock,
            masker,
            live: FxHashMap::default(),
            dead: FxHashMap::default(),
            buried: VecDeque::new(),
            forgotten: 0,
            environments: FxHashMap::default(),
        }
    }

    /// How many processes live.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether no process is known.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// How many live processes were dropped because the table was full.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// A process by pid and start, alive or lately dead.
    pub fn find(&self, pid: u32, started: u64) -> Option<&Entry> {
        self.live
            .get(&pid)
            .filter(|entry| ticks(entry.started) == ticks(started))
            .or_else(|| self.dead.get(&(pid, ticks(started))))
    }

    /// The process that last had a pid, gone or not, and the container it is or was in.
    pub fn last_with(&self, pid: u32) -> Option<(Arc<Process>, Place)> {
        let gone = || self.buried.iter().rev().find(|(_, key)| key.0 == pid).and_then(|(_, key)| self.dead.get(key));
        self.live.get(&pid).or_else(gone).map(|entry| (Arc::clone(&entry.process), entry.place))
    }

    /// A live process by pid alone.
    pub fn by_pid(&self, pid: u32) -> Option<&Entry> {
        self.live.get(&pid)
    }

    /// A program was started: all but the ancestry is new.
    pub fn exec(&mut self, header: &Header, task: &Task<'_>, place: Place) -> Arc<Process> {
        // The fork's parent, not the present one: who outlives its parent gets another from the kernel.
        let known = self.find(header.pid, header.start_time).filter(|entry| !entry.ancestors().is_empty());
        let ancestors = match known {
            Some(entry) if entry.place == place => entry.ancestors().to_vec(),
            Some(entry) => outside(entry.ancestors()),
            None => self.ancestors(task.ppid, task.parent_start, place),
        };
        let mut process = self.described(header, task, place, ancestors);
        if let Some(parent) = process.ancestors.first() {
            process.ppid = parent.pid;
        }
        let process = Arc::new(process);
        let entry = Entry::new(Arc::clone(&process), header.start_time, place, place, true);
        self.insert(header.pid, entry);
        process
    }

    /// All live processes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.live.values().map(|entry| &entry.process)
    }

    /// Live processes that are in containers.
    pub fn contained(&self) -> Vec<u32> {
        self.live.iter().filter(|(_, entry)| entry.place != 0).map(|(pid, _)| *pid).collect()
    }

    /// A process was created: it runs its creator's program. `header` is the creator's, who is given.
    pub fn fork(&mut self, header: &Header, fork: &Fork, place: Place) -> Arc<Process> {
        let creator = self.get(header, place);
        let parent = self.live.get_mut(&header.pid);
        let (home, known) =
            parent.map_or((place, None), |entry| (entry.home, Some(entry.ancestor(entry.home == place))));
        let mut ancestors = Vec::with_capacity((creator.ancestors.len() + 1).min(MAX_ANCESTORS));
        // With CLONE_PARENT the creator makes a sibling.
        if fork.flags & CLONE_PARENT == 0 {
            ancestors.push(known.unwrap_or_else(|| Arc::new(creator.as_ancestor(home == place))));
        }
        ancestors.extend(creator.ancestors.iter().take(MAX_ANCESTORS - 1).cloned());
        let ppid = ancestors.first().map_or(creator.ppid, |parent| parent.pid);
        let born = Born { pid: signed(fork.pid), vpid: signed(fork.vpid), ppid, ancestors };
        let mut entry = Entry::new(Arc::clone(&creator), fork.start_time, place, home, false);
        entry.born = Some(Box::new(born));
        self.insert(fork.pid, entry);
        creator
    }

    /// A process ended; it is kept among the dead. Gives it and how long it ran, in nanoseconds.
    pub fn exit(&mut self, header: &Header, place: Place) -> (Arc<Process>, u64) {
        let process = self.get(header, place);
        // Who never started a program leaves nothing that its parent does not tell.
        if let Some(entry) = self.live.remove(&header.pid).filter(|entry| entry.executed) {
            let key = (header.pid, ticks(header.start_time));
            self.dead.insert(key, entry);
            self.buried.push_back((header.time, key));
        }
        while let Some((time, key)) = self.buried.front().copied() {
            if self.buried.len() <= MAX_DEAD && header.time.saturating_sub(time) < DEAD_KEPT_NANOS {
                break;
            }
            self.dead.remove(&key);
            self.buried.pop_front();
        }
        (process, header.time.saturating_sub(header.start_time))
    }

    /// The process of a record, with the name and credentials that it has now. The common case copies a pointer.
    pub fn get(&mut self, header: &Header, place: Place) -> Arc<Process> {
        if let Some(entry) = self.live.get_mut(&header.pid)
            && ticks(entry.started) == ticks(header.start_time)
        {
            entry.settle(self.clock);
            if entry.place != place {
                entry.place = place;
                let process = Arc::make_mut(&mut entry.process);
                process.ancestors = outside(&process.ancestors);
            }
            if !is_current(&entry.process, header) {
                refresh(Arc::make_mut(&mut entry.process), header);
            }
            return Arc::clone(&entry.process);
        }
        if let Some(entry) = self.dead.get(&(header.pid, ticks(header.start_time))) {
            return Arc::clone(&entry.process);
        }
        self.adopt(header, place)
    }

    /// Notes an open of a process that the kernel told because nobody judged its opens yet. Gives how many those are.
    pub fn unjudged(&mut self, header: &Header) -> u32 {
        self.live.get_mut(&header.pid).map_or(u32::MAX, |entry| {
            entry.unjudged = entry.unjudged.saturating_add(1);
            entry.unjudged
        })
    }

    /// A task of the snapshot. Its ancestry is filled in by [`Table::link`].
    pub fn snapshot(&mut self, header: &Header, task: &Task<'_>, place: Place) {
        let process = Arc::new(self.described(header, task, place, Vec::new()));
        self.insert(header.pid, Entry::new(process, header.start_time, place, place, true));
    }

    /// A process of /proc, with what can be read there without being it.
    pub fn snapshot_of_proc(&mut self, pid: u32, place: Place) {
        let Some(read) = proc::read_in(std::path::Path::new("/proc"), pid).filter(|read| !read.exe.is_empty()) else {
            return;
        };
        let started = read.start_ticks * crate::clock::START_RESOLUTION;
        let mut process = Process {
            pid: signed(pid),
            start_time: self.clock.start(started),
            ppid: signed(read.ppid),
            name: read.name,
            exe: read.exe,
            args: read.args,
            cwd: read.cwd,
            tty: read.tty,
            sid: Some(read.sid),
            pgid: Some(read.pgid),
            ..Process::default()
        };
        self.masker.args(&mut process.args);
        self.insert(pid, Entry::new(Arc::new(process), started, place, place, true));
    }

    /// Gives the processes of a snapshot their ancestors, once all of them are there.
    pub fn link(&mut self) {
        let pids: Vec<u32> = self.live.keys().copied().collect();
        for pid in &pids {
            self.settle(*pid);
        }
        for pid in pids {
            let mut ancestors = Vec::new();
            let Some(first) = self.live.get(&pid).filter(|entry| entry.process.ancestors.is_empty()) else { continue };
            let place = first.place;
            let mut above = unsigned(first.process.ppid);
            while let Some(entry) = self.live.get(&above).filter(|_| above != 0 && ancestors.len() < MAX_ANCESTORS) {
                ancestors.push(Arc::new(entry.process.as_ancestor(entry.home == place)));
                above = unsigned(entry.process.ppid);
            }
            if let Some(entry) = self.live.get_mut(&pid) {
                Arc::make_mut(&mut entry.process).ancestors = ancestors;
            }
        }
    }

    fn insert(&mut self, pid: u32, entry: Entry) {
        if self.live.len() >= MAX_LIVE && !self.live.contains_key(&pid) {
            // Whoever is dropped here is read from /proc again when it does something.
            if let Some(victim) = self.live.keys().next().copied() {
                self.live.remove(&victim);
                self.forgotten += 1;
            }
        }
        self.live.insert(pid, entry);
    }

    /// A process that nobody told of: what the record says, and what /proc still knows.
    fn adopt(&mut self, header: &Header, place: Place) -> Arc<Process> {
        let mut process =
            Process { pid: signed(header.pid), start_time: self.clock.start(header.start_time), ..Process::default() };
        refresh(&mut process, header);
        if let Some(read) = proc::read(header.pid, ticks(header.start_time)) {
            process.ppid = signed(read.ppid);
            process.exe = read.exe;
            process.args = read.args;
            self.masker.args(&mut process.args);
            process.cwd = read.cwd;
            process.tty = read.tty;
            process.sid = Some(read.sid);
            process.pgid = Some(read.pgid);
            process.ancestors = self.ancestors_of_pid(read.ppid, place);
        }
        let process = Arc::new(process);
        let entry = Entry::new(Arc::clone(&process), header.start_time, place, place, true);
        self.insert(header.pid, entry);
        process
    }

    fn ancestors(&mut self, ppid: u32, parent_start: u64, place: Place) -> Vec<Arc<Ancestor>> {
        self.settle(ppid);
        self.find(ppid, parent_start).map(|parent| chain(parent, place)).unwrap_or_default()
    }

    fn ancestors_of_pid(&mut self, ppid: u32, place: Place) -> Vec<Arc<Ancestor>> {
        self.settle(ppid);
        self.live.get(&ppid).map(|parent| chain(parent, place)).unwrap_or_default()
    }

    fn settle(&mut self, pid: u32) {
        if let Some(entry) = self.live.get_mut(&pid) {
            entry.settle(self.clock);
        }
    }

    /// An environment without its secrets. Most processes have their parent's, or one that another had before.
    fn env(&mut self, bytes: &[u8]) -> Arc<[String]> {
        if bytes.is_empty() {
            return Arc::default();
        }
        if let Some(known) = self.environments.get(bytes) {
            return Arc::clone(known);
        }
        let mut env = record::strings(bytes);
        self.masker.env(&mut env);
        let env: Arc<[String]> = env.into();
        if self.environments.len() >= MAX_ENVIRONMENTS {
            self.environments.clear();
        }
        self.environments.insert(bytes.into(), Arc::clone(&env));
        env
    }

    fn described(&mut self, header: &Header, task: &Task<'_>, place: Place, ancestors: Vec<Arc<Ancestor>>) -> Process {
        let exe = record::text(task.exe);
        let mut process = Process {
            pid: signed(header.pid),
            start_time: self.clock.start(header.start_time),
            ppid: signed(task.ppid),
            exe_origin: origin(task.exe_flags, place != 0),
            exe_inode: Some(task.exe_inode).filter(|inode| *inode != 0),
            exe_changed: wall(task.exe_changed),
            exe_modified: wall(task.exe_modified),
            exe: exe.strip_prefix("memfd:").map_or(exe.clone(), |name| format!("memfd:{name}")),
            args: record::strings(task.argv),
            cwd: record::text(task.cwd),
            tty: task.tty,
            namespaces: Namespaces {
                pid: task.pid_ns.into(),
                mnt: header.mnt_ns.into(),
                net: task.net_ns.into(),
                user: task.user_ns.into(),
            },
            vpid: Some(signed(task.vpid)),
            sid: Some(signed(task.sid)),
            pgid: Some(signed(task.pgid)),
            env: self.env(task.env),
            ancestors,
            ..Process::default()
        };
        self.masker.args(&mut process.args);
        refresh(&mut process, header);
        process
    }
}

/// Ancestors of a process that was moved into a container after its fork, as a runtime does: none of them is in it.
fn outside(ancestors: &[Arc<Ancestor>]) -> Vec<Arc<Ancestor>> {
    ancestors.iter().map(|above| Arc::new(Ancestor { same_container: false, ..Ancestor::clone(above) })).collect()
}

fn chain(parent: &Entry, place: Place) -> Vec<Arc<Ancestor>> {
    let same = parent.home == place;
    let mut ancestors = vec![Arc::new(parent.process.as_ancestor(same))];
    for above in parent.process.ancestors.iter().take(MAX_ANCESTORS - 1) {
        if same || !above.same_container {
            ancestors.push(Arc::clone(above));
        } else {
            // Beyond the border nobody is in the same container, whatever they were to each other.
            ancestors.push(Arc::new(Ancestor { same_container: false, ..Ancestor::clone(above) }));
        }
    }
    ancestors
}

/// A time of the wall clock in nanoseconds; 0 is not known.
fn wall(nanos: u64) -> Option<Timestamp> {
    i64::try_from(nanos).ok().filter(|nanos| *nanos != 0).map(Timestamp::from_nanos)
}

/// Where the program's file came from, `None` when nobody looked.
pub fn origin(flags: u32, in_container: bool) -> Option<ExeOrigin> {
    use record::{EXE_DELETED, EXE_KNOWN, EXE_MEMFD, EXE_OVERLAY, EXE_TMPFS, EXE_UPPER};
    let has = |bit| flags & bit != 0;
    Some(match () {
        () if !has(EXE_KNOWN) => return None,
        () if has(EXE_MEMFD) => ExeOrigin::Memfd,
        () if has(EXE_DELETED) => ExeOrigin::Deleted,
        () if has(EXE_UPPER) && in_container => ExeOrigin::Upper,
        () if has(EXE_OVERLAY) && in_container => ExeOrigin::Image,
        () if has(EXE_TMPFS) => ExeOrigin::Tmpfs,
        () if in_container => ExeOrigin::Volume,
        () => ExeOrigin::Host,
    })
}

fn name_of(header: &Header) -> &[u8] {
    let end = header.comm.iter().position(|byte| *byte == 0).unwrap_or(header.comm.len());
    &header.comm[..end]
}

fn login(header: &Header) -> Option<u32> {
    (header.login_uid != u32::MAX).then_some(header.login_uid)
}

fn is_current(process: &Process, header: &Header) -> bool {
    process.name.as_bytes() == name_of(header)
        && process.uid == header.uid
        && process.gid == header.gid
        && process.caps_effective.0 == header.caps_effective
        && process.caps_permitted.0 == header.caps_permitted
        && process.login_uid == login(header)
        && process.namespaces.mnt == u64::from(header.mnt_ns)
}

fn refresh(process: &mut Process, header: &Header) {
    process.name = String::from_utf8_lossy(name_of(header)).into_owned();
    process.uid = header.uid;
    process.gid = header.gid;
    process.login_uid = login(header);
    process.caps_effective = Capabilities(header.caps_effective);
    process.caps_permitted = Capabilities(header.caps_permitted);
    process.namespaces.mnt = header.mnt_ns.into();
}

/// Pids are below 2^22 (`PID_MAX_LIMIT`), so that neither conversion loses anything.
fn signed(pid: u32) -> i32 {
    i32::try_from(pid).unwrap_or(i32::MAX)
}

fn unsigned(pid: i32) -> u32 {
    u32::try_from(pid).unwrap_or(0)
}

#[cfg(test)]
mod tests;
