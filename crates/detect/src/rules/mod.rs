//! Rule files: YAML → lists, macros and rules as they stand after all files were read.
//!
//! [`Collected::read`] takes one file after the other: later ones append, override, replace. Conditions stay texts here;
//! lists are replaced in them as texts too ([`lists`]), since that is what the language says.

pub mod exceptions;
mod item;
mod keys;
pub mod lists;
mod merge;
#[cfg(test)]
mod tests;
pub mod text;

use indexmap::IndexMap;
use limits::yaml::{self, Node, YamlLimits};
use model::{Diagnostic, Level};

use crate::condition::Spot;
use crate::{EventSource, Priority, Source};
use exceptions::Exception;
pub use keys::closest;
use text::{File, Located};

/// The version of Falco's rule engine whose language this is.
pub const ENGINE_VERSION: (u64, u64, u64) = (0, 63, 0);

/// Bytes of one rule file. The largest official one has 95 kB.
pub const MAX_FILE_BYTES: usize = 8 << 20;

/// Bytes of one condition after lists were replaced in it. The largest of the official files has 40 kB; lists of threatening
/// addresses have some hundred thousand items.
pub const MAX_CONDITION_BYTES: usize = 4 << 20;

/// A list of values.
#[derive(Debug, Clone)]
pub struct List {
    /// Its items, names of other lists among them.
    pub items: Vec<String>,
    /// When it was first defined.
    pub index: usize,
    /// When it was last changed: it sees lists with a smaller index.
    pub visibility: usize,
    /// Where it stands.
    pub spot: Spot,
}

/// A named condition.
#[derive(Debug, Clone)]
pub struct Macro {
    /// Its text.
    pub condition: Located,
    /// When it was first defined.
    pub index: usize,
    /// When it was last changed: it sees macros with a smaller index.
    pub visibility: usize,
    /// Where it stands.
    pub spot: Spot,
}

/// A rule before it is compiled.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the rule file")]
pub struct RuleText {
    /// Its condition.
    pub condition: Located,
    /// Its output.
    pub output: Located,
    /// Its description.
    pub description: String,
    /// Its priority.
    pub priority: Priority,
    /// Where its events come from.
    pub source: EventSource,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Its tags, in their order.
    pub tags: Vec<String>,
    /// Its exceptions.
    pub exceptions: Vec<Exception>,
    /// Whether to warn when it matches any type of event.
    pub warn_event_types: bool,
    /// Whether an unknown field leaves it out without an error.
    pub skip_unknown: bool,
    /// Whether it is one of ours.
    pub builtin: bool,
    /// Where it stands.
    pub spot: Spot,
}

/// What all files together say.
#[derive(Debug, Default)]
pub struct Collected {
    /// Lists by name, in the order of definition.
    pub lists: IndexMap<String, List>,
    /// Macros by name, in the order of definition.
    pub macros: IndexMap<String, Macro>,
    /// Rules by name, in the order of definition.
    pub rules: IndexMap<String, RuleText>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    clock: usize,
}

impl Collected {
    /// Reads a file after those that were read before.
    pub fn read(&mut self, source: &Source, builtin: bool) {
        let limits = YamlLimits { bytes: MAX_FILE_BYTES, ..YamlLimits::DEFAULT };
        let (documents, diagnostics) = yaml::load(&source.text, &source.name, &limits);
        self.diagnostics.extend(diagnostics);
        let file = File::new(source);
        for document in &documents {
            match document.items() {
                Some(items) => items.iter().for_each(|node| self.item(node, &file, builtin)),
                None => self.report(
                    document,
                    &file,
                    "rule/not-a-list",
                    Level::Error,
                    format!("a rule file is a list of items, not {}", document.kind()),
                    "start each item with `- rule:`, `- macro:` or `- list:`",
                ),
            }
        }
    }

    fn tick(&mut self) -> usize {
        self.clock += 1;
        self.clock
    }

    fn report(&mut self, at: &Node, file: &File, code: &str, level: Level, message: String, fix: &str) {
        let mut diagnostic = at.diagnostic(code, level, file.name(), message);
        if !fix.is_empty() {
            diagnostic = diagnostic.with_fix(fix);
        }
        self.diagnostics.push(diagnostic);
    }
}

/// A diagnostic at a spot.
pub fn at_spot(spot: &Spot, code: &str, level: Level, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, level, &spot.source, message).at(spot.start, spot.length)
}
