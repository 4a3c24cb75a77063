//! From a record to an event: decode, look the process and its place up, number it, hand it on.
//!
//! One thread owns all of this, so that nothing here is locked. What it is not: it neither reads the ring nor sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Attribution, Event, Loss, Scope, event};

use crate::clock::Clock;
use crate::convert;
use crate::process::Table;
use crate::record::{self, Body, Header, Record, SocketCall};
use crate::signal::Signal;

/// Takes events.
pub trait Sink {
    /// Takes one.
    fn event(&mut self, event: Event);
}

/// The state between records.
#[derive(Debug)]
pub struct Pipeline<S> {
    clock: Clock,
    processes: Table,
    host: Arc<Scope>,
    seq: u64,
    malformed: u64,
    losses: BTreeMap<Signal, Loss>,
    sink: S,
}

impl<S: Sink> Pipeline<S> {
    /// A pipeline of a node.
    pub fn new(clock: Clock, host: Scope, sink: S) -> Self {
        Self {
            clock,
            processes: Table::new(clock),
            host: Arc::new(host),
            seq: 0,
            malformed: 0,
            losses: BTreeMap::new(),
            sink,
        }
    }

    /// Takes the bytes of one record.
    pub fn record(&mut self, bytes: &[u8]) {
        match record::decode(bytes) {
            Ok(record) => self.decoded(&record),
            // Only a program that does not belong to this executable could write such a record.
            Err(_) => self.malformed += 1,
        }
    }

    /// Records that could not be read.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    fn decoded(&mut self, record: &Record<'_>) {
        let header = &record.header;
        let place = 0;
        match &record.body {
            Body::Exec(task) => {
                let process = self.processes.exec(header, task, place);
                self.emit(header, process, "tp_btf", convert::exec(task));
            }
            Body::Task(task) => self.processes.snapshot(header, task, place),
            Body::Exit { code } => {
                let (process, ran) = self.processes.exit(header, place);
                self.emit(header, process, "tp_btf", convert::exit(*code, ran));
            }
            Body::Open(open) => {
                let process = self.processes.get(header, place);
                self.emit(header, process, "tp_btf", convert::open(open));
            }
            Body::Socket(socket) => {
                let provider = if socket.call == SocketCall::ConnectAtCgroup { "cgroup" } else { "tp_btf" };
                if let Some(body) = convert::socket(socket) {
                    let process = self.processes.get(header, place);
                    self.emit(header, process, provider, body);
                }
            }
        }
    }

    fn emit(&mut self, header: &Header, process: Arc<model::Process>, provider: &str, body: event::Body) {
        self.seq += 1;
        let time = self.clock.wall(header.time);
        let event = Event::new(time, self.seq, Arc::clone(&self.host), Attribution::Host, provider, body);
        self.sink.event(event.with_process(process));
    }
}
