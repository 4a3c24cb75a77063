//! Alpine's secdb, which Wolfi and Chainguard publish too: packages with the CVEs that each version fixed.
//!
//! Source: secdb.alpinelinux.org and its YAML form in the same shape. The version `0` says that the package never was
//! affected. One entry may name several ids, separated by blanks.

use std::collections::BTreeMap;

use limits::json::{self, JsonLimits};
use limits::yaml::{self, YamlLimits};
use serde::Deserialize;

use super::Sink;
use crate::advisory::{Advisory, Affected, End, Range, Target};

/// Largest file: Chainguard's has 30 MB.
const DOCUMENT: JsonLimits = JsonLimits { bytes: 256 << 20, depth: 32 };
/// As YAML only Alpine's exist, of under 2 MB.
const DOCUMENT_YAML: YamlLimits = YamlLimits { bytes: 32 << 20, depth: 16, nodes: 4_000_000, documents: 16 };

#[derive(Deserialize)]
struct Database {
    #[serde(default)]
    distroversion: String,
    #[serde(default)]
    reponame: String,
    #[serde(default)]
    urlprefix: String,
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

/// Adds a file in JSON.
pub fn json(bytes: &[u8], source: &str, sink: &mut Sink) {
    match json::from_slice(bytes, &DOCUMENT) {
        Ok(database) => add(database, source, sink),
        Err(error) => sink.report.fail("secdb/document", source, error.to_string()),
    }
}

/// Adds a file in YAML.
pub fn yaml(text: &str, source: &str, sink: &mut Sink) {
    let (documents, diagnostics) = yaml::load(text, source, &DOCUMENT_YAML);
    for diagnostic in diagnostics {
        sink.report.failed += 1;
        sink.report.warn(diagnostic);
    }
    for document in documents {
        match serde_json::from_value(document.to_json()) {
            Ok(database) => add(database, source, sink),
            Err(error) => sink.report.fail("secdb/document", source, error.to_string()),
        }
    }
}

fn add(database: Database, source: &str, sink: &mut Sink) {
    let Some(ecosystem) = ecosystem(&database) else {
        let message = "neither distroversion nor reponame says which distribution this is";
        return sink.report.fail("secdb/distribution", source, message);
    };
    for Entry { pkg } in database.packages {
        for (version, ids) in pkg.secfixes {
            for entry in ids.unwrap_or_default() {
                sink.report.read += 1;
                match fix(&ecosystem, &pkg.name, &version, &entry) {
                    Some(advisory) => sink.add(&advisory),
                    None => sink.report.left_out += 1,
                }
            }
        }
    }
}

/// Publishers by what their addresses, or the names of their repositories, have in them.
const PUBLISHERS: [(&str, &str); 5] = [
    ("chainguard", "chainguard"),
    ("cgr.dev", "chainguard"),
    ("wolfi", "wolfi"),
    ("mini.dev", "minimos"),
    ("alpinelinux.org", "alpine"),
];

/// The publisher that a text names.
pub fn publisher(text: &str) -> Option<&'static str> {
    PUBLISHERS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, family)| *family)
}

fn ecosystem(database: &Database) -> Option<String> {
    let version = database.distroversion.trim_start_matches('v');
    let family = publisher(&database.urlprefix).or_else(|| publisher(&database.reponame));
    // Wolfi's repository is called `os`; who publishes under an address that is not known is not known.
    let family = family.or(match (version, database.reponame.as_str()) {
        ("", "os") if database.urlprefix.is_empty() => Some("wolfi"),
        ("edge", _) => Some("alpine"),
        // A mirror of Alpine's, or a file by hand.
        (version, _) if version.contains('.') => Some("alpine"),
        _ => None,
    })?;
    match (family, version) {
        ("alpine", "") => None,
        ("alpine", version) => Some(format!("alpine:{version}")),
        (rolling, _) => Some(rolling.to_owned()),
    }
}

/// `None` for "never affected" and for entries without an id.
fn fix(ecosystem: &str, name: &str, version: &str, ids: &str) -> Option<Advisory> {
    let version = version.trim();
    if version == "0" || version.is_empty() {
        return None;
    }
    let mut ids: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
    // The CVE is the record's id where there is one.
    ids.sort_by_key(|id| !id.starts_with("CVE-"));
    let mut ids = ids.into_iter();
    let affected = Affected {
        ecosystem: ecosystem.to_owned(),
        name: name.to_owned(),
        // Wolfi and Chainguard name packages that a source builds too.
        target: if ecosystem.starts_with("alpine") { Target::Source } else { Target::Either },
        ranges: vec![Range { end: End::Fixed(version.to_owned()), ..Range::default() }],
        ..Affected::default()
    };
    Some(Advisory { id: ids.next()?, aliases: ids.collect(), affected: vec![affected], ..Advisory::default() })
}
