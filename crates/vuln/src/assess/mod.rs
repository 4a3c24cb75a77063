//! Inventory and segments to assessment.
//!
//! What it is: the order of the steps. [`subjects`] says which names and versions to look up, [`evaluate`] compares a
//! version with a row, [`findings`] joins what describes the same vulnerability, [`rate`] chooses severities and adds
//! enrichment, [`coverage`] says what was and was not looked at, [`actions`] what to do.
//! What it is not: I/O; time is [`Options::now`].

use model::{Assessment, Inventory};

use crate::Segment;

mod actions;
mod coverage;
mod evaluate;
mod findings;
mod golang;
mod inert;
mod matches;
mod rate;
mod redhat;
mod subjects;
#[cfg(test)]
mod tests;

pub use coverage::STALE_DAYS;
pub use evaluate::contains;
pub use rate::risk;
pub use subjects::ecosystems;

/// What the caller decides.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The time at which "out of support" and "stale" are judged; without it they are not.
    pub now: Option<model::Timestamp>,
}

/// Judges an inventory by the segments given. The order of segments does not matter.
pub fn assess(inventory: &Inventory, segments: &[Segment<'_>], options: &Options) -> Assessment {
    let context = subjects::Context::new(inventory, segments);
    let subjects = subjects::subjects(inventory, &context);
    let mut gaps = coverage::Gaps::default();
    let mut found = Vec::new();
    let mut suppressed = Vec::new();
    for subject in &subjects {
        let matched = matches::matches(subject, &context, &mut gaps);
        let (mut kept, mut out) = findings::findings(subject, matched, &context, &mut gaps);
        found.append(&mut kept);
        suppressed.append(&mut out);
    }
    rate::sort(&mut found);
    let actions = actions::actions(&found, &subjects);
    let mut manifest: Vec<_> = segments.iter().map(|segment| segment.reference().clone()).collect();
    manifest.sort_by(|a, b| a.name.cmp(&b.name));
    Assessment {
        inventory_id: inventory.id.clone(),
        manifest,
        findings: found,
        coverage: coverage::coverage(inventory, &context, &subjects, &gaps, options),
        actions,
        suppressed,
    }
}
