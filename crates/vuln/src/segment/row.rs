//! Rows and advisories inside a segment.
//!
//! A row's body: one byte of flags (state, target, which parts follow, whether it is the usual single range
//! `[first, fixed)`), the ranges, single versions, then tagged extras. An advisory: kind, id, aliases, title, ratings,
//! day of publication.

use model::{FixStatus, Severity};

use super::bytes::{Cursor, put_varint};
use super::ids;
use crate::advisory::{Advisory, Affected, End, GoImport, Kind, Rating, State, Target};

const HAS_VERSIONS: u8 = 0x20;
const HAS_TAGS: u8 = 0x40;
const FIXED_ONLY: u8 = 0x80;

const TAG_SEVERITY: u8 = 1;
const TAG_MODULE: u8 = 2;
const TAG_ARCHITECTURES: u8 = 3;
const TAG_PRODUCTS: u8 = 4;
const TAG_IMPORTS: u8 = 5;
const TAG_BINARIES: u8 = 6;
const TAG_NOTE: u8 = 7;

/// What rows refer to.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// The advisories section.
    pub(super) advisories: &'a [u8],
    /// The strings section.
    pub(super) strings: &'a [u8],
}

impl<'a> Tables<'a> {
    /// The text at an offset of the string pool.
    pub fn text(&self, at: usize) -> Option<&'a str> {
        std::str::from_utf8(Cursor::new(self.strings, at).prefixed()?).ok()
    }

    fn string(&self, cursor: &mut Cursor<'a>) -> Option<&'a str> {
        self.text(cursor.size()?)
    }

    fn list(&self, cursor: &mut Cursor<'a>) -> Option<Vec<&'a str>> {
        let mut list = Vec::new();
        for _ in 0..cursor.size()? {
            list.push(self.string(cursor)?);
        }
        Some(list)
    }
}

/// A statement of an advisory about a package, not yet decoded.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    tables: Tables<'a>,
    advisory: u64,
    body: &'a [u8],
}

/// A range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeRef<'a> {
    /// First affected version; empty: from the first on.
    pub introduced: &'a str,
    /// Whether only what comes after `introduced` is affected.
    pub exclusive: bool,
    /// Where it ends.
    pub end: EndRef<'a>,
}

/// Where a range ends; as [`End`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the variants of `End`")]
pub enum EndRef<'a> {
    Open,
    Fixed(&'a str),
    Last(&'a str),
    Before(&'a str),
}

/// A decoded row.
#[derive(Debug, Clone)]
pub struct RowData<'a> {
    /// State of the fix.
    pub state: State,
    /// Which name of the package it is.
    pub target: Target,
    /// Ranges; with no versions either, every version is affected.
    pub ranges: Vec<RangeRef<'a>>,
    /// Single versions.
    pub versions: Vec<&'a str>,
    /// The rest.
    pub tags: Tags<'a>,
}

/// What only some rows have; as the fields of [`Affected`].
#[derive(Debug, Clone, Default)]
pub struct Tags<'a> {
    /// Severity for this package.
    pub severity: Option<Severity>,
    /// Module stream.
    pub module: &'a str,
    /// Architectures.
    pub architectures: Vec<&'a str>,
    /// Repositories or product identifiers.
    pub products: Vec<&'a str>,
    /// Go packages and symbols, not yet decoded: few rows need them.
    pub imports: Imports<'a>,
    /// Binary packages of the source.
    pub binaries: Vec<&'a str>,
    /// Remark.
    pub note: &'a str,
}

/// The Go packages of a row.
#[derive(Debug, Clone, Default)]
pub struct Imports<'a>(Option<(Tables<'a>, &'a [u8])>);

impl<'a> Imports<'a> {
    /// Whether the row names none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Decodes them; `None` when damaged.
    pub fn decode(&self) -> Option<Vec<ImportRef<'a>>> {
        let mut imports = Vec::new();
        let Some((tables, bytes)) = self.0 else { return Some(imports) };
        let mut cursor = Cursor::new(bytes, 0);
        for _ in 0..cursor.size()? {
            imports.push(ImportRef {
                path: tables.string(&mut cursor)?,
                symbols: tables.list(&mut cursor)?,
                systems: tables.list(&mut cursor)?,
                architectures: tables.list(&mut cursor)?,
            });
        }
        Some(imports)
    }
}

