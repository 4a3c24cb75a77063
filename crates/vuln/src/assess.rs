//! Inventory and segments to assessment.

use model::{Assessment, Coverage, CoverageState, Inventory, Subject};

use crate::Segment;

/// What the caller decides.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The time at which "out of support" and "stale" are judged; without it they are not.
    pub now: Option<model::Timestamp>,
}

/// Judges an inventory by the segments given. Order of segments does not matter.
pub fn assess(inventory: &Inventory, segments: &[Segment<'_>], _options: &Options) -> Assessment {
    let coverage = inventory
        .os
        .iter()
        .map(|os| {
            let name = format!("{}:{}", os.id, os.version);
            Coverage::new(Subject::Os { name: name.clone() }, name, CoverageState::Unseen, "no feed")
        })
        .collect();
    Assessment {
        inventory_id: inventory.id.clone(),
        manifest: segments.iter().map(|segment| segment.reference().clone()).collect(),
        findings: Vec::new(),
        coverage,
        actions: Vec::new(),
        suppressed: Vec::new(),
    }
}
