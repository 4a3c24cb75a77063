//! What of the opens of files a kernel may leave out: those that no rule and no detector can want.
//!
//! Every open is of a class (how it is opened, whether it worked) and hits the groups whose needles its path has. For a
//! process, [`Judge::judge`] says for each class the groups of which one must be hit for anything to match: rules are
//! read as "what must be true of the path", with everything that is fixed for the process filled in and everything else
//! taken for possible. So an open that is left out matches nothing, whatever is not known; the converse does not hold.
//!
//! What it is not: it evaluates no rule. That is the engine's, for every open that is not left out.

mod needle;
mod residual;
mod table;
#[cfg(test)]
mod tests;

use model::{Event, OpenFlags};
use rustc_hash::FxHashMap;

use crate::detectors;
use crate::fields::Context;
use crate::fields::types::KINDS;
use crate::{EventSource, RuleSet};
use residual::{Atoms, Residual, Simplify};
pub use table::{CLASSES as BYTE_CLASSES, END, Needle, PathTable, STATES};

/// Classes of opens.
pub const CLASSES: usize = 16;
/// The bit of a class whose opens may create the file.
const CREATES: usize = 4;
/// The bit of a class whose opens worked.
const WORKED: usize = 8;
/// The group that every path hits: an open of a class that has it is always wanted.
pub const ALWAYS: u64 = 1 << 63;
/// The other groups.
const GROUPS: usize = 63;

/// For each class the groups of which one must be hit. None at all: the open is not wanted, whatever its path.
pub type Groups = [u64; CLASSES];

/// The class of an open: its access mode, whether it may create, whether it worked. As in the sensor's
/// `file_open.bpf.h`.
pub const fn class(flags: OpenFlags, result: i64) -> usize {
    let creates = if flags.0 & OpenFlags::CREAT == 0 { 0 } else { CREATES };
    let worked = if result >= 0 { WORKED } else { 0 };
    (flags.0 & OpenFlags::ACCESS_MODE) as usize | creates | worked
}

/// Whether the opens of a class give a descriptor that can be written.
const fn writes(class: usize) -> bool {
    class & WORKED != 0 && matches!(class & OpenFlags::ACCESS_MODE as usize, 1 | 2)
}

/// What is left of all rules for each class of opens, and the tables that find groups in paths.
#[derive(Debug)]
pub struct Judge {
    table: PathTable,
    classes: [Residual; CLASSES],
}

impl Judge {
    /// Reads the rules and detectors of a rule set.
    pub fn new(rules: &RuleSet) -> Self {
        let program = rules.program();
        let kind = KINDS.iter().position(|kind| *kind == "file_open").unwrap_or_default();
        let mut atoms = Atoms::default();
        let mut classes = std::array::from_fn(|class| {
            let mut simplify = Simplify { program, class, atoms: &mut atoms, known: FxHashMap::default() };
            let roots = program.roots[kind].iter().map(|(rule, root)| {
                let other = matches!(rules.compiled()[*rule as usize].rule.source, EventSource::K8sAudit);
                if other { Residual::Never } else { simplify.node(*root, true) }
            });
            let mut all: Vec<Residual> = roots.collect();
            let wanted = rules.detectors().iter().map(|rule| detectors::opens_of(&rule.name, writes(class)));
            all.extend(wanted.map(|wanted| simplify.detector(wanted)));
            Residual::any(all)
        });
        // Atoms are numbered in the order of the rules: those that share a group are of one rule, mostly.
        let used = residual::used(&classes);
        let group = |place: usize| {
            if used.len() <= GROUPS { 1_u64 << place } else { 1 << (place * GROUPS / used.len()) }
        };
        let groups: FxHashMap<u32, u64> = used.iter().enumerate().map(|(place, atom)| (*atom, group(place))).collect();
        for residual in &mut classes {
            residual.assign(&groups);
        }
        let needles: Vec<(Needle, u64)> = used
            .iter()
            .flat_map(|atom| atoms.needles(*atom).iter().map(|needle| (needle.clone(), groups[atom])))
            .collect();
        Self { table: PathTable::new(&needles), classes }
    }

    /// The tables that find groups in paths.
    pub const fn table(&self) -> &PathTable {
        &self.table
    }

    /// The groups for any process.
    pub fn anybody(&self) -> Groups {
        std::array::from_fn(|class| self.classes[class].groups(&mut |_| None, None))
    }

    /// The groups for the process of an event, in its place. `invariant` answers a node that depends on them alone, or
    /// says that it is not to be known.
    pub(crate) fn judge(&self, context: &Context<'_>, mut invariant: impl FnMut(u32) -> Option<bool>) -> Groups {
        std::array::from_fn(|class| self.classes[class].groups(&mut invariant, context.process()))
    }
}

/// Whether an open that hits these groups is wanted.
pub const fn is_wanted(groups: &Groups, class: usize, hit: u64) -> bool {
    (hit | ALWAYS) & groups[class] != 0
}

/// Whether the kernel would send the open of an event.
pub fn sends(table: &PathTable, groups: &Groups, event: &Event) -> bool {
    let model::Body::FileOpen(open) = &event.body else { return true };
    is_wanted(groups, class(open.flags, open.result), table.run(open.path.as_bytes()))
}
