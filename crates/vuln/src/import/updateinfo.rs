//! Errata of rpm distributions: `updateinfo.xml` of a repository, and Amazon's bulletin pages.
//!
//! Source: the `updateinfo` metadata that createrepo publishes (update, references, pkglist) and the pages of
//! alas.aws.amazon.com, which list the new packages by file name.

use std::collections::BTreeMap;
use std::io::BufRead;

use model::Severity;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Sink, day, headline};
use crate::advisory::{Advisory, Affected, End, Kind, Range, Rating, Target};

/// Largest text of one element; descriptions have under 100 KB.
const TEXT_MAX_BYTES: usize = 1 << 20;

/// Names of releases and repositories that one update is looked at for.
const MAX_RELEASES: usize = 64;

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("not XML at byte {offset}: {reason}")]
pub struct UpdateinfoError {
    /// Where.
    offset: u64,
    /// Why.
    reason: String,
}

/// Adds an `updateinfo.xml`. `hint` is its path, which may name the release (`amazon-2023`, `rocky-9`) where the updates
/// do not.
pub fn updateinfo(reader: impl BufRead, hint: &str, sink: &mut Sink) -> Result<(), UpdateinfoError> {
    let mut reader = Reader::from_reader(reader);
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut text) = (Vec::new(), String::new());
    let mut update = Update::default();
    loop {
        buffer.clear();
        let offset = reader.buffer_position();
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| UpdateinfoError { offset, reason: error.to_string() })?;
        match event {
            Event::Start(start) => {
                text.clear();
                update.open(&start);
            }
            Event::Text(part) if text.len() < TEXT_MAX_BYTES => text.push_str(&part),
            Event::End(end) => match end.local_name().as_ref() {
                "id" if update.id.is_empty() => text.trim().clone_into(&mut update.id),
                "title" if update.title.is_empty() => update.title = headline(&text),
                "release" | "name" if update.releases.len() < MAX_RELEASES => {
                    update.releases.push(text.trim().to_owned());
                }
                "severity" => text.trim().clone_into(&mut update.severity),
                "update" => std::mem::take(&mut update).finish(hint, sink),
                _ => {}
            },
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// One update.
#[derive(Default)]
struct Update {
    id: String,
    title: String,
    severity: String,
    issued: String,
    cves: Vec<String>,
    /// What it says it is for: `Rocky Linux 8`, `rocky-linux-8-x86-64-baseos-rpms`.
    releases: Vec<String>,
    /// Module and stream of the collection that is read (`nodejs:18`); empty for none.
    module: String,
    /// Name, version and module to architectures.
    packages: BTreeMap<(String, String, String), Vec<String>>,
}

impl Update {
    fn open(&mut self, start: &BytesStart<'_>) {
        let attribute = |name: &str| {
            let found = start.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name);
            found.map_or_else(String::new, |attribute| attribute.value.into_owned())
        };
        match start.local_name().as_ref() {
            "issued" => self.issued = attribute("date"),
            "collection" => self.module.clear(),
            "module" => self.module = format!("{}:{}", attribute("name"), attribute("stream")),
            "reference" => self.reference(&attribute("id")),
            "package" => {
                let (name, version, release) = (attribute("name"), attribute("version"), attribute("release"));
                let epoch = attribute("epoch");
                if !name.is_empty() && !version.is_empty() {
                    let epoch = if matches!(epoch.as_str(), "" | "0") { String::new() } else { format!("{epoch}:") };
                    self.package(name, format!("{epoch}{version}-{release}"), attribute("arch"));
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, id: &str) {
        if id.starts_with("CVE-") && !self.cves.iter().any(|known| known == id) {
            self.cves.push(id.to_owned());
        }
    }

    fn package(&mut self, name: String, version: String, architecture: String) {
        if architecture != "src" {
            self.packages.entry((name, version, self.module.clone())).or_default().push(architecture);
        }
    }

    fn finish(self, hint: &str, sink: &mut Sink) {
        sink.report.read += 1;
        sink.report.date(&day(&self.issued));
        let mut texts = self.releases.iter().map(String::as_str).chain([hint]);
        let Some(ecosystem) = by_id(&self.id).or_else(|| texts.find_map(release)) else {
            let message = format!("neither {} nor the file's name says which release it is about", self.id);
            return sink.report.fail("updateinfo/release", hint, message);
        };
        if self.cves.is_empty() {
            sink.report.left_out += 1;
            return;
        }
        let severity = Severity::from_word(&self.severity).unwrap_or_default();
        let affected = self.packages.into_iter().map(|((name, version, module), architectures)| Affected {
            ecosystem: ecosystem.clone(),
            name,
            target: Target::Binary,
            ranges: vec![Range { end: End::Fixed(version), ..Range::default() }],
            module,
            architectures: if architectures.len() == 1 { architectures } else { Vec::new() },
            ..Affected::default()
        });
        sink.add(&Advisory {
            affected: affected.collect(),
            aliases: self.cves,
            title: self.title,
            ratings: vec![Rating { source: "vendor".into(), severity, vector: String::new() }],
            published: day(&self.issued),
            kind: Kind::Erratum,
            id: self.id,
        });
    }
}

/// The release by the erratum's id.
fn by_id(id: &str) -> Option<String> {
    const RELEASES: [(&str, &str); 4] =
        [("ALAS2023", "amazon:2023"), ("ALAS2022", "amazon:2022"), ("ALAS2", "amazon:2"), ("ALAS-", "amazon:1")];
    let id = id.to_uppercase();
    RELEASES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, key)| (*key).to_owned())
}

/// The release that a text names: a vendor's word for it, or a path.
fn release(text: &str) -> Option<String> {
    const FAMILIES: [&str; 7] = ["amazon", "rocky", "alma", "oracle", "fedora", "sles", "opensuse-leap"];
    let text = text.to_lowercase();
    let (at, family) = FAMILIES.iter().find_map(|family| Some((text.rfind(family)?, *family)))?;
    let rest = text[at + family.len()..].trim_start_matches(|c: char| !c.is_ascii_digit());
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    // Only SUSE's service packs are releases of their own.
    let minor = matches!(family, "sles" | "opensuse-leap");
    let version = if minor { version.trim_end_matches('.') } else { version.split('.').next().unwrap_or_default() };
    (!version.is_empty()).then(|| format!("{family}:{version}"))
}

/// Adds one of Amazon's bulletin pages.
pub fn amazon_page(html: &str, source: &str, sink: &mut Sink) {
    let text = plain(html);
    let mut update = Update::default();
    // `Amazon Linux 2023 Security Advisory: ALAS-2023-126` and the page's own heading `ALAS2023-2023-126`.
    let release = text.split_once("Amazon Linux ").map_or("", |(_, rest)| rest).split([' ', '\n']).next().unwrap_or("");
    let id = text.split_whitespace().find(|word| word.starts_with("ALAS"));
    let Some(id) = id else { return sink.report.fail("alas/page", source, "no bulletin id in the page") };
    id.clone_into(&mut update.id);
    update.title = headline(after(&text, "Affected Packages:"));
    let severity = after(&text, "Severity:");
    severity.split_whitespace().next().unwrap_or("").clone_into(&mut update.severity);
    update.issued = day(after(&text, "Release Date:").trim_start());
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        update.reference(word);
    }
    for word in after(&text, "New Packages:").split_whitespace() {
        if let Some((name, version, architecture)) = file_name(word) {
            update.package(name.to_owned(), version.to_owned(), architecture.to_owned());
        }
    }
    let hint =
        if release.bytes().all(|b| b.is_ascii_digit()) { format!("amazon-{release}") } else { "amazon-1".into() };
    if !update.id.starts_with("ALAS2") {
        // Only the heading tells Amazon Linux 1 and 2 apart where the id does not.
        update.finish_as(&hint, sink);
        return;
    }
    update.finish(&hint, sink);
}

