//! What to do: upgrades, most effective first.

use std::collections::BTreeMap;

use model::image::ActionKind;
use model::{Action, Finding};

use super::subjects::Subject;
use crate::version::Scheme;

/// One upgrade per package that has fixes. Nothing is verified here: only an inventory of the target could.
pub(super) fn actions(findings: &[Finding], subjects: &[Subject<'_>]) -> Vec<Action> {
    let by_purl: BTreeMap<&str, &Subject<'_>> = subjects
        .iter()
        .flat_map(|subject| subject.packages.iter().map(move |package| (package.purl.as_str(), subject)))
        .collect();
    let mut upgrades: BTreeMap<(&str, &str), Upgrade> = BTreeMap::new();
    for finding in findings {
        let (Some(fix), Some(subject)) = (finding.fixed.first(), by_purl.get(finding.package.as_str())) else {
            continue;
        };
        let upgrade = upgrades.entry((&subject.name, &subject.version)).or_default();
        upgrade.raise(fix, subject.scheme);
        upgrade.closes.push(finding.id.clone());
    }
    let of_total = findings.len() as u64;
    let mut actions: Vec<Action> = upgrades
        .into_iter()
        .map(|((name, _), upgrade)| Action {
            kind: ActionKind::UpgradePackage,
            target: format!("{name} {}", upgrade.to),
            closes: upgrade.closes,
            of_total,
            verified: false,
        })
        .collect();
    actions.sort_by(|a, b| b.closes.len().cmp(&a.closes.len()).then_with(|| a.target.cmp(&b.target)));
    actions
}

#[derive(Default)]
struct Upgrade {
    to: String,
    closes: Vec<String>,
}

impl Upgrade {
    /// The target is the highest of the fixes.
    fn raise(&mut self, fix: &str, scheme: Scheme) {
        if self.to.is_empty() || scheme.compare(fix, &self.to).is_gt() {
            fix.clone_into(&mut self.to);
        }
    }
}
