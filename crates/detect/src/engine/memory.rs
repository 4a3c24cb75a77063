//! Answers that are remembered: of one event, of processes between events, and of processes for those like them.

use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Weak};

use model::{Ancestor, Attribution, Event, Process, Scope};
use rustc_hash::{FxHashMap, FxHasher};

use crate::opens::Groups;

/// Processes whose answers are remembered in each of two generations. A busy node has 2,000 processes at a time.
const GENERATION: usize = 2048;

/// Ended processes whose answers are remembered for others like them. Beyond it all are forgotten: what a node starts
/// again and again (probes, jobs, the steps of a script) is learned again at once.
const MAX_ALIKE: usize = 256;

/// Known answers of numbered questions.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    words: Box<[Word]>,
}

/// Of 64 questions those whose answers are known, and those whose answer is yes.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    known: u64,
    value: u64,
}

impl Answers {
    /// Room for so many questions, none answered.
    pub fn new(bits: u32) -> Self {
        Self { words: vec![Word::default(); (bits as usize).div_ceil(64)].into() }
    }

    /// The answer, when it is known.
    pub fn get(&self, bit: u32) -> Option<bool> {
        let (word, mask) = (self.words[bit as usize / 64], 1_u64 << (bit % 64));
        (word.known & mask != 0).then_some(word.value & mask != 0)
    }

    /// Remembers an answer.
    pub fn set(&mut self, bit: u32, answer: bool) {
        let (word, mask) = (&mut self.words[bit as usize / 64], 1_u64 << (bit % 64));
        word.known |= mask;
        if answer {
            word.value |= mask;
        } else {
            word.value &= !mask;
        }
    }

    /// Answers so many questions from one on with no.
    pub fn deny(&mut self, first: u32, count: u32) {
        let (mut bit, end) = (first, first + count);
        while bit < end {
            let shift = bit % 64;
            let here = (64 - shift).min(end - bit);
            let mask = u64::MAX >> (64 - here) << shift;
            let word = &mut self.words[bit as usize / 64];
            word.known |= mask;
            word.value &= !mask;
            bit += here;
        }
    }

    /// Forgets all answers.
    pub fn forget(&mut self) {
        self.forget_from(0);
    }

    /// Forgets the answers from a question on.
    pub fn forget_from(&mut self, bit: u32) {
        let (word, shift) = (bit as usize / 64, bit % 64);
        if let Some((first, rest)) = self.words.get_mut(word..).and_then(|words| words.split_first_mut()) {
            first.known &= (1 << shift) - 1;
            rest.fill(Word::default());
        }
    }
}

/// A process in a place. Both are held weakly: no other can get the same addresses meanwhile, but what they own is freed
/// with them.
#[derive(Debug)]
struct Remembered {
    answers: Answers,
    /// Of a process like one that ended: which opens of such processes are wanted, once somebody asked.
    #[expect(clippy::option_option, reason = "unlike all others, and not asked yet, are two things")]
    alike: Option<Option<Box<Groups>>>,
    _process: Option<Weak<Process>>,
    _scope: Weak<Scope>,
}

/// An ended process with the answers that hold for all that are like it.
#[derive(Debug)]
struct Alike {
    process: Arc<Process>,
    scope: Arc<Scope>,
    unknown: bool,
    answers: Answers,
    opens: Option<Box<Groups>>,
}

/// Process, place, and whether the place is unknown: that an event has no container then says nothing.
type Key = (usize, usize, bool);

fn key(event: &Event) -> Key {
    let process = event.process.as_ref().map_or(0, |process| Arc::as_ptr(process) as usize);
    (process, Arc::as_ptr(&event.scope) as usize, is_unknown(event))
}

fn is_unknown(event: &Event) -> bool {
    event.attribution == Attribution::Unknown
}

