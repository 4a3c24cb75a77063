//! Groups of projects whose archives carry none of Maven's files: by name of the archive and what it has inside.

use super::folders::Folders;
use super::manifest::Manifest;

/// The table; its first lines say what the columns are.
const TABLE: &str = include_str!("../../../data/maven-groups.tsv");

/// A line of the table.
struct Line<'a> {
    /// Name of the archive, with a `*` at its end: the start of it.
    pattern: &'a str,
    evidence: &'a str,
    group: &'a str,
    /// Name that it is published by, where that is another.
    artifact: Option<&'a str>,
    versions: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (pattern, evidence, published) = (fields.next()?, fields.next()?, fields.next()?);
        let (group, artifact) = match published.split_once(':') {
            Some((group, artifact)) => (group, Some(artifact)),
            None => (published, None),
        };
        Some(Self { pattern, evidence, group, artifact, versions: fields.next() })
    }

    fn fits(&self, name: &str, version: &str, manifest: Option<&Manifest>, folders: &Folders) -> bool {
        let named = match self.pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.pattern,
        };
        let evident = || match self.evidence.split_once('=') {
            Some((attribute, start)) => {
                manifest.and_then(|manifest| manifest.get(attribute)).is_some_and(|value| value.starts_with(start))
            }
            None => folders.has(self.evidence),
        };
        named && self.versions.is_none_or(|range| is_in(version, range)) && evident()
    }
}

/// Whether the first number of a version is in a range `<6` or `>=6`.
fn is_in(version: &str, range: &str) -> bool {
    let major = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|part| part.parse::<u32>().ok());
    let Some(version) = major(version) else { return false };
    match (range.strip_prefix('<').and_then(major), range.strip_prefix(">=").and_then(major)) {
        (Some(end), _) => version < end,
        (_, Some(start)) => version >= start,
        _ => false,
    }
}

/// The group and the artifact of an archive that the table knows.
pub fn find<'a>(
    name: &'a str,
    version: &str,
    manifest: Option<&Manifest>,
    folders: &Folders,
) -> Option<(&'static str, &'a str)> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(Line::parse);
    let line = lines.into_iter().find(|line| line.fits(name, version, manifest, folders))?;
    Some((line.group, line.artifact.unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_well_formed() {
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        for text in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let line = Line::parse(text).expect(text);
            assert!(is_name(line.pattern.trim_end_matches('*')) && is_name(line.group), "{text}");
            assert!(line.artifact.is_none_or(is_name), "{text}");
            assert!(!line.evidence.is_empty() && !line.evidence.ends_with(['/', '=']), "{text}");
            assert!(line.versions.is_none_or(|range| is_in("0", range) != is_in("99999", range)), "{text}");
            assert!(text.split('\t').count() <= 4, "{text}");
        }
    }

    #[test]
    fn versions_decide_by_their_first_number() {
        for (version, range, expected) in [
            ("5.6.15.Final", "<6", true),
            ("6.0", "<6", false),
            ("6", ">=6", true),
            ("x", "<6", false),
            ("1", "6", false),
        ] {
            assert_eq!(is_in(version, range), expected, "{version} {range}");
        }
    }
}
