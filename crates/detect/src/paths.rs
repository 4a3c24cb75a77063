//! One automaton over all constants that the event's path is compared with.
//!
//! `fd.name` is compared with hundreds of constants: equal, prefix, suffix, anywhere, path prefix. All of them are found
//! in one walk over the path; where a constant was found says which of the comparisons hold.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::operand::Side;
use crate::test::{Test, TextTest, is_under};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Whole,
    Start,
    End,
    Anywhere,
    /// At the start, up to the end of a component.
    Components,
}

/// The automaton, and for every constant the checks that ask for it.
#[derive(Debug, Default)]
pub struct PathSet {
    patterns: Vec<String>,
    wanted: Vec<Vec<(Place, u32)>>,
    bits: u32,
    automaton: Option<AhoCorasick>,
    /// What `pmatch` asks for, for paths that are written otherwise than the constants of the automaton.
    odd: Vec<(Vec<Vec<Box<str>>>, u32)>,
}

impl PathSet {
    /// Takes a check when the automaton can decide it; gives its bit.
    pub fn add(&mut self, left: &Side, test: &Test) -> Option<u32> {
        let Side::Field(spec, _) = left else { return None };
        if spec.name != "fd.name" {
            return None;
        }
        let constants: Vec<(Place, String)> = match test {
            Test::Text(TextTest::Eq(whole)) => vec![(Place::Whole, whole.to_string())],
            Test::Text(TextTest::In(set)) => set.iter().map(|text| (Place::Whole, text.to_string())).collect(),
            Test::Text(TextTest::StartsWith(start)) => vec![(Place::Start, start.to_string())],
            Test::Text(TextTest::EndsWith(end)) => vec![(Place::End, end.to_string())],
            Test::Text(TextTest::Contains(finder)) => {
                vec![(Place::Anywhere, String::from_utf8(finder.needle().to_vec()).ok()?)]
            }
            Test::Text(TextTest::PMatch(paths)) => paths.iter().map(|path| prefix(path)).collect::<Option<_>>()?,
            _ => return None,
        };
        // An empty constant is everywhere; an empty list nowhere: both are left to the plain comparison.
        if constants.is_empty() || constants.iter().any(|(_, text)| text.is_empty()) {
            return None;
        }
        let bit = self.bits;
        self.bits += 1;
        if let Test::Text(TextTest::PMatch(paths)) = test {
            self.odd.push((paths.clone(), bit));
        }
        for (place, text) in constants {
            self.want(place, text, bit);
        }
        Some(bit)
    }

    fn want(&mut self, place: Place, text: String, bit: u32) {
        let known = self.patterns.iter().position(|pattern| *pattern == text);
        let at = known.unwrap_or_else(|| {
            self.patterns.push(text);
            self.wanted.push(Vec::new());
            self.patterns.len() - 1
        });
        self.wanted[at].push((place, bit));
    }

    /// Builds the automaton. Without one (no constants, or too many for a table) checks are evaluated one by one.
    pub fn build(&mut self) {
        let builder = |kind| AhoCorasick::builder().match_kind(MatchKind::Standard).kind(kind).build(&self.patterns);
        if !self.patterns.is_empty() {
            self.automaton = builder(Some(AhoCorasickKind::DFA)).or_else(|_| builder(None)).ok();
        }
    }

    /// Whether there is an automaton.
    pub const fn is_ready(&self) -> bool {
        self.automaton.is_some()
    }

    /// Words of 64 answers.
    pub const fn words(&self) -> usize {
        (self.bits as usize).div_ceil(64)
    }

    /// Walks over a path and sets the bits of the checks that hold.
    pub fn run(&self, path: &str, answers: &mut [u64]) {
        answers.fill(0);
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(path) {
            let at_start = found.start() == 0;
            let at_end = found.end() == path.len();
            for (place, bit) in &self.wanted[found.pattern().as_usize()] {
                let holds = match place {
                    Place::Whole => at_start && at_end,
                    Place::Start => at_start,
                    Place::End => at_end,
                    Place::Anywhere => true,
                    Place::Components => at_start && (at_end || path.as_bytes().get(found.end()) == Some(&b'/')),
                };
                if holds {
                    set(answers, *bit);
                }
            }
        }
        // A name without a place in the tree, or a path with empty components: as good as one without them.
        if !path.starts_with('/') || path.contains("//") {
            for (paths, bit) in &self.odd {
                if paths.iter().any(|above| is_under(path, above)) {
                    set(answers, *bit);
                }
            }
        }
    }
}

fn set(answers: &mut [u64], bit: u32) {
    if let Some(word) = answers.get_mut(bit as usize / 64) {
        *word |= 1 << (bit % 64);
    }
}

/// A path of `pmatch` as a constant, when it has no patterns in it, written as paths of events are.
fn prefix(path: &[Box<str>]) -> Option<(Place, String)> {
    let plain = !path.is_empty() && path.iter().all(|part| !part.contains(['?', '*', '[']));
    plain.then(|| (Place::Components, format!("/{}", path.join("/"))))
}