/// Answers per process and place, in two generations: when the young one is full it becomes the old one, so that what
/// was not asked for during a whole generation is forgotten.
#[derive(Debug)]
pub struct Processes {
    likeness_bits: u32,
    bits: u32,
    young: FxHashMap<Key, Remembered>,
    old: FxHashMap<Key, Remembered>,
    alike: FxHashMap<u64, Alike>,
}

impl Processes {
    /// None remembered. The first questions have the same answers for processes that are alike.
    pub fn new(likeness_bits: u32, bits: u32) -> Self {
        let (young, old, alike) = Default::default();
        Self { likeness_bits, bits, young, old, alike }
    }

    /// The answers of an event's process and place.
    pub fn answers(&mut self, event: &Event) -> &mut Answers {
        &mut self.remembered(event).answers
    }

    /// The answers of an event's process and place when it is like one that ended, and which opens of such processes are
    /// wanted.
    pub fn alike(&mut self, event: &Event) -> Option<(&mut Answers, &mut Option<Box<Groups>>)> {
        let Remembered { answers, alike, .. } = self.remembered(event);
        alike.as_mut().map(|opens| (answers, opens))
    }

    fn remembered(&mut self, event: &Event) -> &mut Remembered {
        let key = key(event);
        if !self.young.contains_key(&key) && self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let (bits, old, alike) = (self.bits, &mut self.old, &self.alike);
        self.young.entry(key).or_insert_with(|| {
            old.remove(&key).unwrap_or_else(|| {
                let known = known(alike, event);
                Remembered {
                    answers: known.map_or_else(|| Answers::new(bits), |known| known.answers.clone()),
                    alike: known.map(|known| known.opens.clone()),
                    _process: event.process.as_ref().map(Arc::downgrade),
                    _scope: Arc::downgrade(&event.scope),
                }
            })
        })
    }

    /// The process of an event ended: what is known of it is kept for others like it.
    pub fn ended(&mut self, event: &Event) {
        let key = key(event);
        let Some(remembered) = self.young.remove(&key).or_else(|| self.old.remove(&key)) else { return };
        let Some(process) = &event.process else { return };
        let hash = likeness(process);
        if self.alike.len() >= MAX_ALIKE && !self.alike.contains_key(&hash) {
            self.alike.clear();
        }
        let mut answers = remembered.answers;
        answers.forget_from(self.likeness_bits);
        let (process, scope) = (Arc::clone(process), Arc::clone(&event.scope));
        let opens = remembered.alike.flatten();
        self.alike.insert(hash, Alike { process, scope, unknown: is_unknown(event), answers, opens });
    }
}

/// An ended process like that of an event.
fn known<'a>(alike: &'a FxHashMap<u64, Alike>, event: &Event) -> Option<&'a Alike> {
    let process = event.process.as_deref()?;
    let found = alike.get(&likeness(process))?;
    let same_place = Arc::ptr_eq(&found.scope, &event.scope) && found.unknown == is_unknown(event);
    (same_place && is_like(process, &found.process)).then_some(found)
}

/// Equal for processes that are alike.
fn likeness(process: &Process) -> u64 {
    let mut hasher = FxHasher::default();
    let parent = process.ancestors.first().map(|parent| &parent.name);
    (&process.name, &process.exe, &process.args, &process.cwd, process.uid, process.gid, parent).hash(&mut hasher);
    hasher.finish()
}

