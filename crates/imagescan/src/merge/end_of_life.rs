//! When support of a release ends: a table with the source and date of each entry.

use model::Timestamp;

/// Lines `ID VERSION_ID date source`, separated by tabs.
const TABLE: &str = include_str!("../../data/end-of-life.tsv");

/// The end of support of a release, the last second of the day; `None` for releases that the table does not know.
pub fn of(id: &str, version: &str) -> Option<Timestamp> {
    // `9.4` is a state of `9`, `3.20.1` of `3.20`: the longest entry that the version begins with.
    let (_, date) = entries()
        .filter(|(entry, ..)| *entry == id)
        .map(|(_, release, date)| (release, date))
        .filter(|(release, _)| is_release(version, release))
        .max_by_key(|(release, _)| release.len())?;
    format!("{date}T23:59:59Z").parse().ok()
}

fn is_release(version: &str, release: &str) -> bool {
    version.strip_prefix(release).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?, fields.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, version: &str, expected: Option<&str>) {
        let date = of(id, version).map(|time| time.to_string()[..10].to_owned());
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
            assert!(of(fields[0], fields[1]).is_some() && fields[3].starts_with("https://"), "{line}");
        }
    }
}
