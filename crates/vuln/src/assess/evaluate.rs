//! One version against one row.

use model::FixStatus;

use crate::advisory::State;
use crate::segment::row::EndRef;
use crate::segment::{RangeRef, RowData};
use crate::version::{Key, Scheme};

/// What a row says of a version that it affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// The fix of the range that holds the version, then those of later branches.
    pub fixed: Vec<String>,
    /// State of the fix.
    pub status: FixStatus,
    /// The comparison, for people.
    pub rule: String,
}

/// Whether a version lies in a row, and why.
pub(super) fn evaluate(scheme: Scheme, version: &str, key: &Key, row: &RowData<'_>) -> Option<Hit> {
    // A fix of a later branch is one too: who is there is safe.
    let status = |fixed: &[String]| match row.state {
        _ if !fixed.is_empty() => FixStatus::Fixed,
        State::Said(said) => said,
        State::ByRange => FixStatus::Affected,
    };
    if let Some(range) = row.ranges.iter().find(|range| contains(scheme, key, range)) {
        let fixed = fixes(scheme, key, range, row);
        return Some(Hit { status: status(&fixed), fixed, rule: describe(version, range) });
    }
    if row.versions.iter().any(|listed| *listed == version || scheme.range_key(listed) == *key) {
        let open = RangeRef { introduced: "", exclusive: false, end: EndRef::Open };
        let fixed = fixes(scheme, key, &open, row);
        return Some(Hit { status: status(&fixed), fixed, rule: format!("{version} is listed as affected") });
    }
    if row.ranges.is_empty() && row.versions.is_empty() {
        let rule = format!("{version}: every version is affected");
        return Some(Hit { fixed: Vec::new(), status: status(&[]), rule });
    }
    None
}

/// Whether a range holds a version.
pub fn contains(scheme: Scheme, key: &Key, range: &RangeRef<'_>) -> bool {
    let after = range.introduced.is_empty() || {
        let start = scheme.range_key(range.introduced);
        if range.exclusive { *key > start } else { *key >= start }
    };
    after
        && match range.end {
            EndRef::Open => true,
            EndRef::Fixed(end) | EndRef::Before(end) => *key < scheme.range_key(end),
            EndRef::Last(end) => *key <= scheme.range_key(end),
        }
}

/// Fixed versions above the installed one: the range's own first, then other branches' in order.
fn fixes(scheme: Scheme, key: &Key, range: &RangeRef<'_>, row: &RowData<'_>) -> Vec<String> {
    let fix = |range: &RangeRef<'_>| match range.end {
        EndRef::Fixed(version) => Some(version.to_owned()),
        _ => None,
    };
    let mut fixed: Vec<String> = fix(range).into_iter().collect();
    let mut others: Vec<(Key, String)> = row
        .ranges
        .iter()
        .filter_map(fix)
        .filter(|version| !fixed.contains(version))
        .map(|version| (scheme.range_key(&version), version))
        .filter(|(other, _)| other > key)
        .collect();
    others.sort_by(|a, b| a.0.cmp(&b.0));
    fixed.extend(others.into_iter().map(|(_, version)| version));
    fixed
}

fn describe(version: &str, range: &RangeRef<'_>) -> String {
    let from = match (range.introduced, range.exclusive) {
        ("", _) => String::new(),
        (introduced, true) => format!("{introduced} < "),
        (introduced, false) => format!("{introduced} <= "),
    };
    match range.end {
        EndRef::Fixed(end) => format!("{from}{version} < {end} (fixed)"),
        EndRef::Before(end) => format!("{from}{version} < {end} (end of the branch)"),
        EndRef::Last(end) => format!("{from}{version} <= {end} (last affected)"),
        EndRef::Open if from.is_empty() => format!("{version}: every version is affected, no fix is known"),
        EndRef::Open => format!("{from}{version} (no fix is known)"),
    }
}
