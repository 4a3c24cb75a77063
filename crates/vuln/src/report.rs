//! Assessments in the forms that other programs and web pages read: SARIF 2.1.0 and Markdown.
//!
//! What it is not: the table of the command line, or an SBOM (`imagescan::sbom`). Both forms keep what is not known:
//! coverage that is missing is part of the report, never left out.

mod markdown;
mod sarif;
#[cfg(test)]
mod tests;

use model::{Assessment, Coverage, CoverageState, Inventory, Subject};

pub use markdown::markdown;
pub use sarif::sarif;

/// An image with its judgement.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What it contains.
    pub inventory: &'a Inventory,
    /// What is wrong with it.
    pub assessment: &'a Assessment,
}

impl Judged<'_> {
    fn name(&self) -> String {
        let artifact = &self.inventory.artifact;
        let name = artifact.reference.as_deref().or(artifact.manifest_digest.as_deref()).unwrap_or("image");
        if artifact.platform.os.is_empty() { name.to_owned() } else { format!("{name} ({})", artifact.platform) }
    }

    /// What could not be judged, as sentences.
    fn unknown(&self) -> Vec<String> {
        self.assessment.coverage.iter().filter(|coverage| is_unjudged(coverage)).map(sentence).collect()
    }
}

fn is_unjudged(coverage: &Coverage) -> bool {
    let empty = matches!(coverage.subject, Subject::PackageType { packages: 0, .. });
    coverage.state != CoverageState::Seen && !empty
}

fn sentence(coverage: &Coverage) -> String {
    let subject = match &coverage.subject {
        Subject::PackageType { name, packages } => format!("{packages} {name} packages"),
        Subject::Os { name } => name.clone(),
        Subject::Layer { digest } => format!("layer {digest}"),
        _ => coverage.signal.clone(),
    };
    let reason = if coverage.reason.is_empty() { "not judged" } else { &coverage.reason };
    format!("{subject}: {reason}")
}
