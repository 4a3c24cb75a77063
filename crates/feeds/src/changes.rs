//! Publishers' lists of changed records, as text.
//!
//! Sources: OSV's documentation of `modified_id.csv`, Red Hat's of `changes.csv` and `deletions.csv`.

use model::Timestamp;

use crate::addresses::Changes;

/// Dates further ahead than this are typing errors; they must not hide what changes until then.
const AHEAD_MILLIS: i64 = 86_400_000;

/// A record that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its id, as the segment's advisories have it.
    pub id: String,
    /// Where it lies, from the list's folder.
    pub path: String,
    /// When it changed.
    pub time: Timestamp,
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{list}, line {line}: {text:?} is not a change: expected {expected}")]
pub struct ListError {
    /// Address of the list.
    pub list: String,
    /// Line, from 1.
    pub line: usize,
    /// Its text, shortened.
    pub text: String,
    /// What was expected.
    pub expected: &'static str,
}

/// The lines of a list that are newer than `since`.
pub fn newer(
    kind: Changes,
    text: &str,
    list: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Changed>, ListError> {
    let mut changed = Vec::new();
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let read = read(kind, row).ok_or_else(|| ListError {
            list: list.to_owned(),
            line,
            text: row.chars().take(80).collect(),
            expected: match kind {
                Changes::Osv => "TIME,ID",
                Changes::RedHat => "\"YEAR/FILE.json\",\"TIME\"",
            },
        })?;
        if read.time > since && read.time.millis_since(now) <= AHEAD_MILLIS {
            changed.push(read);
        }
    }
    Ok(changed)
}

fn read(kind: Changes, row: &str) -> Option<Changed> {
    let (first, second) = row.trim().split_once(',')?;
    let (first, second) = (first.trim_matches('"'), second.trim_matches('"'));
    let changed = match kind {
        Changes::Osv => Changed { id: second.to_owned(), path: format!("{second}.json"), time: first.parse().ok()? },
        Changes::RedHat => {
            let stem = first.rsplit('/').next()?.strip_suffix(".json")?;
            Changed { id: stem.to_uppercase(), path: first.to_owned(), time: second.parse().ok()? }
        }
    };
    is_plain(&changed.path).then_some(changed)
}

/// Whether a path leads down into the list's folder and nowhere else.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn check(kind: Changes, text: &str, expected: &[(&str, &str)]) {
        let (since, now) = (time("2026-11-01T00:00:00Z"), time("2026-11-24T00:00:00Z"));
        let changed = newer(kind, text, "list", since, now).unwrap();
        let got: Vec<_> = changed.iter().map(|change| (change.id.as_str(), change.path.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn only_what_is_newer_counts() {
        check(
            Changes::Osv,
            "2026-11-20T10:00:00.5Z,GHSA-a\n2026-10-31T00:00:00Z,GHSA-b\n2062-01-01T00:00:00Z,GHSA-typo\n\n",
            &[("GHSA-a", "GHSA-a.json")],
        );
        check(
            Changes::RedHat,
            "\"2024/cve-2024-0001.json\",\"2026-11-18T14:28:08+00:00\"\n\"2023/cve-2023-1.json\",\"2025-02-14T14:27:54+00:00\"\n",
            &[("CVE-2024-0001", "2024/cve-2024-0001.json")],
        );
    }

    #[test]
    fn a_line_that_is_no_change_is_named() {
        for (kind, text) in [
            (Changes::Osv, "2026-11-20T10:00:00Z,A\nhello\n"),
            (Changes::Osv, "2026-11-20T10:00:00Z,A\nyesterday,B\n"),
            (Changes::RedHat, "\"a.json\",\"2026-11-20T10:00:00Z\"\n\"../../etc/x.json\",\"2026-11-20T10:00:00Z\"\n"),
            (Changes::Osv, "2026-11-20T10:00:00Z,A\n2026-11-20T10:00:00Z,.ssh/a\n"),
        ] {
            let error =
                newer(kind, text, "list", time("2026-01-01T00:00:00Z"), time("2026-11-24T00:00:00Z")).unwrap_err();
            assert!(error.to_string().starts_with("list, line 2: "), "{error}");
        }
    }
}