/// Whether two processes are the same but for who they and their ancestors are: the same program, started in the same way.
fn is_like(process: &Process, other: &Process) -> bool {
    // All fields are named, so that a new one is thought of.
    let Process {
        pid: _,
        start_time: _,
        ppid: _,
        vpid: _,
        sid: _,
        pgid: _,
        name,
        exe,
        exe_origin,
        exe_inode,
        exe_changed,
        exe_modified,
        args,
        cwd,
        uid,
        gid,
        login_uid,
        user,
        tty,
        caps_effective,
        caps_permitted,
        namespaces,
        env,
        ancestors,
    } = process;
    (name, exe, exe_origin, args, cwd) == (&other.name, &other.exe, &other.exe_origin, &other.args, &other.cwd)
        && (exe_inode, exe_changed, exe_modified) == (&other.exe_inode, &other.exe_changed, &other.exe_modified)
        && (uid, gid, login_uid, user, tty) == (&other.uid, &other.gid, &other.login_uid, &other.user, &other.tty)
        && (caps_effective, caps_permitted) == (&other.caps_effective, &other.caps_permitted)
        && (namespaces, env) == (&other.namespaces, &other.env)
        && ancestors.len() == other.ancestors.len()
        && ancestors
            .iter()
            .zip(&other.ancestors)
            .all(|(one, other)| Arc::ptr_eq(one, other) || is_like_above(one, other))
}

fn is_like_above(ancestor: &Ancestor, other: &Ancestor) -> bool {
    let Ancestor { pid: _, start_time: _, name, exe, args, same_container } = ancestor;
    (name, exe, args, same_container) == (&other.name, &other.exe, &other.args, &other.same_container)
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::EventSource;
    use crate::fields::{self, AddressNames, Context, Depends, FieldArg, Takes};
    use crate::testing::{event, exec, host, process};

    #[test]
    fn a_row_of_answers_is_denied_and_forgotten() {
        let check = |first: u32, count: u32, from: u32| {
            let mut answers = Answers::new(200);
            for bit in 0..200 {
                answers.set(bit, true);
            }
            answers.deny(first, count);
            for bit in 0..200 {
                assert_eq!(answers.get(bit), Some(!(first..first + count).contains(&bit)), "{first} {count}: {bit}");
            }
            answers.forget_from(from);
            for bit in 0..200 {
                assert_eq!(answers.get(bit).is_some(), bit < from, "{from}: {bit}");
            }
        };
        check(0, 1, 0);
        check(63, 2, 63);
        check(3, 61, 64);
        check(64, 64, 65);
        check(10, 150, 199);
        check(200, 0, 200);
    }

    #[test]
    fn fields_of_likeness_do_not_tell_who_a_process_is() {
        let mut one = process("sh -c id", &["nginx -g x", "tini"]);
        (one.vpid, one.sid, one.pgid) = (Some(100), Some(100), Some(100));
        (one.exe_inode, one.exe_changed) = (Some(3), Some(Timestamp::from_seconds(2)));
        (one.login_uid, one.exe_origin) = (Some(0), Some(model::ExeOrigin::Host));
        let mut other = one.clone();
        (other.pid, other.ppid, other.start_time) = (7, 6, Timestamp::from_seconds(5));
        (other.vpid, other.sid, other.pgid) = (Some(1), Some(6), Some(98));
        for (above, pid) in other.ancestors.iter_mut().zip([6, 5]) {
            let above = Arc::make_mut(above);
            (above.pid, above.start_time) = (pid, Timestamp::from_seconds(4));
        }
        assert!(is_like(&one, &other));
        let (names, containers) = (AddressNames::default(), crate::containers::Containers::default());
        let (one, other) = (event(exec(), &host(), one), event(exec(), &host(), other));
        for spec in fields::all(&EventSource::Syscall).filter(|spec| spec.depends == Depends::Likeness) {
            let args = match spec.takes {
                Takes::Nothing => vec![FieldArg::None],
                Takes::Index | Takes::IndexAlways => {
                    vec![FieldArg::None, FieldArg::Index(0), FieldArg::Index(1), FieldArg::Index(2)]
                }
                Takes::Key | Takes::KeyAlways => vec![FieldArg::None, FieldArg::Key("A".into())],
            };
            for arg in args {
                let value = |event| (spec.get)(&Context { event, names: &names, containers: &containers }, &arg);
                assert_eq!(value(&one), value(&other), "{} {arg:?}", spec.name);
            }
        }
    }
}
