//! A subject against the segments: which rows hold.

use model::Confidence;

use super::coverage::Gaps;
use super::evaluate::{Hit, evaluate};
use super::subjects::{Context, Lookup, Subject};
use crate::Segment;
use crate::advisory::{Advisory, Target};
use crate::ecosystem;
use crate::import::osv::NOT_MODULE_VERSIONS;
use crate::segment::{Row, RowData, Tags};
use crate::version::Key;

/// A row that holds for a subject.
#[derive(Debug, Clone)]
pub(super) struct Match<'s> {
    /// The segment.
    pub segment: &'s str,
    /// The feed's format.
    pub feed: &'s str,
    /// Ecosystem key of the row.
    pub key: String,
    /// The advisory.
    pub advisory: Advisory,
    /// What the row says.
    pub hit: Hit,
    /// The rest of the row.
    pub tags: Tags<'s>,
    /// The version compared.
    pub version: String,
    /// Index of the binary that was looked up; none for the source or a language's package.
    pub binary: Option<usize>,
    /// How sure.
    pub confidence: Confidence,
}

/// All rows that hold for a subject.
pub(super) fn matches<'s>(subject: &Subject<'_>, context: &Context<'s, '_>, gaps: &mut Gaps) -> Vec<Match<'s>> {
    if subject.scheme.validate(&subject.version).is_err() {
        gaps.unreadable_version(&subject.key, &subject.name, &subject.version);
        return Vec::new();
    }
    let mut found = Vec::new();
    if subject.os {
        for segment in &context.os_segments {
            for key in context.os_keys.iter().filter(|key| segment.covers(key)) {
                in_segment(subject, segment, key, context, gaps, &mut found);
            }
        }
    } else {
        for segment in context.segments.iter().filter(|segment| segment.covers(&subject.key)) {
            in_segment(subject, segment, &subject.key, context, gaps, &mut found);
        }
    }
    found
}

fn in_segment<'s>(
    subject: &Subject<'_>,
    segment: &'s Segment<'_>,
    key: &str,
    context: &Context<'_, '_>,
    gaps: &mut Gaps,
    found: &mut Vec<Match<'s>>,
) {
    for lookup in subject.lookups() {
        let name = ecosystem::normal_name(key, lookup.name);
        let rows = match segment.rows(key, &name) {
            Ok(rows) => rows,
            Err(error) => {
                gaps.damaged(&segment.meta().name, &error.to_string());
                continue;
            }
        };
        if rows.is_empty() {
            continue;
        }
        let version = subject.scheme.key(lookup.version);
        for row in &rows {
            let Some(data) = row.data() else {
                gaps.damaged(&segment.meta().name, "a row cannot be read");
                continue;
            };
            if applies(&data, &lookup, subject, context) {
                found.extend(hit(subject, segment, key, &lookup, &version, row, data, gaps));
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one comparison, used once")]
fn hit<'s>(
    subject: &Subject<'_>,
    segment: &'s Segment<'_>,
    key: &str,
    lookup: &Lookup<'_>,
    version: &Key,
    row: &Row<'s>,
    data: RowData<'s>,
    gaps: &mut Gaps,
) -> Option<Match<'s>> {
    let hit = evaluate(subject.scheme, lookup.version, version, &data)?;
    let Some(advisory) = row.advisory() else {
        gaps.damaged(&segment.meta().name, "an advisory cannot be read");
        return None;
    };
    let low = data.tags.note == NOT_MODULE_VERSIONS
        || subject.packages.iter().all(|package| package.evidence == model::Evidence::Manifest);
    let confidence = match (low, subject.guessed) {
        (true, _) => Confidence::Low,
        (false, true) => Confidence::Derived,
        (false, false) => Confidence::Exact,
    };
    let meta = segment.meta();
    Some(Match {
        segment: &meta.name,
        feed: &meta.feed,
        key: key.to_owned(),
        advisory,
        hit,
        tags: data.tags,
        version: lookup.version.to_owned(),
        binary: lookup.binary,
        confidence,
    })
}

/// Whether a row speaks of what was looked up: the kind of name, the module stream, the architecture.
fn applies(row: &RowData<'_>, lookup: &Lookup<'_>, subject: &Subject<'_>, _context: &Context<'_, '_>) -> bool {
    let kind = match row.target {
        Target::Package | Target::Either => true,
        Target::Source => lookup.binary.is_none(),
        Target::Binary => lookup.binary.is_some(),
    };
    if !kind {
        return false;
    }
    let packages = match lookup.binary {
        Some(index) => subject.packages.get(index..=index).unwrap_or_default(),
        None => subject.packages.as_slice(),
    };
    let architecture = row.tags.architectures.is_empty()
        || packages.iter().any(|package| {
            let own = package.architecture.as_deref().unwrap_or("noarch");
            own == "noarch" || row.tags.architectures.contains(&own)
        });
    architecture && packages.iter().any(|package| module_fits(row.tags.module, package))
}

/// `name:stream` of the row against `name:stream:version:context` of the package.
fn module_fits(module: &str, package: &model::Package) -> bool {
    let label = package.properties.get("modularity_label").map_or("", String::as_str);
    if module.is_empty() {
        return true;
    }
    let own = label.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
    own == module
}
