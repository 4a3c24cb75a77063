//! One automaton over all needles, as tables that a kernel program can walk: a byte, a class, a row, the groups hit.
//!
//! The construction is Aho and Corasick's (1975) with every transition filled in, so that a byte costs one look-up. A
//! needle may be bound to the start or to the end of the path. What it is not: exact. Letters are of either case, and
//! needles may be cut to make the tables fit, which only makes more paths hit.

use std::collections::VecDeque;

/// Rows of the table. As `FILTER_STATES` of the sensor's `common.h`.
pub const STATES: usize = 2048;
/// Classes of bytes, and entries of a row. As `FILTER_CLASSES` there.
pub const CLASSES: usize = 64;
/// The class of bytes that no needle has.
const OTHER: u8 = 0;
/// The class of the end of the path. As `FILTER_END` there.
pub const END: u8 = 1;

/// A text that a path must contain for a check to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Needle {
    /// Whether the path must begin with it.
    pub at_start: bool,
    /// Whether the path must end with it.
    pub at_end: bool,
    /// The text.
    pub text: Box<str>,
}

impl Needle {
    /// Whether a path has it.
    #[cfg(test)]
    pub fn is_in(&self, path: &str) -> bool {
        let (path, text) = (path.to_ascii_lowercase(), self.text.to_ascii_lowercase());
        match (self.at_start, self.at_end) {
            (true, true) => path == text,
            (true, false) => path.starts_with(&text),
            (false, true) => path.ends_with(&text),
            (false, false) => path.contains(&text),
        }
    }

    /// At most so many bytes of it: the same end of the path, if it is bound to one.
    fn cut(&self, most: usize) -> (bool, &[u8], bool) {
        let bytes = self.text.as_bytes();
        match (bytes.len() > most, self.at_start, self.at_end) {
            (false, start, end) => (start, bytes, end),
            // Of a whole path the start may be common to many, the end is its own.
            (true, _, true) => (false, &bytes[bytes.len() - most..], true),
            (true, start, false) => (start, &bytes[..most], false),
        }
    }

    /// How many paths have it, roughly: the higher the more. A file's own name is rarer than the folder of many.
    pub fn commonness(&self) -> u32 {
        let place = match (self.at_start, self.at_end) {
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
            (true, false) => 6,
        };
        place * (64 >> self.text.len().min(6))
    }
}

/// The tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTable {
    /// The class of each byte.
    pub classes: Box<[u8]>,
    /// For each row and class the next row: `next[row * CLASSES + class]`. Row 0 is that before the first byte.
    pub next: Box<[u16]>,
    /// For each row the groups whose needles end there.
    pub hits: Box<[u64]>,
}

/// A trie whose edges are classes.
struct Trie {
    next: Vec<[u16; CLASSES]>,
    hits: Vec<u64>,
}

impl Trie {
    /// Adds a word; false when there are too many rows.
    fn add(&mut self, from: usize, word: impl Iterator<Item = u8>, groups: u64) -> bool {
        let mut at = from;
        for class in word {
            let known = self.next[at][usize::from(class)];
            at = if known != 0 {
                usize::from(known)
            } else {
                let Some(fresh) = u16::try_from(self.next.len()).ok().filter(|row| usize::from(*row) < STATES) else {
                    return false;
                };
                self.next.push([0; CLASSES]);
                self.hits.push(0);
                self.next[at][usize::from(class)] = fresh;
                usize::from(fresh)
            };
        }
        self.hits[at] |= groups;
        true
    }
}

/// The row before the first byte: what is bound to the start begins here.
const START: usize = 0;
/// The row of "nothing of any needle": what is not bound to the start begins here.
const ROOT: usize = 1;

impl PathTable {
    /// Tables of needles with the groups that each hits. Longer needles than the tables can hold are cut.
    pub fn new(needles: &[(Needle, u64)]) -> Self {
        let classes = classes(needles);
        let longest = needles.iter().map(|(needle, _)| needle.text.len()).max().unwrap_or(0);
        let mut most = longest.max(1);
        let trie = loop {
            match grow(needles, &classes, most) {
                Some(trie) => break trie,
                None if most > 1 => most -= (most / 8).max(1),
                // Needles of one byte have at most three rows per class and fit; else every path would hit everything.
                None => break Trie { next: vec![[0; CLASSES]; 2], hits: vec![u64::MAX; 2] },
            }
        };
        let (next, hits) = fill(trie);
        Self { classes: classes.into(), next, hits }
    }

    /// The groups that a path hits: what the kernel computes.
    pub fn run(&self, path: &[u8]) -> u64 {
        let mut row = START;
        let mut groups = 0;
        let ends = std::iter::once(END);
        for class in path.iter().map(|byte| self.classes[usize::from(*byte)]).chain(ends) {
            row = usize::from(self.next[row * CLASSES + usize::from(class)]);
            groups |= self.hits[row];
        }
        groups
    }
}

/// Classes by first use; when there are more bytes than classes the last class has all the rest.
fn classes(needles: &[(Needle, u64)]) -> Vec<u8> {
    let mut classes = vec![OTHER; 256];
    let mut fresh = usize::from(END) + 1;
    for byte in needles.iter().flat_map(|(needle, _)| needle.text.bytes()) {
        let both = [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()].map(usize::from);
        if classes[both[0]] == OTHER {
            let class = u8::try_from(fresh.min(CLASSES - 1)).unwrap_or(OTHER);
            for byte in both {
                classes[byte] = class;
            }
            fresh += 1;
        }
    }
    classes
}

fn grow(needles: &[(Needle, u64)], classes: &[u8], most: usize) -> Option<Trie> {
    let mut trie = Trie { next: vec![[0; CLASSES]; 2], hits: vec![0; 2] };
    for (needle, groups) in needles {
        let (at_start, text, at_end) = needle.cut(most);
        let word = text.iter().map(|byte| classes[usize::from(*byte)]).chain(at_end.then_some(END));
        let from = if at_start { START } else { ROOT };
        trie.add(from, word, *groups).then_some(())?;
    }
    Some(trie)
}

/// Fills in the transitions that the trie lacks: those of the longest suffix that is a row, too.
fn fill(mut trie: Trie) -> (Box<[u16]>, Box<[u64]>) {
    let root = u16::try_from(ROOT).unwrap_or_default();
    let mut suffix = vec![ROOT; trie.next.len()];
    let mut queue = VecDeque::new();
    trie.hits[START] |= trie.hits[ROOT];
    for row in [ROOT, START] {
        for class in 0..CLASSES {
            let child = usize::from(trie.next[row][class]);
            // A row at the start goes on as the same text elsewhere would, as far as that is a needle, too.
            let elsewhere = if row == START { trie.next[ROOT][class] } else { root };
            if child == 0 {
                trie.next[row][class] = elsewhere;
            } else {
                suffix[child] = usize::from(elsewhere);
                queue.push_back(child);
            }
        }
    }
    while let Some(row) = queue.pop_front() {
        trie.hits[row] |= trie.hits[suffix[row]];
        for class in 0..CLASSES {
            let child = usize::from(trie.next[row][class]);
            let elsewhere = trie.next[suffix[row]][class];
            if child == 0 {
                trie.next[row][class] = elsewhere;
            } else {
                suffix[child] = usize::from(elsewhere);
                queue.push_back(child);
            }
        }
    }
    (trie.next.into_iter().flatten().collect(), trie.hits.into())
}
