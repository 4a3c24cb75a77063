//! Importers: feeds' formats to [`Advisory`].
//!
//! What it is: one module per format, each with its source. An importer takes bytes, adds to a [`Builder`] and says in
//! diagnostics what it left out; one bad record never spoils a feed. What it is not: I/O; archives are opened and
//! streams inflated by the `feeds` crate.

use model::{Diagnostic, Level};

use crate::advisory::Advisory;
use crate::segment::Builder;

pub mod csaf;
pub mod cvrf;
pub mod debian;
pub mod enrich;
mod lines;
pub mod osv;
pub mod oval;
pub mod photon;
pub mod rubysec;
pub mod secdb;
#[cfg(test)]
mod tests;
pub mod updateinfo;

/// What an import gave besides the segment.
#[derive(Debug, Default)]
pub struct Report {
    /// Records read.
    pub read: u64,
    /// Records that are withdrawn or say nothing about packages that we know.
    pub left_out: u64,
    /// Records that could not be read.
    pub failed: u64,
    /// Latest date that the source names, RFC 3339 or `YYYY-MM-DD`; empty when it names none.
    pub latest: String,
    /// What is worth knowing, at most [`Report::DIAGNOSTICS`]; `failed` counts all.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Most diagnostics that are kept: a feed in a new format fails on every record.
    pub const DIAGNOSTICS: usize = 100;

    /// Notes a record that could not be read.
    pub fn fail(&mut self, code: &str, source: &str, message: impl Into<String>) {
        self.failed += 1;
        self.warn(Diagnostic::new(code, Level::Error, source, message));
    }

    /// Keeps a diagnostic while there is room.
    pub fn warn(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < Self::DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Remembers the latest date. Dates after `not_after` are typing errors of the source; the caller checks those.
    pub fn date(&mut self, date: &str) {
        if date.as_bytes() > self.latest.as_bytes() && date.starts_with("20") {
            date.clone_into(&mut self.latest);
        }
    }
}

/// Where importers put what they read, and what they report.
#[derive(Debug, Default)]
pub struct Sink {
    /// The segment under construction.
    pub builder: Builder,
    /// What was read and left out.
    pub report: Report,
}

impl Sink {
    /// An empty sink.
    pub fn new() -> Self {
        Self { builder: Builder::new(), report: Report::default() }
    }

    /// Adds an advisory; one that affects nothing counts as left out.
    pub fn add(&mut self, advisory: &Advisory) {
        if advisory.affected.is_empty() {
            self.report.left_out += 1;
        } else {
            self.builder.add(advisory);
        }
    }
}

/// The day of an RFC 3339 time; empty when it is none.
pub(crate) fn day(time: &str) -> String {
    match time.get(..10) {
        Some(day) if day.starts_with(['1', '2']) && day.as_bytes().get(4) == Some(&b'-') => day.to_owned(),
        _ => String::new(),
    }
}

/// The first line of a text, shortened: what a title is made from when a feed has none.
pub(crate) fn headline(text: &str) -> String {
    const CHARACTERS: usize = 160;
    let line = text.trim().lines().next().unwrap_or("").trim();
    match line.char_indices().nth(CHARACTERS) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line.to_owned(),
    }
}
