//! Fields: what conditions and outputs can ask of an event.
//!
//! One table per area: name, type, whether it depends on the process alone, and how it is read. Names are Falco's
//! (<https://falco.org/docs/reference/rules/supported-fields/> and its container, k8saudit and json plugins), and a few
//! of our own where Falco has none (`dns.*`, `exec.*`, `fpu.*`, `ka.pod.*`).

pub(crate) mod args;
mod audit;
mod container;
mod evt;
mod fd;
mod page;
mod proc;
mod requested;
#[cfg(test)]
mod tests;
pub mod types;
mod unavailable;

use std::net::IpAddr;
use std::sync::Arc;

use model::{Event, Process};
use rustc_hash::FxHashMap;

use crate::containers::Containers;
use crate::value::Value;
use crate::{EventSource, rules};

pub use page::page;
pub use types::Kinds;
pub use unavailable::is_event_type as is_unfed_event_type;

/// The type of a field's values: it decides which operators and right sides make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// Text.
    Text,
    /// A list of texts: only `exists`, `in`, `intersects`.
    List,
    /// A number.
    Int,
    /// A boolean.
    Bool,
    /// An internet address, compared with addresses and networks.
    Ip,
    /// The event's type.
    EventType,
}

/// Whether a field takes an argument in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None.
    Nothing,
    /// A number, or none.
    Index,
    /// A number; it must be there.
    IndexAlways,
    /// A text, or none.
    Key,
    /// A text; it must be there.
    KeyAlways,
}

/// The argument of a field, read once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldArg {
    /// None.
    None,
    /// A number.
    Index(usize),
    /// A text.
    Key(Box<str>),
}

impl FieldArg {
    /// The number, if it is one.
    pub const fn index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// What a field may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The event.
    pub event: &'a Event,
    /// Names of addresses, as DNS answers told them.
    pub names: &'a AddressNames,
    /// What containers do, as their events told it.
    pub containers: &'a Containers,
}

impl<'a> Context<'a> {
    /// The process of the event.
    pub fn process(&self) -> Option<&'a Process> {
        self.event.process.as_deref()
    }
}

/// Names of addresses that were seen in DNS answers.
pub type AddressNames = FxHashMap<IpAddr, Vec<Arc<str>>>;

/// What a value depends on. The order is that of how soon it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depends {
    /// Process and scope, but not on who the process is: the same program started again in the same way has the same
    /// value.
    Likeness,
    /// Process and scope alone.
    Process,
    /// The event.
    Event,
}

/// How a field is read.
pub type Getter = for<'a> fn(&Context<'a>, &FieldArg) -> Value<'a>;

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Type of its values.
    pub ty: Type,
    /// Its argument.
    pub takes: Takes,
    /// What its value depends on: answers to checks of it are remembered accordingly.
    pub depends: Depends,
    /// Kinds of events that can have it.
    pub kinds: Kinds,
    /// How it is read.
    pub get: Getter,
}

impl Spec {
    const fn new(name: &'static str, ty: Type, get: Getter) -> Self {
        Self { name, ty, takes: Takes::Nothing, depends: Depends::Event, kinds: Kinds::ALL, get }
    }

    const fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    const fn of_process(mut self) -> Self {
        self.depends = Depends::Likeness;
        self
    }

    /// A field that also tells who the process is: its number, its start, its place in session and group.
    const fn of_this_process(mut self) -> Self {
        self.depends = Depends::Process;
        self
    }

    const fn on(mut self, kinds: Kinds) -> Self {
        self.kinds = kinds;
        self
    }
}

/// Why there is no such field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Falco has it; here nothing feeds it.
    Unavailable,
    /// Nobody has it; perhaps the other one is meant.
    Misspelt(Option<&'static str>),
}

/// Finds a field of a source.
pub fn find(name: &str, source: &EventSource) -> Result<&'static Spec, Unknown> {
    let tables = tables(source);
    if let Some(spec) = tables.iter().flat_map(|table| table.iter()).find(|spec| spec.name == name) {
        return Ok(spec);
    }
    if *source == EventSource::Syscall {
        if let Some(arg) = name.strip_prefix("evt.rawarg.") {
            return Ok(if args::is_number(arg) { &args::NUMBER } else { &args::NAMED });
        }
        if name.starts_with("evt.arg.") {
            return Ok(&args::NAMED);
        }
    }
    if unavailable::is_field(name) {
        return Err(Unknown::Unavailable);
    }
    let known: Vec<&str> = tables.iter().flat_map(|table| table.iter()).map(|spec| spec.name).collect();
    Err(Unknown::Misspelt(rules::closest(name, &known)))
}

/// All fields of a source, for documentation.
pub fn all(source: &EventSource) -> impl Iterator<Item = &'static Spec> {
    tables(source).iter().flat_map(|table| table.iter())
}

fn tables(source: &EventSource) -> &'static [&'static [Spec]] {
    match source {
        EventSource::Syscall => &[evt::FIELDS, proc::FIELDS, fd::FIELDS, container::FIELDS, args::FIELDS],
        EventSource::K8sAudit => &[audit::FIELDS, requested::FIELDS, evt::COMMON],
        EventSource::Other(_) => &[],
    }
}
