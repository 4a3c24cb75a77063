//! Advisories: importers, segments, version order, matching, priority, remediation.
//!
//! What it is: a pure engine. [`assess`] takes an inventory and mapped [`Segment`]s and gives an assessment that says
//! of every finding why it matched, and of every part of the inventory whether any feed covers it.
//! What it is not: no I/O, no clock. Files, downloads and maps are `feeds`; time is a parameter.

pub mod advisory;
pub mod assess;
pub mod cvss;
pub mod ecosystem;
pub mod import;
pub mod report;
pub mod segment;
#[cfg(test)]
mod testing;
pub mod version;

pub use assess::{Options, assess};
pub use segment::Segment;
