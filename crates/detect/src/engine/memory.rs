//! Answers that are remembered: of one event, and of processes between events.

use std::sync::{Arc, Weak};

use model::{Attribution, Event, Process, Scope};
use rustc_hash::FxHashMap;

/// Processes whose answers are remembered in each of two generations. A busy node has 2,000 processes at a time.
const GENERATION: usize = 4096;

/// Known answers of numbered questions.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    known: Box<[u64]>,
    value: Box<[u64]>,
}

impl Answers {
    /// Room for so many questions, none answered.
    pub fn new(bits: u32) -> Self {
        let words = (bits as usize).div_ceil(64);
        Self { known: vec![0; words].into(), value: vec![0; words].into() }
    }

    /// The answer, when it is known.
    pub fn get(&self, bit: u32) -> Option<bool> {
        let (word, mask) = (bit as usize / 64, 1_u64 << (bit % 64));
        (self.known[word] & mask != 0).then(|| self.value[word] & mask != 0)
    }

    /// Remembers an answer.
    pub fn set(&mut self, bit: u32, answer: bool) {
        let (word, mask) = (bit as usize / 64, 1_u64 << (bit % 64));
        self.known[word] |= mask;
        if answer {
            self.value[word] |= mask;
        } else {
            self.value[word] &= !mask;
        }
    }

    /// Forgets all answers.
    pub fn forget(&mut self) {
        self.known.fill(0);
    }
}

/// A process in a place. Both are held weakly: no other can get the same addresses meanwhile, but what they own is freed
/// with them.
#[derive(Debug)]
struct Remembered {
    answers: Answers,
    _process: Option<Weak<Process>>,
    _scope: Weak<Scope>,
}

/// Process, place, and whether the place is unknown: that an event has no container then says nothing.
type Key = (usize, usize, bool);

/// Answers per process and place, in two generations: when the young one is full it becomes the old one, so that what
/// was not asked for during a whole generation is forgotten.
#[derive(Debug)]
pub struct Processes {
    bits: u32,
    young: FxHashMap<Key, Remembered>,
    old: FxHashMap<Key, Remembered>,
}

impl Processes {
    /// None remembered.
    pub fn new(bits: u32) -> Self {
        Self { bits, young: FxHashMap::default(), old: FxHashMap::default() }
    }

    /// The answers of an event's process and place.
    pub fn answers(&mut self, event: &Event) -> &mut Answers {
        let process = event.process.as_ref().map_or(0, |process| Arc::as_ptr(process) as usize);
        let unknown = event.attribution == Attribution::Unknown;
        let key = (process, Arc::as_ptr(&event.scope) as usize, unknown);
        if !self.young.contains_key(&key) && self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let (bits, old) = (self.bits, &mut self.old);
        let entry = self.young.entry(key).or_insert_with(|| {
            old.remove(&key).unwrap_or_else(|| Remembered {
                answers: Answers::new(bits),
                _process: event.process.as_ref().map(Arc::downgrade),
                _scope: Arc::downgrade(&event.scope),
            })
        });
        &mut entry.answers
    }
}
