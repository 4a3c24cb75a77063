//! What is left of a condition for one class of opens: what must be true of process and path.

use std::sync::Arc;

use model::event::{FileOpen, PathSource};
use model::{Attribution, Body, Event, OpenFlags, Process, Timestamp};
use rustc_hash::FxHashMap;

use super::needle;
use super::table::Needle;
use super::{ALWAYS, CREATES, WORKED, class};
use crate::containers::Containers;
use crate::detectors::Wanted;
use crate::fields::{AddressNames, Context, Depends, FieldArg, args};
use crate::operand::Side;
use crate::program::{Node, Program, UniqueCheck};
use crate::test::{IntTest, Test, TextTest};

/// What must be true for anything to match.
#[derive(Debug, Clone)]
pub enum Residual {
    /// Nothing can match.
    Never,
    /// Something may match, whatever the path.
    Always,
    /// One of these needles must be there.
    Hit(Hit),
    /// A node that depends on process and place alone must have this answer.
    Invariant(u32, bool),
    /// The process must be such.
    Process(fn(&Process) -> bool),
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
}

/// Needles of which one must be there.
#[derive(Debug, Clone, Default)]
pub struct Hit {
    /// By their numbers among the atoms.
    atoms: Vec<u32>,
    /// As groups, once those are assigned.
    groups: u64,
    /// How many paths have one, roughly.
    commonness: u32,
}

impl Residual {
    /// One of several.
    pub fn any(parts: Vec<Self>) -> Self {
        let (mut rest, mut hit) = (Vec::new(), Hit::default());
        for part in parts {
            match part {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Any(inner) => rest.extend(inner),
                Self::Hit(more) => {
                    hit.atoms.extend(more.atoms);
                    hit.commonness = hit.commonness.saturating_add(more.commonness);
                }
                other => rest.push(other),
            }
        }
        if !hit.atoms.is_empty() {
            hit.atoms.sort_unstable();
            hit.atoms.dedup();
            rest.push(Self::Hit(hit));
        }
        match rest.len() {
            0 => Self::Never,
            1 => rest.remove(0),
            _ => Self::Any(rest),
        }
    }

    /// All of several. Of needles only the rarest are kept: one condition on the path is enough to leave an open out.
    fn all(parts: Vec<Self>) -> Self {
        let (mut rest, mut rarest) = (Vec::new(), None::<Hit>);
        for part in parts {
            match part {
                Self::Never => return Self::Never,
                Self::Always => {}
                Self::All(inner) => rest.extend(inner),
                Self::Hit(hit) => {
                    if rarest.as_ref().is_none_or(|known| hit.commonness < known.commonness) {
                        rarest = Some(hit);
                    }
                }
                other => rest.push(other),
            }
        }
        rest.extend(rarest.map(Self::Hit));
        match rest.len() {
            0 => Self::Always,
            1 => rest.remove(0),
            _ => Self::All(rest),
        }
    }

    /// Turns needles into groups.
    pub fn assign(&mut self, groups: &FxHashMap<u32, u64>) {
        match self {
            Self::Hit(hit) => hit.groups = hit.atoms.iter().filter_map(|atom| groups.get(atom)).fold(0, |a, b| a | b),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.assign(groups);
                }
            }
            _ => {}
        }
    }

    /// The groups of which one must be hit. `invariant` answers nodes, or says that nothing is known.
    pub fn groups(&self, invariant: &mut impl FnMut(u32) -> Option<bool>, process: Option<&Process>) -> u64 {
        match self.need(invariant, process) {
            Need::Possible => ALWAYS,
            Need::Groups(groups, _) => groups,
        }
    }

    fn need(&self, invariant: &mut impl FnMut(u32) -> Option<bool>, process: Option<&Process>) -> Need {
        match self {
            Self::Never => Need::NEVER,
            Self::Hit(hit) => Need::Groups(hit.groups, hit.commonness),
            Self::Invariant(node, expected) => match invariant(*node) {
                Some(answer) if answer != *expected => Need::NEVER,
                _ => Need::Possible,
            },
            Self::Process(is_such) if process.is_some_and(|process| !is_such(process)) => Need::NEVER,
            Self::Always | Self::Process(_) => Need::Possible,
            Self::All(parts) => {
                let mut least = Need::Possible;
                for part in parts {
                    match (part.need(invariant, process), &least) {
                        (Need::Groups(0, _), _) => return Need::NEVER,
                        (Need::Groups(groups, common), Need::Possible) => least = Need::Groups(groups, common),
                        (Need::Groups(groups, common), Need::Groups(_, known)) if common < *known => {
                            least = Need::Groups(groups, common);
                        }
                        _ => {}
                    }
                }
                least
            }
            Self::Any(parts) => {
                let (mut all, mut sum) = (0, 0_u32);
                for part in parts {
                    match part.need(invariant, process) {
                        Need::Possible => return Need::Possible,
                        Need::Groups(groups, common) => {
                            all |= groups;
                            sum = sum.saturating_add(common);
                        }
                    }
                }
                Need::Groups(all, sum)
            }
        }
    }
}

