//! Events that wait for the name of their container's image, in order, for a limited time and in a limited number.

use std::collections::VecDeque;

use model::Event;
use rustc_hash::FxHashMap;

use crate::container::Number;

/// How long events wait for the name of their container's image.
pub const HOLD_NANOS: u64 = 2_000_000_000;
/// And how many of one container: then they go on as they are.
pub const MAX_HELD: usize = 4096;

/// The containers whose image is asked for, with their events.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How long events wait.
    pub nanos: u64,
    held: FxHashMap<Number, Held>,
}

#[derive(Debug)]
struct Held {
    until: u64,
    events: VecDeque<Event>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { nanos: HOLD_NANOS, held: FxHashMap::default() }
    }
}

impl Waiting {
    /// From now on, in nanoseconds since boot, events of a container wait.
    pub fn begin(&mut self, number: Number, now: u64) {
        self.held.insert(number, Held { until: now.saturating_add(self.nanos), events: VecDeque::new() });
    }

    /// Whether events of a container wait.
    pub fn has(&self, number: Number) -> bool {
        self.held.contains_key(&number)
    }

    /// Keeps an event of a container whose events wait; gives any other back.
    pub fn keep(&mut self, number: Number, event: Event) -> Option<Event> {
        let Some(held) = self.held.get_mut(&number) else { return Some(event) };
        held.events.push_back(event);
        None
    }

    /// Whether no more events of a container may wait.
    pub fn is_full(&self, number: Number) -> bool {
        self.held.get(&number).is_some_and(|held| held.events.len() >= MAX_HELD)
    }

    /// The containers whose events have waited long enough.
    pub fn over(&self, now: u64) -> Vec<Number> {
        self.held.iter().filter(|(_, held)| held.until <= now).map(|(number, _)| *number).collect()
    }

    /// The events of a container, which no longer wait.
    pub fn end(&mut self, number: Number) -> VecDeque<Event> {
        self.held.remove(&number).map(|held| held.events).unwrap_or_default()
    }
}
