//! OVAL definitions of Linux packages: Azure Linux and CBL-Mariner, Oracle Linux, SUSE.
//!
//! Source: the OVAL 5.11 schemas and the files themselves. Azure Linux's files are not schema-valid (the order of
//! `patchable`), have one criterion per definition, and write an unfixed vulnerability as `less than or equal` to the
//! newest release. Oracle's and SUSE's definitions nest platform and package criteria; `bind is earlier than …` counts,
//! `… is signed with …` does not.
//!
//! The reader streams: it keeps ids and bounds, never the document.

use std::collections::BTreeMap;
use std::io::BufRead;

use model::Severity;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rustc_hash::FxHashMap;

use super::{Sink, day, headline};
use crate::advisory::{Advisory, Affected, End, Kind, Range, Rating, State, Target};
use crate::ecosystem::from_platform;

mod criteria;
#[cfg(test)]
mod tests;

use criteria::Criteria;

/// Deepest nesting of criteria. SUSE's deepest are six.
pub const MAX_DEPTH: usize = 32;
/// Most definitions, tests, objects or states of one file. SUSE's largest file has 400,000 tests.
pub const MAX_ELEMENTS: usize = 4_000_000;

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OvalError {
    /// It is not XML.
    #[error("not XML at byte {offset}: {reason}")]
    Xml {
        /// Where.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// It has more elements than allowed.
    #[error(transparent)]
    Limit(#[from] limits::LimitExceeded),
    /// Nothing in it says which release it is about.
    #[error("the file does not say which release it is about: name it like azurelinux-3.0-oval.xml")]
    Release,
}

/// A definition's metadata.
#[derive(Debug, Default)]
struct Definition {
    id: String,
    title: String,
    advisory_id: String,
    cves: Vec<String>,
    platforms: Vec<String>,
    severity: String,
    date: String,
    criteria: Criteria,
}

/// What a state asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    Less(String),
    LessOrEqual(String),
    /// Any version at all: affected and not fixed.
    Any,
}

#[derive(Debug, Default)]
struct Document {
    definitions: Vec<Definition>,
    /// Test to object and state.
    tests: FxHashMap<String, (String, String)>,
    objects: FxHashMap<String, String>,
    states: FxHashMap<String, Bound>,
    product: String,
    timestamp: String,
}

/// Adds a file. `hint` is its name, from which the release is taken where the file does not say it.
pub fn file(reader: impl BufRead, hint: &str, sink: &mut Sink) -> Result<(), OvalError> {
    let document = read(reader)?;
    let default = default_ecosystem(&document, hint);
    sink.report.date(&document.timestamp);
    let mut unknown = 0_u64;
    for definition in &document.definitions {
        sink.report.read += 1;
        let advisory = convert(definition, &document, default.as_deref());
        if advisory.affected.is_empty()
            && default.is_none()
            && definition.platforms.iter().all(|p| from_platform(p).is_none())
        {
            unknown += 1;
        }
        sink.add(&advisory);
    }
    if unknown > 0 && unknown == document.definitions.len() as u64 { Err(OvalError::Release) } else { Ok(()) }
}

fn read(reader: impl BufRead) -> Result<Document, OvalError> {
    let mut reader = Reader::from_reader(reader);
    reader.config_mut().expand_empty_elements = true;
    let mut state = Parser::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let offset = reader.buffer_position();
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| OvalError::Xml { offset, reason: error.to_string() })?;
        match event {
            Event::Start(start) => state.open(&start)?,
            Event::End(end) => state.close(end.local_name().as_ref()),
            Event::Text(text) => state.text(&text),
            Event::GeneralRef(entity) => state.entity(&entity),
            Event::CData(text) => state.text(&text),
            Event::Eof => return Ok(state.document),
            _ => {}
        }
    }
}

impl Document {
    /// Package and bound of a test; `None` for tests of something else, and where the file is incomplete.
    fn package(&self, test: &str) -> Option<(String, Bound)> {
        let (object, state) = self.tests.get(test)?;
        Some((self.objects.get(object)?.clone(), self.states.get(state)?.clone()))
    }
}

/// `bind-devel is earlier than 30:9.3.3-8.el5`: what the criterion says when its test is not in the file.
fn spoken(comment: &str) -> Option<(String, Bound)> {
    let (name, evr) = comment.split_once(" is earlier than ")?;
    let plain = |text: &str| !text.is_empty() && !text.contains(' ');
    (plain(name) && plain(evr)).then(|| (name.to_owned(), Bound::Less(evr.to_owned())))
}

