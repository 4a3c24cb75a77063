//! From a record to an event: decode, look the process and its place up, hold what is not yet placed, hand it on.
//!
//! One thread owns all of this, so that nothing here is locked. What it is not: it neither reads the ring nor sends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detect::mask::Masker;
use model::{Attribution, Event, Process, Scope, Timestamp, event};

use crate::clock::Clock;
use crate::container::locate::{self, Containerd, Creation};
use crate::container::resolver::{Reply, Resolver};
use crate::container::{Container, Containers, Number};
use crate::convert;
use crate::process::{Table, proc};
use crate::questions::Questions;
use crate::record::{self, Body, Cgroup, Fork, Header, Record, SocketCall};
use crate::signal::Signal;

mod waiting;

use waiting::Waiting;
pub use waiting::{HOLD_NANOS, MAX_HELD};

/// The unjudged open of a process with which its opens are judged. Most programs open fewer files than this; for them
/// judging would cost more than it saves, about as much as four opens.
pub const JUDGED_FROM: u32 = 4;

/// Starts of containers that are remembered; a node starts a few in a second.
const MAX_STARTED: usize = 64;

/// Takes events, in order.
pub trait Sink {
    /// Takes one. Its sequence number is set here.
    fn event(&mut self, event: Event);
    /// A container's place is better known than in the events so far.
    fn placed(&mut self, scope: &Arc<Scope>);
    /// Whether an event of a signal at a time is of any use. One that is not need not be made; it is counted here.
    fn wants(&mut self, signal: Signal, time: Timestamp) -> bool;
    /// Opens of a process, as it is in `header` and `event`, were not judged yet. `event` is any event of it.
    fn unjudged(&mut self, header: &Header, event: &Event);
}

/// The state between records.
#[derive(Debug)]
pub struct Pipeline<S> {
    clock: Clock,
    processes: Table,
    questions: Questions,
    containers: Containers,
    resolver: Option<Resolver>,
    waiting: Waiting,
    malformed: u64,
    canary: Option<u32>,
    proved: BTreeSet<Signal>,
    started: Vec<u32>,
    by_functions: BTreeSet<Signal>,
    /// What saw the record at hand, where it is not what its kind is usually seen by.
    by: Option<&'static str>,
    /// Where runtimes keep the states of their containers.
    runc_roots: Vec<PathBuf>,
    /// Fields of the event at hand that its kind has only sometimes.
    extra: model::Extra,
    sink: S,
}

impl<S: Sink> Pipeline<S> {
    /// A pipeline over a container table; without a resolver only what the bundles say is known.
    pub fn new(clock: Clock, masker: Masker, containers: Containers, resolver: Option<Resolver>, sink: S) -> Self {
        Self {
            clock,
            processes: Table::new(clock, masker),
            questions: Questions::default(),
            containers,
            resolver,
            waiting: Waiting::default(),
            malformed: 0,
            canary: None,
            proved: BTreeSet::new(),
            started: Vec::new(),
            by_functions: BTreeSet::new(),
            by: None,
            runc_roots: Vec::new(),
            extra: model::Extra::new(),
            sink,
        }
    }

    /// Lets events wait for another time than [`HOLD_NANOS`] for the name of their container's image.
    #[must_use]
    pub const fn holding(mut self, nanos: u64) -> Self {
        self.waiting.nanos = nanos;
        self
    }

    /// Takes the bytes of one record.
    pub fn record(&mut self, bytes: &[u8]) {
        match record::decode(bytes) {
            Ok(record) => self.decoded(&record),
            // Only a program that does not belong to this executable could write such a record.
            Err(_) => self.malformed += 1,
        }
    }

    /// The processes that are in containers.
    pub fn contained(&self) -> Vec<u32> {
        self.processes.contained()
    }

    /// Says which signals are seen by the kernel's functions of system calls; their events name that.
    pub fn by_functions(&mut self, signals: BTreeSet<Signal>) {
        self.by_functions = signals;
    }

