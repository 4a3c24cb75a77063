//! Shared processes and scopes for events that were read from texts.
//!
//! The engine remembers answers per `Arc` of a process. A sensor shares these by itself; events that come out of JSON
//! have a process each, equal or not: this makes equal ones the same again.

use std::sync::Arc;

use model::{Event, Process, ProcessKey, Scope};
use rustc_hash::FxHashMap;

/// Processes and scopes that are kept; beyond it all are forgotten and learned again.
const MAX_KEPT: usize = 65_536;

/// What was seen before.
#[derive(Debug, Default)]
pub struct Interner {
    processes: FxHashMap<ProcessKey, Arc<Process>>,
    scopes: FxHashMap<Scope, Arc<Scope>>,
}

impl Interner {
    /// Makes an event share its process and scope with the events before it, where they are equal.
    pub fn intern(&mut self, event: &mut Event) {
        if self.processes.len() > MAX_KEPT || self.scopes.len() > MAX_KEPT {
            *self = Self::default();
        }
        match self.scopes.get(event.scope.as_ref()) {
            Some(known) => event.scope = Arc::clone(known),
            None => {
                self.scopes.insert(event.scope.as_ref().clone(), Arc::clone(&event.scope));
            }
        }
        let Some(process) = &mut event.process else { return };
        match self.processes.get(&process.key()) {
            Some(known) if known == process => *process = Arc::clone(known),
            _ => {
                self.processes.insert(process.key(), Arc::clone(process));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, exec, host, process};

    #[test]
    fn equal_ones_become_the_same() {
        let mut interner = Interner::default();
        let mut events = [
            event(exec(), &host(), process("sh", &["init"])),
            event(exec(), &host(), process("sh", &["init"])),
            event(exec(), &host(), process("sh -c", &["init"])),
        ];
        for event in &mut events {
            interner.intern(event);
        }
        let shared = |a: usize, b: usize| {
            let (a, b) = (events[a].process.as_ref().unwrap(), events[b].process.as_ref().unwrap());
            Arc::ptr_eq(a, b)
        };
        assert!(shared(0, 1));
        assert!(!shared(1, 2), "the same key, another command line");
        assert!(Arc::ptr_eq(&events[0].scope, &events[2].scope));
    }
}
