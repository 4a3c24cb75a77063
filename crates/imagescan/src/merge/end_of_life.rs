//! When support of a release ends: a table with the source and date of each entry.

use model::{Diagnostic, Level, Timestamp};

use crate::record::OsRelease;

/// Lines `ID VERSION_ID date source`, separated by tabs.
const TABLE: &str = include_str!("../../data/end-of-life.tsv");

/// What is known of the support of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It ends with this time, the last second of a day.
    Ends(Timestamp),
    /// There are no releases whose support could end.
    Rolling,
    /// The vendor has announced no date, says this page.
    Unannounced(&'static str),
    /// The table does not have the release.
    Unknown,
}

impl Support {
    /// The date, if there is one.
    pub fn date(self) -> Option<Timestamp> {
        if let Self::Ends(date) = self { Some(date) } else { None }
    }
}

/// The support of a release: as the table has it, else as the system itself says it.
pub fn of_system(os: &OsRelease) -> Support {
    match of(&os.id, &os.version) {
        Support::Unknown | Support::Unannounced(_) if !os.support_end.is_empty() => ends(&os.support_end),
        known => known,
    }
}

/// The support of a release by its `ID` and `VERSION_ID`.
pub fn of(id: &str, version: &str) -> Support {
    // `9.4` is a state of `9`, `3.20.1` of `3.20`: the longest entry that the version begins with.
    let entry = entries()
        .filter(|(entry, release, ..)| *entry == id && is_release(version, release))
        .max_by_key(|(_, release, ..)| release.len());
    match entry {
        None => Support::Unknown,
        Some((.., "rolling", _)) => Support::Rolling,
        Some((.., "unannounced", page)) => Support::Unannounced(page),
        Some((_, _, date, _)) => ends(date),
    }
}

fn ends(date: &str) -> Support {
    format!("{date}T23:59:59Z").parse().map_or(Support::Unknown, Support::Ends)
}

/// Says that nobody knows when the support of a release ends.
pub fn note(os: &OsRelease, support: Support) -> Option<Diagnostic> {
    let name = if os.version.is_empty() { os.id.clone() } else { format!("{} {}", os.id, os.version) };
    let message = match support {
        Support::Ends(_) | Support::Rolling => return None,
        Support::Unannounced(page) => {
            format!("when the support of {name} ends is not known: its vendor has announced no date ({page})")
        }
        Support::Unknown => format!("when the support of {name} ends is not known"),
    };
    Some(Diagnostic::new("os/end-of-life-unknown", Level::Note, "etc/os-release", message))
}

fn is_release(version: &str, release: &str) -> bool {
    let rest = version.strip_prefix(release);
    release == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?, fields.next()?, fields.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, version: &str, expected: Option<&str>) {
        let date = of(id, version).date().map(|time| time.to_string()[..10].to_owned());
        assert_eq!(date.as_deref(), expected, "{id} {version}");
    }

    #[test]
    fn releases_and_their_minor_states() {
        check("debian", "11", Some("2026-08-31"));
        check("rhel", "9.4", Some("2032-05-31"));
        check("alpine", "3.18.4", Some("2025-05-09"));
        check("alpine", "3.1", Some("2016-11-01"));
        check("ubuntu", "22.04", Some("2027-04-01"));
        check("wolfi", "20230201", None);
        check("debian", "", None);
        check("debian", "111", None);
    }

    #[test]
    fn every_line_has_a_date_and_a_source() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 4, "{line}");
            let known = of(fields[0], fields[1]) != Support::Unknown;
            assert!(known && fields[3].starts_with("https://"), "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let system = |id: &str, version: &str, end: &str| OsRelease {
            id: id.into(),
            version: version.into(),
            support_end: end.into(),
            ..OsRelease::default()
        };
        for (os, expected) in [
            (
                system("azurelinux", "3.0", ""),
                Some("azurelinux 3.0 ends is not known: its vendor has announced no date"),
            ),
            (system("hannah-montana", "4", ""), Some("hannah-montana 4 ends is not known")),
            (system("debian", "12", ""), None),
            (system("wolfi", "20230201", ""), None),
            (system("bottlerocket", "1.20", "2030-01-01"), None),
            (system("bottlerocket", "1.20", "soon"), Some("is not known")),
        ] {
            let note = note(&os, of_system(&os)).map(|note| note.message);
            assert_eq!(note.is_some(), expected.is_some(), "{os:?} {note:?}");
            assert!(note.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
        let day = |os: OsRelease| of_system(&os).date().map(|date| date.to_string()[..10].to_owned());
        assert_eq!(day(system("x", "1", "2030-01-01")).as_deref(), Some("2030-01-01"));
        assert_eq!(day(system("debian", "12", "2000-01-01")).as_deref(), Some("2028-06-30"));
    }
}
