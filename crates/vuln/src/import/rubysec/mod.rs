//! Ruby's advisory database, as JSON lines of ids and requirements.
//!
//! Source: rubysec/ruby-advisory-db and `Gem::Requirement`. An advisory lists the versions that are patched and those
//! that never were affected, as requirements (`>= 4.3.0`, `~> 3.2.1`, `< 4`); a version is vulnerable when it
//! satisfies none of them. What is left between the requirements becomes the ranges.

use std::cmp::Ordering;
use std::io::BufRead;

use limits::json::{self, JsonLimits};
use model::{Diagnostic, Level, Position, Severity};
use serde::Deserialize;

use super::Sink;
use super::lines::Lines;
use crate::advisory::{Advisory, Affected, End, Range, Rating};
use crate::version::Scheme;

#[cfg(test)]
mod tests;

/// Largest line; real ones have under 2 KB.
const RECORD: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 8 };

#[derive(Deserialize)]
struct Record {
    gem: String,
    id: String,
    ghsa: Option<String>,
    cve: Option<String>,
    #[serde(default)]
    date: Option<String>,
    cvss_v3: Option<f64>,
    #[serde(default)]
    patched_versions: Vec<String>,
    #[serde(default)]
    unaffected_versions: Vec<String>,
}

/// Adds the lines.
pub fn lines(reader: impl BufRead, source: &str, sink: &mut Sink) -> Result<(), limits::ReadError> {
    let mut lines = Lines::new(reader, RECORD.bytes, source);
    while let Some(line) = lines.next_line()? {
        if line.trim().is_empty() {
            continue;
        }
        sink.report.read += 1;
        let parsed = json::from_slice::<Record>(line.as_bytes(), &RECORD).map_err(|error| error.to_string());
        match parsed.and_then(convert) {
            Ok(advisory) => sink.add(&advisory),
            Err(message) => {
                sink.report.failed += 1;
                let place = Position { line: lines.number(), column: 1, offset: 0 };
                sink.report.warn(Diagnostic::new("rubysec/line", Level::Error, source, message).at(place, 1));
            }
        }
    }
    Ok(())
}

fn convert(record: Record) -> Result<Advisory, String> {
    let mut safe = Vec::new();
    for (texts, patched) in [(&record.patched_versions, true), (&record.unaffected_versions, false)] {
        for text in texts {
            let interval = requirement(text).ok_or_else(|| format!("{}: {text:?} is no requirement", record.id))?;
            safe.push(Safe { interval, patched });
        }
    }
    let mut aliases: Vec<String> = Vec::new();
    aliases.extend(record.cve.map(|cve| format!("CVE-{cve}")));
    aliases.extend(record.ghsa.map(|ghsa| format!("GHSA-{ghsa}")));
    aliases.retain(|alias| *alias != record.id);
    let severity = record.cvss_v3.map(Severity::from_cvss).unwrap_or_default();
    let ratings = vec![Rating { source: "vendor".into(), severity, vector: String::new() }];
    let affected = Affected { ecosystem: "gem".into(), name: record.gem, ranges: left(safe), ..Affected::default() };
    Ok(Advisory {
        id: record.id,
        aliases,
        ratings,
        published: record.date.unwrap_or_default(),
        // Without ranges a row would mean every version; here it means none.
        affected: if affected.ranges.is_empty() { Vec::new() } else { vec![affected] },
        ..Advisory::default()
    })
}

/// Versions from `low` to `high`; either end may be open or its version left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Interval {
    low: Option<Edge>,
    high: Option<Edge>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    version: String,
    /// Whether the version itself is within.
    within: bool,
}

#[derive(Debug)]
struct Safe {
    interval: Interval,
    patched: bool,
}

