//! Windows of time per key, bounded in keys and entries.

use std::collections::VecDeque;
use std::hash::Hash;

use model::{Event, Timestamp};
use rustc_hash::FxHashMap;

/// Keys that one detector keeps. Beyond it all windows are forgotten: an attacker who can make 4,096 roots in a minute
/// makes other alerts.
const MAX_KEYS: usize = 4096;

/// Entries of one window; more than any threshold.
const MAX_ENTRIES: usize = 128;

/// Something different that was seen, and the event that showed it.
#[derive(Debug)]
struct Entry {
    time: Timestamp,
    item: String,
    event: Event,
}

/// Different items per key within a time.
#[derive(Debug)]
pub struct Windows<K> {
    length_ms: i64,
    threshold: usize,
    by_key: FxHashMap<K, VecDeque<Entry>>,
}

impl<K: Hash + Eq> Windows<K> {
    /// Windows of a length that are full with so many different items.
    pub fn new(length_ms: i64, threshold: usize) -> Self {
        Self { length_ms, threshold: threshold.min(MAX_ENTRIES), by_key: FxHashMap::default() }
    }

    /// Takes an item. When the window is full with it, gives items and events in their order, without the last event,
    /// and starts anew.
    pub fn add(&mut self, key: K, item: String, event: &Event) -> Option<(Vec<String>, Vec<Event>)> {
        if self.by_key.len() >= MAX_KEYS && !self.by_key.contains_key(&key) {
            self.by_key.clear();
        }
        let window = self.by_key.entry(key).or_default();
        // Events of several processors come a little out of order; entries of the far future come from a clock that
        // jumped back, and would never age.
        let length = self.length_ms;
        window.retain(|entry| event.time.millis_since(entry.time).abs() <= length);
        if let Some(known) = window.iter_mut().find(|entry| entry.item == item) {
            known.time = event.time;
            return None;
        }
        window.push_back(Entry { time: event.time, item, event: event.clone() });
        if window.len() < self.threshold {
            return None;
        }
        let entries = std::mem::take(window);
        let items = entries.iter().map(|entry| entry.item.clone()).collect();
        let mut events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
        events.pop();
        Some((items, events))
    }
}
