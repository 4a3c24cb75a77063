//! A new segment from an old one and what changed: updates need not import a whole feed again.
//!
//! What it is: [`Builder::keep`], which takes over every advisory, source, fact and note of an old segment that nothing
//! newer replaces. What it is not: a comparison of feeds; the caller knows which records changed.

use rustc_hash::FxHashMap;

use super::row::{EndRef, ImportRef, RangeRef, RowData};
use super::{Builder, Row, Segment, SegmentError, key, split_key};
use crate::advisory::{Affected, End, GoImport, Range};

impl Builder {
    /// Takes over what `old` has, except advisories whose id `replaced` names. Add the new records first: of a source, a
    /// fact or a note that both have, the first stays.
    pub fn keep(&mut self, old: &Segment<'_>, replaced: &dyn Fn(&str) -> bool) -> Result<(), SegmentError> {
        let damaged = |section| SegmentError::Damaged { section };
        // Where each of the old advisories went; none when it was replaced.
        let mut moved: FxHashMap<u64, Option<u64>> = FxHashMap::default();
        let mut broken = false;
        old.each_row(|ecosystem, name, row| {
            let target = *moved.entry(row.advisory_offset()).or_insert_with(|| match row.advisory() {
                Some(advisory) if replaced(&advisory.id) => None,
                Some(advisory) => Some(self.put_advisory(&advisory)),
                None => {
                    broken = true;
                    None
                }
            });
            if let Some(advisory) = target {
                broken |= self.copy_row(ecosystem, name, row, advisory).is_none();
            }
        })?;
        if broken {
            return Err(damaged("rows"));
        }
        old.each_text(|kind, first, second, text| {
            let offset = self.strings.intern(text);
            if let std::collections::btree_map::Entry::Vacant(slot) = self.texts.entry(key(kind, first, second)) {
                slot.insert(offset);
                self.records += u64::from(kind == b'f');
            }
        })?;
        old.each_note(|note| self.add_note(&note))
    }

    fn copy_row(&mut self, ecosystem: &str, name: &str, row: &Row<'_>, advisory: u64) -> Option<()> {
        let affected = affected(ecosystem, name, &row.data()?)?;
        self.put_affected(&affected, advisory);
        Some(())
    }
}

impl<'a> Segment<'a> {
    /// Calls `visit` with each source (`s`) and fact (`f`): kind, both parts of the key, the text.
    fn each_text(&self, mut visit: impl FnMut(u8, &str, &str, &'a str)) -> Result<(), SegmentError> {
        let mut broken = false;
        let walked = self.keys.each(|key, value| {
            if let Some((kind @ (b's' | b'f'), first, second)) = split_key(key) {
                match usize::try_from(value).ok().and_then(|at| self.tables.text(at)) {
                    Some(text) => visit(kind, first, second, text),
                    None => broken = true,
                }
            }
        });
        walked.map_err(|_| SegmentError::Damaged { section: "keys" })?;
        if broken { Err(SegmentError::Damaged { section: "strings" }) } else { Ok(()) }
    }

    /// Calls `visit` with each note.
    fn each_note(&self, visit: impl FnMut(crate::advisory::Note)) -> Result<(), SegmentError> {
        self.notes.each(&self.tables, visit).map_err(|_| SegmentError::Damaged { section: "notes" })
    }
}

/// A row as importers make it; `None` when its imports are damaged.
fn affected(ecosystem: &str, name: &str, data: &RowData<'_>) -> Option<Affected> {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let import = |import: &ImportRef<'_>| GoImport {
        path: import.path.to_owned(),
        symbols: owned(&import.symbols),
        systems: owned(&import.systems),
        architectures: owned(&import.architectures),
    };
    Some(Affected {
        ecosystem: ecosystem.to_owned(),
        name: name.to_owned(),
        target: data.target,
        ranges: data.ranges.iter().map(range).collect(),
        versions: owned(&data.versions),
        status: data.state,
        severity: data.tags.severity,
        module: data.tags.module.to_owned(),
        architectures: owned(&data.tags.architectures),
        products: owned(&data.tags.products),
        imports: data.tags.imports.decode()?.iter().map(import).collect(),
        binaries: owned(&data.tags.binaries),
        note: data.tags.note.to_owned(),
    })
}

fn range(range: &RangeRef<'_>) -> Range {
    let end = match range.end {
        EndRef::Open => End::Open,
        EndRef::Fixed(version) => End::Fixed(version.to_owned()),
        EndRef::Last(version) => End::Last(version.to_owned()),
        EndRef::Before(version) => End::Before(version.to_owned()),
    };
    Range { introduced: range.introduced.to_owned(), exclusive: range.exclusive, end }
}