/// A Go package and what of it is vulnerable; as [`GoImport`].
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as the fields of `GoImport`")]
pub struct ImportRef<'a> {
    pub path: &'a str,
    pub symbols: Vec<&'a str>,
    pub systems: Vec<&'a str>,
    pub architectures: Vec<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) const fn new(tables: Tables<'a>, advisory: u64, body: &'a [u8]) -> Self {
        Self { tables, advisory, body }
    }

    /// Identifies the advisory within its segment.
    pub const fn advisory_offset(&self) -> u64 {
        self.advisory
    }

    /// The advisory, without its `affected`; `None` when damaged.
    pub fn advisory(&self) -> Option<Advisory> {
        let mut cursor = Cursor::new(self.tables.advisories, usize::try_from(self.advisory).ok()?);
        let tables = self.tables;
        let kind = match cursor.u8()? {
            0 => Kind::Vulnerability,
            1 => Kind::Malware,
            2 => Kind::Notice,
            3 => Kind::Erratum,
            _ => return None,
        };
        let id = |cursor: &mut Cursor<'a>| ids::get(cursor, |at| tables.text(at));
        let own = id(&mut cursor)?;
        let mut aliases = Vec::new();
        for _ in 0..cursor.size()? {
            aliases.push(id(&mut cursor)?);
        }
        let title = self.string(&mut cursor)?.to_owned();
        let published = self.string(&mut cursor)?.to_owned();
        let ratings = ratings(&mut cursor, &tables)?;
        Some(Advisory { id: own, aliases, title, ratings, published, kind, affected: Vec::new() })
    }

    /// Decodes the body; `None` when damaged.
    pub fn data(&self) -> Option<RowData<'a>> {
        let mut cursor = Cursor::new(self.body, 0);
        let flags = cursor.u8()?;
        let state = match flags & 0x07 {
            0 => State::ByRange,
            1 => State::Said(FixStatus::Fixed),
            2 => State::Said(FixStatus::Affected),
            3 => State::Said(FixStatus::WillNotFix),
            4 => State::Said(FixStatus::Deferred),
            5 => State::Said(FixStatus::EndOfLife),
            6 => State::Said(FixStatus::UnderInvestigation),
            _ => return None,
        };
        let target = match flags >> 3 & 0x03 {
            0 => Target::Package,
            1 => Target::Source,
            2 => Target::Binary,
            _ => Target::Either,
        };
        let ranges = if flags & FIXED_ONLY == 0 {
            self.ranges(&mut cursor)?
        } else {
            vec![RangeRef { introduced: "", exclusive: false, end: EndRef::Fixed(self.string(&mut cursor)?) }]
        };
        let versions = if flags & HAS_VERSIONS == 0 { Vec::new() } else { self.list(&mut cursor)? };
        let tags = if flags & HAS_TAGS == 0 { Tags::default() } else { self.tags(&mut cursor)? };
        Some(RowData { state, target, ranges, versions, tags })
    }

    fn ranges(&self, cursor: &mut Cursor<'a>) -> Option<Vec<RangeRef<'a>>> {
        let mut ranges = Vec::new();
        for _ in 0..cursor.size()? {
            let kind = cursor.u8()?;
            let introduced = if kind & 0x04 == 0 { "" } else { self.string(cursor)? };
            let end = match kind & 0x03 {
                0 => EndRef::Open,
                1 => EndRef::Fixed(self.string(cursor)?),
                2 => EndRef::Last(self.string(cursor)?),
                _ => EndRef::Before(self.string(cursor)?),
            };
            ranges.push(RangeRef { introduced, exclusive: kind & 0x08 != 0, end });
        }
        Some(ranges)
    }

    fn string(&self, cursor: &mut Cursor<'a>) -> Option<&'a str> {
        self.tables.string(cursor)
    }

    fn list(&self, cursor: &mut Cursor<'a>) -> Option<Vec<&'a str>> {
        self.tables.list(cursor)
    }

    fn tags(&self, cursor: &mut Cursor<'a>) -> Option<Tags<'a>> {
        let mut tags = Tags::default();
        for _ in 0..cursor.size()? {
            match cursor.u8()? {
                TAG_SEVERITY => tags.severity = Some(severity_of(cursor.u8()?)?),
                TAG_MODULE => tags.module = self.string(cursor)?,
                TAG_ARCHITECTURES => tags.architectures = self.list(cursor)?,
                TAG_PRODUCTS => tags.products = self.list(cursor)?,
                TAG_IMPORTS => tags.imports = Imports(Some((self.tables, cursor.prefixed()?))),
                TAG_BINARIES => tags.binaries = self.list(cursor)?,
                TAG_NOTE => tags.note = self.string(cursor)?,
                _ => return None,
            }
        }
        Some(tags)
    }
}

pub(super) fn ratings(cursor: &mut Cursor<'_>, tables: &Tables<'_>) -> Option<Vec<Rating>> {
    let mut ratings = Vec::new();
    for _ in 0..cursor.size()? {
        let source = tables.text(cursor.size()?)?.to_owned();
        let severity = severity_of(cursor.u8()?)?;
        let vector = tables.text(cursor.size()?)?.to_owned();
        ratings.push(Rating { source, severity, vector });
    }
    Some(ratings)
}

const SEVERITIES: [Severity; 6] =
    [Severity::Unknown, Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

fn severity_of(code: u8) -> Option<Severity> {
    SEVERITIES.get(usize::from(code)).copied()
}

fn severity_code(severity: Severity) -> u8 {
    (0_u8..).zip(SEVERITIES).find(|(_, known)| *known == severity).map_or(0, |(code, _)| code)
}

/// Gives the offset of a text in the string pool, adding it when it is new.
pub(super) type Intern<'i> = dyn FnMut(&str) -> u64 + 'i;

/// Appends an advisory.
pub(super) fn put_advisory(out: &mut Vec<u8>, advisory: &Advisory, intern: &mut Intern<'_>) {
    out.push(match advisory.kind {
        Kind::Vulnerability => 0,
        Kind::Malware => 1,
        Kind::Notice => 2,
        Kind::Erratum => 3,
    });
    ids::put(out, &advisory.id, &mut *intern);
    put_varint(out, advisory.aliases.len() as u64);
    for alias in &advisory.aliases {
        ids::put(out, alias, &mut *intern);
    }
    put_varint(out, intern(&advisory.title));
    put_varint(out, intern(&advisory.published));
    put_ratings(out, &advisory.ratings, intern);
}

pub(super) fn put_ratings(out: &mut Vec<u8>, ratings: &[Rating], intern: &mut Intern<'_>) {
    put_varint(out, ratings.len() as u64);
    for rating in ratings {
        put_varint(out, intern(&rating.source));
        out.push(severity_code(rating.severity));
        put_varint(out, intern(&rating.vector));
    }
}

/// Appends the body of a row.
pub(super) fn put_row(out: &mut Vec<u8>, affected: &Affected, intern: &mut Intern<'_>) {
    let state = match affected.status {
        State::ByRange => 0,
        State::Said(FixStatus::Fixed) => 1,
        State::Said(FixStatus::Affected) => 2,
        State::Said(FixStatus::WillNotFix) => 3,
        State::Said(FixStatus::Deferred) => 4,
        State::Said(FixStatus::EndOfLife) => 5,
        State::Said(FixStatus::UnderInvestigation) => 6,
    };
    let target = match affected.target {
        Target::Package => 0,
        Target::Source => 1,
        Target::Binary => 2,
        Target::Either => 3,
    };
    let fixed_only = match affected.ranges.as_slice() {
        [range] if range.introduced.is_empty() => match &range.end {
            End::Fixed(fixed) => Some(fixed),
            _ => None,
        },
        _ => None,
    };
    let (count, tags) = tags(affected, intern);
    let flag = |bit: u8, set: bool| if set { bit } else { 0 };
    out.push(
        state
            | target << 3
            | flag(HAS_VERSIONS, !affected.versions.is_empty())
            | flag(HAS_TAGS, count > 0)
            | flag(FIXED_ONLY, fixed_only.is_some()),
    );
    match fixed_only {
        Some(fixed) => put_varint(out, intern(fixed)),
        None => put_ranges(out, affected, intern),
    }
    if !affected.versions.is_empty() {
        put_list(out, &affected.versions, intern);
    }
    if count > 0 {
        put_varint(out, count);
        out.extend_from_slice(&tags);
    }
}

fn put_ranges(out: &mut Vec<u8>, affected: &Affected, intern: &mut Intern<'_>) {
    put_varint(out, affected.ranges.len() as u64);
    for range in &affected.ranges {
        let introduced = if range.introduced.is_empty() { 0 } else { 0x04 };
        let (kind, end) = match &range.end {
            End::Open => (0, None),
            End::Fixed(version) => (1, Some(version)),
            End::Last(version) => (2, Some(version)),
            End::Before(version) => (3, Some(version)),
        };
        let exclusive = if range.exclusive { 0x08 } else { 0 };
        out.push(kind | introduced | exclusive);
        if introduced != 0 {
            put_varint(out, intern(&range.introduced));
        }
        if let Some(version) = end {
            put_varint(out, intern(version));
        }
    }
}

fn put_list(out: &mut Vec<u8>, list: &[String], intern: &mut Intern<'_>) {
    put_varint(out, list.len() as u64);
    for text in list {
        put_varint(out, intern(text));
    }
}

/// The tagged extras and how many there are.
fn tags(affected: &Affected, intern: &mut Intern<'_>) -> (u64, Vec<u8>) {
    let (mut count, mut out) = (0, Vec::new());
    let mut begin = |out: &mut Vec<u8>, tag: u8| {
        count += 1;
        out.push(tag);
    };
    if let Some(severity) = affected.severity {
        begin(&mut out, TAG_SEVERITY);
        out.push(severity_code(severity));
    }
    for (tag, text) in [(TAG_MODULE, &affected.module), (TAG_NOTE, &affected.note)] {
        if !text.is_empty() {
            begin(&mut out, tag);
            put_varint(&mut out, intern(text));
        }
    }
    let lists = [
        (TAG_ARCHITECTURES, &affected.architectures),
        (TAG_PRODUCTS, &affected.products),
        (TAG_BINARIES, &affected.binaries),
    ];
    for (tag, list) in lists {
        if !list.is_empty() {
            begin(&mut out, tag);
            put_list(&mut out, list, intern);
        }
    }
    if !affected.imports.is_empty() {
        begin(&mut out, TAG_IMPORTS);
        let mut imports = Vec::new();
        put_varint(&mut imports, affected.imports.len() as u64);
        for GoImport { path, symbols, systems, architectures } in &affected.imports {
            put_varint(&mut imports, intern(path));
            put_list(&mut imports, symbols, intern);
            put_list(&mut imports, systems, intern);
            put_list(&mut imports, architectures, intern);
        }
        put_varint(&mut out, imports.len() as u64);
        out.extend_from_slice(&imports);
    }
    (count, out)
}