/// Where the reader is.
#[derive(Debug, Default)]
struct Parser {
    document: Document,
    definition: Option<Definition>,
    /// Open criteria, outermost first.
    criteria: Vec<Criteria>,
    /// Id of the test, object or state that is open, and what it refers to.
    id: String,
    object: String,
    state: String,
    operation: String,
    text: String,
    elements: usize,
}

impl Parser {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), OvalError> {
        self.text.clear();
        let name = start.local_name();
        match name.as_ref() {
            "definition" => {
                self.count()?;
                self.definition = Some(Definition { id: attribute(start, "id"), ..Definition::default() });
            }
            "reference" if attribute(start, "source").eq_ignore_ascii_case("cve") => {
                self.cve(&attribute(start, "ref_id"));
            }
            "issued" => {
                let date = attribute(start, "date");
                if let Some(definition) = &mut self.definition {
                    definition.date = date;
                }
            }
            "criteria" => {
                if self.criteria.len() >= MAX_DEPTH {
                    return Err(
                        limits::LimitExceeded { what: "levels of criteria".into(), limit: MAX_DEPTH as u64 }.into()
                    );
                }
                self.criteria.push(Criteria::new(attribute(start, "operator") == "OR"));
            }
            "criterion" => {
                self.count()?;
                if let Some(criteria) = self.criteria.last_mut() {
                    criteria.leaf(attribute(start, "test_ref"), attribute(start, "comment"));
                }
            }
            "object" => self.object = attribute(start, "object_ref"),
            "state" => self.state = attribute(start, "state_ref"),
            "evr" => self.operation = attribute(start, "operation"),
            name if name.ends_with("_test") || name.ends_with("_object") || name.ends_with("_state") => {
                self.count()?;
                self.id = attribute(start, "id");
                self.object.clear();
                self.state.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), OvalError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(limits::LimitExceeded { what: "OVAL elements".into(), limit: MAX_ELEMENTS as u64 }.into());
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn entity(&mut self, name: &str) {
        self.text.push_str(match name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            _ => "",
        });
    }

    fn cve(&mut self, id: &str) {
        // SUSE writes `Mitre CVE-…`.
        let id = id.rsplit(' ').next().unwrap_or(id);
        if let Some(definition) = &mut self.definition
            && !definition.cves.iter().any(|known| known == id)
        {
            definition.cves.push(id.to_owned());
        }
    }

    fn close(&mut self, name: &str) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        if let Some(definition) = &mut self.definition {
            match name {
                "title" => definition.title = headline(text),
                "platform" => definition.platforms.push(text.to_owned()),
                "severity" => text.clone_into(&mut definition.severity),
                "advisory_date" => text.clone_into(&mut definition.date),
                "advisory_id" => text.clone_into(&mut definition.advisory_id),
                "criteria" => self.close_criteria(),
                "definition" => self.document.definitions.extend(self.definition.take()),
                _ => {}
            }
            return;
        }
        match name {
            "timestamp" => text.clone_into(&mut self.document.timestamp),
            "product_name" => text.clone_into(&mut self.document.product),
            "rpminfo_test" => {
                let parts = (std::mem::take(&mut self.object), std::mem::take(&mut self.state));
                self.document.tests.insert(std::mem::take(&mut self.id), parts);
            }
            "name" => {
                self.document.objects.insert(std::mem::take(&mut self.id), text.to_owned());
            }
            "evr" => {
                if let Some(bound) = bound(&self.operation, text) {
                    self.document.states.insert(std::mem::take(&mut self.id), bound);
                }
            }
            _ => {}
        }
    }

    fn close_criteria(&mut self) {
        let Some(closed) = self.criteria.pop() else { return };
        match (self.criteria.last_mut(), &mut self.definition) {
            (Some(outer), _) => outer.nested(closed),
            (None, Some(definition)) => definition.criteria = closed,
            (None, None) => {}
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let found = start.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name);
    found.map_or_else(String::new, |attribute| {
        let raw = &attribute.value;
        quick_xml::escape::unescape(raw).map_or_else(|_| raw.clone().into_owned(), std::borrow::Cow::into_owned)
    })
}