/// Reads `>= 1.2, < 2`.
fn requirement(text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    for clause in text.split(',') {
        let clause = clause.trim();
        let end = clause.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(clause.len());
        let (operator, version) = (clause[..end].trim(), clause[end..].trim());
        Scheme::Gem.validate(version).ok()?;
        let edge = |within| Some(Edge { version: version.to_owned(), within });
        match operator {
            ">=" => interval.raise(edge(true)),
            ">" => interval.raise(edge(false)),
            "<=" => interval.lower(edge(true)),
            "<" => interval.lower(edge(false)),
            "" | "=" => {
                interval.raise(edge(true));
                interval.lower(edge(true));
            }
            "~>" => {
                interval.raise(edge(true));
                interval.lower(Some(Edge { version: bump(version), within: false }));
            }
            _ => return None,
        }
    }
    Some(interval)
}

impl Interval {
    fn raise(&mut self, edge: Option<Edge>) {
        if low_order(self.low.as_ref(), edge.as_ref()).is_lt() {
            self.low = edge;
        }
    }

    fn lower(&mut self, edge: Option<Edge>) {
        if high_order(self.high.as_ref(), edge.as_ref()).is_gt() {
            self.high = edge;
        }
    }
}

/// The first version that `~>` no longer allows: the last number dropped, the one before raised, and all of that
/// version's pre-releases (`A` sorts before every other word).
fn bump(version: &str) -> String {
    let mut numbers: Vec<u64> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    if numbers.len() > 1 {
        numbers.pop();
    }
    if let Some(last) = numbers.last_mut() {
        *last += 1;
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("{}.A", numbers.join("."))
}

/// Order of lower ends: open first; at one version the inclusive one first.
fn low_order(a: Option<&Edge>, b: Option<&Edge>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => Scheme::Gem.compare(&a.version, &b.version).then(b.within.cmp(&a.within)),
    }
}

/// Order of upper ends: open last; at one version the inclusive one last.
fn high_order(a: Option<&Edge>, b: Option<&Edge>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => Scheme::Gem.compare(&a.version, &b.version).then(a.within.cmp(&b.within)),
    }
}

/// What lies between the safe intervals.
fn left(mut safe: Vec<Safe>) -> Vec<Range> {
    safe.sort_by(|a, b| low_order(a.interval.low.as_ref(), b.interval.low.as_ref()));
    let mut ranges = Vec::new();
    // Everything up to here is safe; `None` before the first version.
    let mut covered: Option<Option<Edge>> = None;
    for Safe { interval, patched } in safe {
        if let Some(low) = &interval.low
            && gap(covered.as_ref(), low)
        {
            ranges.push(range(covered.as_ref(), Some((low, patched))));
        }
        let further = match &covered {
            None => true,
            Some(None) => false,
            Some(Some(edge)) => high_order(Some(edge), interval.high.as_ref()).is_lt(),
        };
        if further {
            covered = Some(interval.high);
        }
    }
    if !matches!(covered, Some(None)) {
        ranges.push(range(covered.as_ref(), None));
    }
    ranges
}

/// Whether versions lie between what is covered and the next lower end.
fn gap(covered: Option<&Option<Edge>>, low: &Edge) -> bool {
    match covered {
        None => true,
        Some(None) => false,
        Some(Some(edge)) => match Scheme::Gem.compare(&edge.version, &low.version) {
            Ordering::Less => true,
            Ordering::Equal => !edge.within && !low.within,
            Ordering::Greater => false,
        },
    }
}

fn range(covered: Option<&Option<Edge>>, next: Option<(&Edge, bool)>) -> Range {
    let (introduced, exclusive) = match covered {
        Some(Some(edge)) => (edge.version.clone(), edge.within),
        _ => (String::new(), false),
    };
    let end = match next {
        None => End::Open,
        Some((edge, _)) if !edge.within => End::Last(edge.version.clone()),
        Some((edge, true)) => End::Fixed(edge.version.clone()),
        Some((edge, false)) => End::Before(edge.version.clone()),
    };
    Range { introduced, exclusive, end }
}
