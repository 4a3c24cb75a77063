//! The rule engine: Falco's rule language, the alert catalogue, stateful detectors, and the way from matches to alerts.
//!
//! What it is: pure. [`RuleSet::compile`] takes texts and gives compiled rules and diagnostics; [`Engine::evaluate`]
//! takes an event and gives matches; [`AlertBuilder`] takes matches and gives alerts. Time is a parameter everywhere.
//! What it is not: a reader of files or streams, a source of events, or a store.
//!
//! The language is Falco's (<https://falco.org/docs/concepts/rules/>, engine 0.63): rule files written for Falco load
//! unmodified; what is not understood gives a positioned diagnostic, never silence.
//!
//! ```
//! use detect::{CompileOptions, Engine, RuleSet, Source};
//!
//! let text = "- rule: Shell\n  desc: d\n  condition: evt.type = execve and proc.name = sh\n  output: shell\n  priority: NOTICE\n";
//! let (rules, diagnostics) = RuleSet::compile(&[Source::new("rules.yaml", text)], &CompileOptions::default());
//! assert!(diagnostics.is_empty(), "{diagnostics:?}");
//! let engine = Engine::new(rules);
//! assert_eq!(engine.rules().rules().len(), 1);
//! ```

pub mod alert;
pub mod catalogue;
mod compile;
pub mod condition;
mod containers;
pub mod content;
mod detectors;
mod engine;
mod exact;
pub mod fields;
mod glob;
pub mod intern;
#[cfg(test)]
mod language;
mod lint;
pub mod mask;
pub mod opens;
mod operand;
mod output;
mod paths;
mod pattern;
pub mod priority;
mod program;
pub mod rule;
pub mod rules;
pub mod ruleset;
mod services;
pub mod source;
mod test;
#[cfg(test)]
mod testing;
mod transform;
pub mod unseen;
mod value;

pub use alert::{AlertBuilder, AlertOptions};
pub use catalogue::{Catalogue, Entry};
pub use engine::{Engine, Match, Matches};
pub use intern::Interner;
pub use priority::Priority;
pub use rule::{Degraded, Needs, Rule};
pub use ruleset::{CompileOptions, Matching, RuleSet};
pub use source::{EventSource, Source};
