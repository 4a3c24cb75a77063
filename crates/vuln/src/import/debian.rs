//! Debian: the security tracker's JSON and the list of DSAs.
//!
//! Source: security-tracker.debian.org/tracker/data/json (source package → CVE → release) and data/DSA/list of the
//! tracker's repository. The JSON is some 100 MB: it is read package by package.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, Read};

use model::{FixStatus, Severity};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use super::{Sink, headline};
use crate::advisory::{Advisory, Affected, End, Kind, Range, Rating, State, Target};

/// Largest tracker file; it has 100 MB now and grew 10 MB a year.
pub const TRACKER_MAX_BYTES: u64 = 512 << 20;
const LINE_MAX_BYTES: usize = 64 << 10;

/// Releases by code name, oldest first.
const RELEASES: [(&str, &str); 16] = [
    ("woody", "3.0"),
    ("sarge", "3.1"),
    ("etch", "4"),
    ("lenny", "5"),
    ("squeeze", "6"),
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
    ("sid", "sid"),
    ("unstable", "sid"),
];

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    description: String,
    #[serde(default, deserialize_with = "releases")]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    status: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    urgency: String,
    nodsa: Option<String>,
    nodsa_reason: Option<String>,
}

/// Adds the tracker's JSON. A package that cannot be read costs only itself; a document that breaks off is an error, since
/// nobody knows what is missing.
pub fn tracker(reader: impl Read, source: &str, sink: &mut Sink) -> Result<(), serde_json::Error> {
    let capped = limits::CappedReader::new(reader, TRACKER_MAX_BYTES, source);
    let mut deserializer = serde_json::Deserializer::from_reader(capped);
    deserializer.deserialize_map(Packages { source, sink })?;
    deserializer.end()
}

struct Packages<'s> {
    source: &'s str,
    sink: &'s mut Sink,
}

impl<'de> Visitor<'de> for Packages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("source packages with their CVEs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Each package is read by itself: one in a new form must not cost the others.
        while let Some((package, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            match serde_json::from_str::<BTreeMap<String, Entry>>(raw.get()) {
                Ok(entries) => {
                    for (id, entry) in entries {
                        self.sink.report.read += 1;
                        let advisory = convert(&package, id, &entry);
                        self.sink.add(&advisory);
                    }
                }
                Err(error) => self.sink.report.fail("debian/package", self.source, format!("{package}: {error}")),
            }
        }
        Ok(())
    }
}

/// Releases by name; PHP-like writers give `[]` for none.
fn releases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Release>, D::Error> {
    struct Releases;
    impl<'de> Visitor<'de> for Releases {
        type Value = BTreeMap<String, Release>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("releases by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut releases = BTreeMap::new();
            while let Some((name, release)) = map.next_entry()? {
                releases.insert(name, release);
            }
            Ok(releases)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(BTreeMap::new())
        }
    }
    deserializer.deserialize_any(Releases)
}

fn convert(package: &str, id: String, entry: &Entry) -> Advisory {
    let affected = entry.releases.iter().filter_map(|(name, release)| row(package, name, release)).collect();
    Advisory { id, title: headline(&entry.description), affected, ..Advisory::default() }
}

/// `None` where the release is not affected, or nobody knows yet.
fn row(package: &str, name: &str, release: &Release) -> Option<Affected> {
    let version = release_number(name)?;
    let urgency = release.urgency.trim_end_matches('*');
    let (end, status) = match release.status.as_str() {
        "resolved" if release.fixed_version == "0" || release.fixed_version.is_empty() => return None,
        "resolved" => (End::Fixed(release.fixed_version.clone()), State::ByRange),
        "open" => (End::Open, State::Said(open(release, urgency))),
        _ => return None,
    };
    Some(Affected {
        ecosystem: format!("debian:{version}"),
        name: package.to_owned(),
        target: Target::Source,
        ranges: vec![Range { end, ..Range::default() }],
        status,
        severity: Severity::from_word(urgency).filter(|severity| *severity != Severity::Unknown),
        ..Affected::default()
    })
}

fn release_number(name: &str) -> Option<&'static str> {
    RELEASES.iter().find(|(code, _)| *code == name).map(|(_, version)| *version)
}

fn open(release: &Release, urgency: &str) -> FixStatus {
    let reason = release.nodsa_reason.as_deref().unwrap_or("");
    let remark = release.nodsa.as_deref().unwrap_or("");
    if urgency.contains("end-of-life") || remark.contains("end-of-life") || reason.contains("end-of-life") {
        return FixStatus::EndOfLife;
    }
    match reason {
        "ignored" => FixStatus::WillNotFix,
        "postponed" => FixStatus::Deferred,
        _ => FixStatus::Affected,
    }
}

/// Adds the list of DSAs (DLAs have the same form): a headed paragraph per update.
pub fn list(reader: impl BufRead, source: &str, sink: &mut Sink) -> Result<(), limits::ReadError> {
    let mut lines = Lines::new(reader, LINE_MAX_BYTES, source);
    let mut current = Advisory::default();
    while let Some(line) = lines.next_line()? {
        let text = line.trim();
        if line.starts_with('[') {
            finish(&mut current, sink);
            current = heading(text);
        } else if let Some(ids) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            current.aliases = ids.split_whitespace().map(str::to_owned).collect();
        } else if let Some((release, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once("] - ")) {
            current.affected.extend(fixed(release, rest));
        }
    }
    finish(&mut current, sink);
    Ok(())
}

fn finish(advisory: &mut Advisory, sink: &mut Sink) {
    let advisory = std::mem::take(advisory);
    if !advisory.id.is_empty() {
        sink.report.read += 1;
        // Without a CVE it is a regression update or a notice: nothing that can be matched.
        if advisory.aliases.is_empty() {
            sink.report.left_out += 1;
        } else {
            sink.add(&advisory);
        }
    }
}

/// `[31 Jul 2025] DSA-5970-1 sope - security update`.
fn heading(text: &str) -> Advisory {
    let after = text.split_once(']').map_or("", |(_, rest)| rest).trim();
    let (id, title) = after.split_once(' ').unwrap_or((after, ""));
    Advisory {
        id: id.to_owned(),
        title: title.to_owned(),
        kind: Kind::Erratum,
        ratings: Vec::<Rating>::new(),
        ..Advisory::default()
    }
}

/// `sope 5.8.0-1+deb12u1`.
fn fixed(release: &str, text: &str) -> Option<Affected> {
    let (name, version) = text.split_once(' ')?;
    let version = version.split_whitespace().next().filter(|version| !version.starts_with('<'))?;
    Some(Affected {
        ecosystem: format!("debian:{}", release_number(release)?),
        name: name.to_owned(),
        target: Target::Source,
        ranges: vec![Range { end: End::Fixed(version.to_owned()), ..Range::default() }],
        ..Affected::default()
    })
}