/// The answer of a part.
enum Need {
    /// It may hold whatever the path.
    Possible,
    /// One of these groups must be hit; none: it cannot hold. And how common they are.
    Groups(u64, u32),
}

impl Need {
    const NEVER: Self = Self::Groups(0, 0);
}

/// The atoms that are left in any of several, in the order in which they were found.
pub fn used(all: &[Residual]) -> Vec<u32> {
    fn visit(residual: &Residual, found: &mut Vec<u32>) {
        match residual {
            Residual::Hit(hit) => found.extend(&hit.atoms),
            Residual::All(parts) | Residual::Any(parts) => {
                for part in parts {
                    visit(part, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for residual in all {
        visit(residual, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Checks of paths, each as its needles.
#[derive(Debug, Default)]
pub struct Atoms {
    needles: Vec<Vec<Needle>>,
    known: FxHashMap<Vec<Needle>, u32>,
}

impl Atoms {
    fn add(&mut self, needles: Vec<Needle>) -> Hit {
        let commonness = needles.iter().fold(0, |sum: u32, needle| sum.saturating_add(needle.commonness()));
        let fresh = u32::try_from(self.needles.len()).unwrap_or(u32::MAX);
        let atom = *self.known.entry(needles.clone()).or_insert_with(|| {
            self.needles.push(needles);
            fresh
        });
        Hit { atoms: vec![atom], groups: 0, commonness }
    }

    /// The needles of an atom.
    pub fn needles(&self, atom: u32) -> &[Needle] {
        self.needles.get(atom as usize).map_or(&[], Vec::as_slice)
    }
}

/// Reads conditions for one class.
pub struct Simplify<'a> {
    pub program: &'a Program,
    pub class: usize,
    pub atoms: &'a mut Atoms,
    pub known: FxHashMap<(u32, bool), Residual>,
}

impl Simplify<'_> {
    /// What must be true for a node to hold (`positive`) or not to hold.
    pub fn node(&mut self, number: u32, positive: bool) -> Residual {
        if let Some(known) = self.known.get(&(number, positive)) {
            return known.clone();
        }
        let program = self.program;
        let slot = &program.slots[number as usize];
        let node = program.node(number);
        let residual = match node {
            Node::Const(value) => constant(value == positive),
            _ if slot.depends != Depends::Event => Residual::Invariant(number, positive),
            Node::Check(check) => self.check(&program.checks[check as usize], positive),
            Node::Not(inner) => self.node(inner, !positive),
            Node::And(children) | Node::Or(children) => {
                let parts = children.iter().map(|child| self.node(*child, positive)).collect();
                if matches!(node, Node::And(_)) == positive { Residual::all(parts) } else { Residual::any(parts) }
            }
        };
        self.known.insert((number, positive), residual.clone());
        residual
    }

    /// What a detector asks for.
    pub fn detector(&mut self, wanted: Wanted) -> Residual {
        match wanted {
            Wanted::Nothing => Residual::Never,
            Wanted::Everything => Residual::Always,
            Wanted::Below(folders) => self.below(folders),
            Wanted::OfOrBelow(is_such, folders) => Residual::Any(vec![Residual::Process(is_such), self.below(folders)]),
        }
    }

    fn below(&mut self, folders: &[&str]) -> Residual {
        let needle = |folder: &&str| Needle { at_start: true, at_end: false, text: (*folder).into() };
        Residual::Hit(self.atoms.add(folders.iter().map(needle).collect()))
    }

    fn check(&mut self, check: &UniqueCheck, positive: bool) -> Residual {
        if let Some(answer) = decided(check, self.class) {
            return constant(answer == positive);
        }
        // Of a failed open the kernel has only the caller's string, which is not the path that rules see.
        let worked = self.class & WORKED != 0;
        match needle::needles(&check.left, &check.test, positive).filter(|_| worked) {
            Some(needles) => Residual::Hit(self.atoms.add(needles)),
            None => Residual::Always,
        }
    }
}

const fn constant(holds: bool) -> Residual {
    if holds { Residual::Always } else { Residual::Never }
}

/// Fields that depend on flags and on whether the call worked, and on nothing else.
const OF_CLASS: [&str; 7] =
    ["evt.is_open_read", "evt.is_open_write", "evt.is_open_create", "evt.type", "evt.failed", "fd.type", "fd.typechar"];

/// Flags that those fields look at, beside those of the class.
const VARIANTS: [u32; 5] =
    [0, OpenFlags::TRUNC, OpenFlags::DIRECTORY, OpenFlags::PATH, OpenFlags::PATH | OpenFlags::DIRECTORY];

/// The answer of a check that is the same for all opens of a class.
fn decided(check: &UniqueCheck, of_class: usize) -> Option<bool> {
    let Side::Field(spec, arg) = &check.left else { return None };
    let worked = of_class & WORKED != 0;
    match (spec.name, arg, &check.test) {
        ("fd.num", _, Test::Int(test)) => return decided_descriptor(test, worked),
        ("evt.arg", FieldArg::Key(key), _) if !args::may_be_of_open(key) => return Some(false),
        // No other flag has these letters in it.
        ("evt.arg", FieldArg::Key(key), Test::Text(TextTest::Contains(finder)))
            if &**key == "flags" && finder.needle() == b"O_CREAT" =>
        {
            return Some(of_class & CREATES != 0);
        }
        _ => {}
    }
    if !OF_CLASS.contains(&spec.name) || matches!(check.test, Test::Against(..)) {
        return None;
    }
    let mode = u32::try_from(of_class & 3).ok()? | if of_class & CREATES == 0 { 0 } else { OpenFlags::CREAT };
    let result = if worked { 3 } else { -2 };
    let (names, containers) = (AddressNames::default(), Containers::default());
    let answer = |flags: u32| {
        let flags = OpenFlags(mode | flags);
        debug_assert_eq!(class(flags, result), of_class);
        let (path, path_source) = ("/".to_owned(), PathSource::Kernel);
        let body = Body::FileOpen(FileOpen { path, flags, result, inode: None, path_source, raw_path: None });
        let event = Event::new(Timestamp::default(), 0, Arc::default(), Attribution::Unknown, "", body);
        check.holds(&Context { event: &event, names: &names, containers: &containers })
    };
    let first = answer(VARIANTS[0]);
    VARIANTS.iter().all(|flags| answer(*flags) == first).then_some(first)
}

/// A descriptor is any number from 0 on, or -1 for a failed call.
fn decided_descriptor(test: &IntTest, worked: bool) -> Option<bool> {
    if !worked {
        return Some(test.holds(-1));
    }
    let IntTest::Compare(op, other) = test else { return None };
    let first = test.holds(0);
    // An order that is the same at both ends is the same between them; equality may differ at the number itself.
    let same = first == test.holds(i64::from(i32::MAX)) && (op.is_order() || *other < 0);
    same.then_some(first)
}