fn bound(operation: &str, evr: &str) -> Option<Bound> {
    let zero = matches!(evr, "0:0-0" | "0:0" | "0");
    // An epoch of 0 is no epoch; packages do not print it either.
    let evr = evr.strip_prefix("0:").unwrap_or(evr);
    match operation {
        "less than" => Some(Bound::Less(evr.to_owned())),
        "less than or equal" => Some(Bound::LessOrEqual(evr.to_owned())),
        "greater than" | "greater than or equal" if zero => Some(Bound::Any),
        _ => None,
    }
}

/// Azure Linux's files have no platform criteria: the release is in the file's name, else in the releases' tags.
fn default_ecosystem(document: &Document, hint: &str) -> Option<String> {
    let hint = hint.to_lowercase();
    let azure = |text: &str| text.contains("mariner") || text.contains("azure");
    let microsoft = azure(&hint) || azure(&document.product.to_lowercase());
    if !microsoft {
        return None;
    }
    for part in hint.split(['-', '_', '/', ' ']) {
        if let Some((major, "0")) = part.split_once('.')
            && let Ok(major) = major.parse::<u32>()
        {
            return Some(if major < 3 { format!("mariner:{major}.0") } else { format!("azurelinux:{major}.0") });
        }
    }
    let mut tags: BTreeMap<&str, u64> = BTreeMap::new();
    for bound in document.states.values() {
        if let Bound::Less(evr) | Bound::LessOrEqual(evr) = bound
            && let Some((_, tag)) = evr.rsplit_once('.')
        {
            *tags.entry(tag).or_default() += 1;
        }
    }
    let (tag, _) =
        tags.into_iter().filter(|(tag, _)| tag.starts_with("cm") || tag.starts_with("azl")).max_by_key(|(_, n)| *n)?;
    match (tag.strip_prefix("cm"), tag.strip_prefix("azl")) {
        (Some(major), _) => Some(format!("mariner:{major}.0")),
        (_, Some(major)) => Some(format!("azurelinux:{major}.0")),
        (None, None) => None,
    }
}

fn convert(definition: &Definition, document: &Document, default: Option<&str>) -> Advisory {
    let mut affected = Vec::new();
    for group in definition.criteria.groups() {
        let mut ecosystems: Vec<String> = match default {
            Some(key) => vec![key.to_owned()],
            None => group.platforms.iter().chain(&definition.platforms).filter_map(|p| from_platform(p)).collect(),
        };
        if default.is_none() && !group.platforms.is_empty() {
            ecosystems = group.platforms.iter().filter_map(|p| from_platform(p)).collect();
        }
        ecosystems.sort_unstable();
        ecosystems.dedup();
        for (test, comment) in &group.tests {
            let Some((name, bound)) = document.package(test).or_else(|| spoken(comment)) else { continue };
            for ecosystem in &ecosystems {
                affected.push(row(ecosystem, &name, &bound, &group.module, default.is_some()));
            }
        }
    }
    let single = definition.cves.len() == 1;
    let severity = Severity::from_word(&definition.severity).unwrap_or_default();
    let severity = if severity == Severity::Unknown { in_title(&definition.title) } else { severity };
    Advisory {
        id: if single { definition.cves[0].clone() } else { erratum_id(definition) },
        aliases: if single { Vec::new() } else { definition.cves.clone() },
        title: definition.title.clone(),
        ratings: vec![Rating { source: "vendor".into(), severity, vector: String::new() }],
        published: day(&definition.date),
        kind: if single { Kind::Vulnerability } else { Kind::Erratum },
        affected,
    }
}

/// `ELSA-2007-0057: Moderate: …`, else the definition's own id.
fn erratum_id(definition: &Definition) -> String {
    match definition.title.split_once(':') {
        Some((id, _)) if id.contains('-') && !id.contains(' ') => id.to_owned(),
        _ => definition.id.clone(),
    }
}

/// `… security update (IMPORTANT)`.
fn in_title(title: &str) -> Severity {
    let word = title.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    word.and_then(Severity::from_word).unwrap_or_default()
}

fn row(ecosystem: &str, name: &str, bound: &Bound, module: &str, source: bool) -> Affected {
    let end = match bound {
        Bound::Less(evr) => End::Fixed(evr.clone()),
        Bound::LessOrEqual(evr) => End::Last(evr.clone()),
        Bound::Any => End::Open,
    };
    Affected {
        ecosystem: ecosystem.to_owned(),
        name: name.to_owned(),
        target: if source { Target::Source } else { Target::Binary },
        ranges: vec![Range { end, ..Range::default() }],
        status: State::ByRange,
        module: module.to_owned(),
        ..Affected::default()
    }
}