impl Update {
    fn finish_as(mut self, hint: &str, sink: &mut Sink) {
        let id = std::mem::take(&mut self.id);
        let release = hint.trim_start_matches("amazon-");
        self.id = if release == "1" { id } else { id.replacen("ALAS-", &format!("ALAS{release}-"), 1) };
        self.finish(hint, sink);
    }
}

fn after<'t>(text: &'t str, label: &str) -> &'t str {
    text.split_once(label).map_or("", |(_, rest)| rest)
}

/// Text of a page: tags become blanks or lines, the few entities of these pages become characters.
fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        out.push(if tag.starts_with("br") || tag.starts_with('/') { '\n' } else { ' ' });
        rest = after;
    }
    out.push_str(rest);
    out.replace("&nbsp;", " ").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
}

/// `kpartx-0.8.7-16.amzn2023.0.1.x86_64`: name, version-release, architecture.
fn file_name(word: &str) -> Option<(&str, &str, &str)> {
    let (rest, architecture) = word.rsplit_once('.')?;
    if !matches!(architecture, "x86_64" | "aarch64" | "i686" | "noarch") {
        return None;
    }
    let release = rest.rfind('-')?;
    let version = rest[..release].rfind('-')?;
    Some((&rest[..version], &rest[version + 1..], architecture))
}