    /// What saw a system call.
    fn call_provider(&self, header: &Header) -> &'static str {
        let signal = Signal::from_number(header.signal);
        if signal.is_some_and(|signal| self.by_functions.contains(&signal)) { "fexit" } else { "tp_btf" }
    }

    /// First processes of containers that started since the last call; only some, when nobody asks.
    pub fn started_containers(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.started)
    }

    /// Takes a record that another provider than the kernel's programs made. Gives the container that it is of, if any.
    pub fn take(&mut self, record: &Record<'_>, by: &'static str) -> Number {
        self.by = Some(by);
        let place = match record {
            // Its process is gone from /proc: what is known of it is what was seen of it before.
            Record { header, body: Body::Open(open) } if header.start_time == 0 => self.opened_before(header, open),
            _ => {
                self.decoded(record);
                self.containers.of_cgroup(record.header.cgroup_id)
            }
        };
        self.by = None;
        place.unwrap_or(0)
    }

    fn opened_before(&mut self, header: &Header, open: &record::Open<'_>) -> Option<Number> {
        let (process, place) = self.processes.last_with(header.pid)?;
        self.emit(header, Some(place), process, "", convert::open(open));
        Some(place)
    }

    /// Takes the processes that already run, then looks for the containers that they are in.
    pub fn snapshot(&mut self, records: &[u8], runc_roots: &[PathBuf]) {
        // Twice: containers are found by the processes' command lines, processes are placed by their containers.
        for _ in 0..2 {
            for bytes in record::split(records) {
                if let Ok(Record { header, body: Body::Task(task) }) = record::decode(bytes) {
                    let place = self.containers.of_cgroup(header.cgroup_id).unwrap_or(0);
                    self.processes.snapshot(&header, &task, place);
                }
            }
            self.processes.link();
            self.find_containers(runc_roots);
        }
        self.ask_for_all();
    }

    /// The same from /proc, where the kernel gives no iterator.
    pub fn snapshot_of_proc(&mut self, runc_roots: &[PathBuf]) {
        self.runc_roots = runc_roots.to_vec();
        for _ in 0..2 {
            for pid in proc::pids(Path::new("/proc")) {
                let place = proc::cgroup_path(pid).and_then(|path| self.containers.of_path(&path)).unwrap_or(0);
                self.processes.snapshot_of_proc(pid, place);
            }
            self.processes.link();
            self.find_containers(runc_roots);
        }
        self.ask_for_all();
    }

    fn find_containers(&mut self, runc_roots: &[PathBuf]) {
        if self.containers.is_empty() {
            self.containers.scan(runc_roots, containerd_of(&self.processes));
        }
    }

    fn ask_for_all(&self) {
        if let Some(resolver) = &self.resolver {
            for container in self.containers.iter() {
                resolver.ask(container);
            }
        }
    }

    /// Swallows what the self-test's process does, and notes by which signals it was seen.
    pub fn expect_canary(&mut self, pid: u32) {
        self.canary = Some(pid);
    }

    /// The signals by which the self-test was seen.
    pub const fn proved(&self) -> &BTreeSet<Signal> {
        &self.proved
    }

    /// How many processes are known.
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// Records that could not be read.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Where events go.
    pub const fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Takes containerd's replies and lets go what waited long enough; `now` in nanoseconds since boot.
    pub fn tick(&mut self, now: u64) {
        let replies: Vec<Reply> = self.resolver.iter().flat_map(Resolver::replies).collect();
        for reply in replies {
            self.replied(reply, now);
        }
        for number in self.waiting.over(now) {
            self.release(number);
        }
    }

    fn replied(&mut self, reply: Reply, now: u64) {
        match reply.answer {
            Ok(answer) => {
                if self.containers.resolved(reply.number, answer)
                    && let Some(container) = self.containers.get(reply.number)
                {
                    let (scope, body) = (Arc::clone(&container.scope), container.body());
                    self.sink.placed(&scope);
                    self.release(reply.number);
                    self.place_event(reply.number, now, None, body);
                }
            }
            Err(error) => {
                tracing::warn!("{}", crate::provider::explain(&error));
                self.release(reply.number);
            }
        }
    }

    fn decoded(&mut self, record: &Record<'_>) {
        let header = &record.header;
        if self.canary == Some(header.pid) {
            self.proved.extend(Signal::from_number(header.signal));
        }
        let place = self.place(header);
        let known = place.unwrap_or(0);
        match &record.body {
            Body::Exec(task) => {
                let process = self.processes.exec(header, task, known);
                self.started(known, header, &process);
                self.emit(header, place, process, "tp_btf", convert::exec(task));
            }
            Body::Task(task) => self.processes.snapshot(header, task, known),
            Body::Fork(fork) => self.forked(header, place, *fork),
            Body::Exit { code } => {
                let (process, ran) = self.processes.exit(header, known);
                self.emit(header, place, process, "tp_btf", convert::exit(*code, ran));
            }
            Body::Open(open) => {
                let process = self.processes.get(header, known);
                if open.mode != 0 {
                    self.extra.insert("mode".into(), open.mode.into());
                }
                // The only opens that are told before they are done.
                let requested = header.signal == Signal::IoUring as u16;
                let by = if requested { "tp_btf/io_uring_submit_req" } else { self.call_provider(header) };
                self.emit(header, place, Arc::clone(&process), by, convert::open(open));
                // Not while its place is unknown or its container's image may still come.
                let known_place = place.is_some() && !self.waiting.has(known);
                if open.unjudged && known_place && self.processes.unjudged(header) >= JUDGED_FROM {
                    let (scope, attribution) = self.scope(place);
                    let any = event::Body::Exit(event::Exit { code: 0, signal: 0, duration_ms: 0 });
                    let any = Event::new(self.clock.wall(header.time), 0, scope, attribution, "", any);
                    self.sink.unjudged(header, &any.with_process(process));
                }
            }
            Body::Socket(socket) => {
                let provider = match socket.call {
                    SocketCall::ConnectAtCgroup => "cgroup",
                    // Rules tell a datagram from a connection by it.
                    SocketCall::Send => "cgroup/sendmsg",
                    _ => self.call_provider(header),
                };
                if let Some(body) = convert::socket(socket) {
                    let process = self.processes.get(header, known);
                    self.emit(header, place, process, provider, body);
                }
            }
            Body::Cgroup(cgroup) => self.cgroup(header, known, *cgroup),
            other => self.plain(header, place, other),
        }
    }

    /// The kinds that change nothing in the tables.
    fn plain(&mut self, header: &Header, place: Option<Number>, body: &Body<'_>) {
        let (by, body) = match body {
            Body::Call(call) => {
                let signal = Signal::from_number(header.signal);
                (self.call_provider(header), signal.and_then(|signal| convert::call(signal, call)))
            }
            Body::Change(change) => (self.call_provider(header), convert::change(change)),
            // Every process asks for some, and nearly always nobody wants to know.
            Body::Capability { .. } if !self.sink.wants(Signal::Capability, self.clock.wall(header.time)) => return,
            Body::Capability { capability, result } => ("tp_btf", Some(convert::capability(*capability, *result))),
            Body::Fpu { hits, window_ms } => {
                let found = event::FpuRounding { hits: *hits, window_ms: u64::from(*window_ms) };
                ("tp_btf", Some(event::Body::FpuRounding(found)))
            }
            Body::Dns(dns) => return self.named(header, place, dns),
            Body::Uring(uring) => ("tp_btf", Some(convert::uring(uring))),
            Body::Signal(signal) => {
                let target = u32::try_from(signal.target).ok().and_then(|pid| self.processes.by_pid(pid));
                ("tp_btf", Some(convert::signal(signal, target.map(|entry| entry.process.name.as_str()))))
            }
            _ => return,
        };
        if let Some(body) = body {
            let process = self.processes.get(header, place.unwrap_or(0));
            self.emit(header, place, process, by, body);
        }
    }

    /// A question for a name, or its answer, which comes in while anybody may run and is told by who asked.
    fn named(&mut self, header: &Header, place: Option<Number>, dns: &record::Dns<'_>) {
        let Some((id, body)) = convert::dns(dns) else { return };
        let by = if body.rcode.is_none() {
            let process = self.processes.get(header, place.unwrap_or(0));
            self.questions.ask(id, &body, header.time, place, &process);
            Some((place, process))
        } else {
            self.questions.answered(id, &body, header.time)
        };
        if let Some((place, process)) = by {
            self.emit(header, place, process, "cgroup", event::Body::Dns(body));
        }
    }

    /// The container of a record. `None` when it could not be told.
    fn place(&mut self, header: &Header) -> Option<Number> {
        if let Some(number) = self.containers.of_cgroup(header.cgroup_id) {
            return Some(number);
        }
        // Made before the sensor started and missed by its scan, or lost from a full ring: the process still knows.
        let path = proc::cgroup_path(header.pid)?;
        // Where the kernel tells of no cgroups the runtime may have ended its work by now.
        let creation = self.runtime_of(&path).or_else(|| self.by.and_then(|_| self.created(&path)));
        let number = self.containers.made(header.cgroup_id, &path, 0, creation.as_ref());
        if let Some(number) = number {
            self.ask(number, header.time);
        }
        self.containers.of_cgroup(header.cgroup_id)
    }

    fn forked(&mut self, header: &Header, place: Option<Number>, fork: Fork) {
        let parent = self.processes.fork(header, &fork, place.unwrap_or(0));
        let child = model::ProcessKey {
            pid: i32::try_from(fork.pid).unwrap_or(0),
            start_time: self.clock.start(fork.start_time),
        };
        if let Some(made) = convert::namespaces_of_clone(fork.flags) {
            self.emit(header, place, Arc::clone(&parent), "tp_btf", made);
        }
        self.emit(header, place, parent, "tp_btf", convert::fork(child, fork.flags));
    }

    fn cgroup(&mut self, header: &Header, place: Number, cgroup: Cgroup<'_>) {
        let path = record::text(cgroup.path);
        let process = self.processes.get(header, place);
        let number = if cgroup.removed {
            self.containers.gone(cgroup.id, &path, header.time)
        } else {
            let creation = locate::creation(&process).or_else(|| self.runtime_of(&path));
            let number = self.containers.made(cgroup.id, &path, place, creation.as_ref());
            number.inspect(|number| self.ask(*number, header.time))
        };
        if let Some(container) = number.and_then(|number| self.containers.get(number)) {
            let (number, body) = (container.number, container.body());
            self.place_event(number, header.time, Some(process), body);
        }
    }

    fn created(&self, path: &str) -> Option<Creation> {
        crate::container::cgroup::parse(path)?;
        Containers::created(&self.runc_roots, path, containerd_of(&self.processes))
    }

    /// A runtime that is creating the container of a cgroup which somebody else made for it (systemd).
    fn runtime_of(&self, path: &str) -> Option<Creation> {
        let named = crate::container::cgroup::parse(path)?;
        self.processes.iter().filter_map(|process| locate::creation(process)).find(|creation| creation.id == named.id)
    }

    /// Asks for the rest, and holds the container's events when even the image's name is missing.
    fn ask(&mut self, number: Number, now: u64) {
        let Some(container) = self.containers.get(number) else { return };
        let asked = self.resolver.as_ref().is_some_and(|resolver| resolver.ask(container));
        if asked && container.lacks_image() {
            self.waiting.begin(number, now);
        }
    }

    /// The first program of a container starts it.
    fn started(&mut self, number: Number, header: &Header, process: &Arc<Process>) {
        let Some(container) = self.containers.get_mut(number) else { return };
        if container.phase == event::Phase::Created {
            container.phase = event::Phase::Started;
            self.started.truncate(MAX_STARTED);
            self.started.push(header.pid);
            let body = container.body();
            self.place_event(number, header.time, Some(Arc::clone(process)), body);
        }
    }

    fn place_event(&mut self, number: Number, time: u64, process: Option<Arc<Process>>, body: event::ContainerPhase) {
        self.hand_on(Some(number), time, process, "tp_btf", event::Body::Container(body));
    }

    fn emit(&mut self, header: &Header, place: Option<Number>, process: Arc<Process>, by: &str, body: event::Body) {
        self.hand_on(place, header.time, Some(process), by, body);
    }

    fn hand_on(
        &mut self,
        place: Option<Number>,
        time: u64,
        process: Option<Arc<Process>>,
        by: &str,
        body: event::Body,
    ) {
        let extra = std::mem::take(&mut self.extra);
        if process.as_deref().is_some_and(|process| self.is_canary(process)) {
            return;
        }
        let (scope, attribution) = self.scope(place);
        let mut event = Event::new(self.clock.wall(time), 0, scope, attribution, self.by.unwrap_or(by), body);
        event.extra = extra;
        event.process = process;
        let number = place.unwrap_or(0);
        if let Some(event) = self.waiting.keep(number, event) {
            self.sink.event(event);
        } else if self.waiting.is_full(number) {
            self.release(number);
        }
    }

    fn is_canary(&self, process: &Process) -> bool {
        let Some(canary) = self.canary.and_then(|pid| i32::try_from(pid).ok()) else { return false };
        process.pid == canary || process.ancestors.first().is_some_and(|parent| parent.pid == canary)
    }

    fn scope(&self, place: Option<Number>) -> (Arc<Scope>, Attribution) {
        let host = || Arc::clone(self.containers.node());
        match place {
            None => (host(), Attribution::Unknown),
            Some(0) => (host(), Attribution::Host),
            Some(number) => self.containers.get(number).map_or_else(
                || (host(), Attribution::Unknown),
                |Container { scope, attribution, .. }| (Arc::clone(scope), *attribution),
            ),
        }
    }

    /// Hands on what waits for the name of an image: at the end nobody waits for it any more.
    pub fn finish(&mut self) {
        for number in self.waiting.over(u64::MAX) {
            self.release(number);
        }
    }

    fn release(&mut self, number: Number) {
        let events = self.waiting.end(number);
        let (scope, attribution) = self.scope(Some(number));
        for mut event in events {
            event.scope = Arc::clone(&scope);
            event.attribution = attribution;
            self.sink.event(event);
        }
    }
}

/// Which containerd a container belongs to, by the shims that run: its own, else any.
fn containerd_of(processes: &Table) -> impl Fn(&str) -> Option<Containerd> {
    let shims: Vec<_> = processes.iter().filter_map(|process| locate::shim_of(process)).collect();
    move |id| shims.iter().find(|(first, _)| first == id).or(shims.first()).map(|(_, containerd)| containerd.clone())
}

#[cfg(test)]
mod tests;
