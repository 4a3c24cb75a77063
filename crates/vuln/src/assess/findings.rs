//! Matches to findings: one per vulnerability and subject, whatever number of records describe it.

use std::collections::BTreeSet;

use model::image::SuppressedFinding;
use model::{Because, Confidence, Finding, FixStatus, Package};
use rustc_hash::FxHashMap;

use super::coverage::Gaps;
use super::golang;
use super::inert;
use super::matches::Match;
use super::rate;
use super::subjects::{Context, Subject};
use crate::advisory::Kind;

/// The findings of a subject, and those that were ruled out.
pub(super) fn findings(
    subject: &Subject<'_>,
    matches: Vec<Match<'_>>,
    context: &Context<'_, '_, '_>,
    gaps: &mut Gaps,
) -> (Vec<Finding>, Vec<SuppressedFinding>) {
    let expanded: Vec<(Vec<String>, Match<'_>)> = matches.into_iter().flat_map(identities).collect();
    let (mut findings, mut suppressed) = (Vec::new(), Vec::new());
    for group in groups(expanded) {
        let ruled_out = ruled_out(subject, &group, context);
        let finding = finding(subject, group, context, gaps);
        match ruled_out {
            Some(by) => suppressed.push(SuppressedFinding { finding, by }),
            None => findings.push(finding),
        }
    }
    (findings, suppressed)
}

/// Why a vulnerability does not hold although the version is affected: the records that name functions decide.
fn ruled_out(subject: &Subject<'_>, group: &Group<'_>, context: &Context<'_, '_, '_>) -> Option<String> {
    let mut reason = None;
    for found in group.matches.iter().filter(|found| !found.tags.imports.is_empty()) {
        // What cannot be read rules nothing out.
        let imports = found.tags.imports.decode()?;
        let by = golang::ruled_out(&imports, &subject.packages, context.platform)?;
        reason = Some(format!("{}: {by}", found.advisory.id));
    }
    reason
}

/// The ids under which a match is joined with others; an erratum is one match per CVE that it fixes.
fn identities(found: Match<'_>) -> Vec<(Vec<String>, Match<'_>)> {
    let cves: Vec<String> =
        found.advisory.aliases.iter().map(|id| plain(id).to_owned()).filter(|id| id.starts_with("CVE-")).collect();
    if found.advisory.kind == Kind::Erratum && !cves.is_empty() {
        let decided = cves.into_iter().filter(|cve| !found.without.contains(cve));
        return decided.map(|cve| (vec![cve], found.clone())).collect();
    }
    let mut ids = vec![plain(&found.advisory.id).to_owned()];
    ids.extend(found.advisory.aliases.iter().map(|id| plain(id).to_owned()));
    vec![(ids, found)]
}

/// `UBUNTU-CVE-…`, `DEBIAN-CVE-…` and `ALPINE-CVE-…` are the CVE as those databases file it.
pub(super) fn plain(id: &str) -> &str {
    match id.find("-CVE-") {
        Some(at) if id[..at].bytes().all(|byte| byte.is_ascii_uppercase()) => &id[at + 1..],
        _ => id,
    }
}

struct Group<'m> {
    ids: BTreeSet<String>,
    matches: Vec<Match<'m>>,
}

/// Joins matches that share an id, through chains of aliases too.
fn groups(matches: Vec<(Vec<String>, Match<'_>)>) -> Vec<Group<'_>> {
    let mut parent: Vec<usize> = (0..matches.len()).collect();
    let mut first: FxHashMap<&str, usize> = FxHashMap::default();
    for (index, (ids, _)) in matches.iter().enumerate() {
        for id in ids {
            let other = *first.entry(id).or_insert(index);
            let (a, b) = (root(&mut parent, index), root(&mut parent, other));
            parent[a.max(b)] = a.min(b);
        }
    }
    let roots: Vec<usize> = (0..matches.len()).map(|index| root(&mut parent, index)).collect();
    let mut slots: FxHashMap<usize, usize> = FxHashMap::default();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (root, (ids, found)) in roots.into_iter().zip(matches) {
        let slot = *slots.entry(root).or_insert_with(|| {
            groups.push(Group { ids: BTreeSet::new(), matches: Vec::new() });
            groups.len() - 1
        });
        groups[slot].ids.extend(ids);
        groups[slot].matches.push(found);
    }
    groups
}

fn root(parent: &mut [usize], mut index: usize) -> usize {
    while parent[index] != index {
        parent[index] = parent[parent[index]];
        index = parent[index];
    }
    index
}

/// The CVE where there is one, the oldest of several; else GitHub's id; else the first.
fn best_id(ids: &BTreeSet<String>) -> String {
    let cves = ids.iter().filter(|id| id.starts_with("CVE-"));
    let cve = cves.min_by_key(|id| (crate::segment::ids::cve_number(id), *id));
    let other = || ids.iter().find(|id| id.starts_with("GHSA-")).or_else(|| ids.iter().next());
    cve.or_else(other).cloned().unwrap_or_default()
}

fn finding(subject: &Subject<'_>, group: Group<'_>, context: &Context<'_, '_, '_>, gaps: &mut Gaps) -> Finding {
    let Group { ids, mut matches } = group;
    // The record that explains the finding: one with a fix, of the vendor, and always the same one.
    matches.sort_by_key(|found| {
        (found.hit.fixed.is_empty(), found.feed == "osv", found.segment.to_owned(), found.advisory.id.clone())
    });
    let id = best_id(&ids);
    let (packages, inert) = inert::affected(subject, &matches);
    let shown = representative(subject, &packages);
    let main = &matches[0];
    let rated = rate::rate(&id, &ids, subject, &matches, context, gaps);
    let mut fixed: Vec<String> = Vec::new();
    for version in matches.iter().flat_map(|found| &found.hit.fixed) {
        if !fixed.contains(version) {
            fixed.push(version.clone());
        }
    }
    let rule = if main.tags.note.is_empty() {
        main.hit.rule.clone()
    } else {
        format!("{}; {}", main.hit.rule, main.tags.note)
    };
    let mut binaries: Vec<String> = packages.iter().map(|package| package.name.clone()).collect();
    binaries.sort_unstable();
    binaries.dedup();
    Finding {
        aliases: ids.into_iter().filter(|other| *other != id).collect(),
        package: shown.map(|package| package.purl.clone()).unwrap_or_default(),
        installed: main.version.clone(),
        status: status(&matches),
        fixed,
        severity: rated.severity,
        cvss: rated.cvss,
        kev: rated.kev,
        epss: rated.epss,
        confidence: matches.iter().map(|found| found.confidence).max().unwrap_or(Confidence::Low),
        inert,
        because: Because {
            segment: main.segment.to_owned(),
            record: main.advisory.id.clone(),
            scheme: subject.scheme.name().to_owned(),
            rule,
        },
        layer: shown.and_then(|package| package.layer.clone()),
        origin: None,
        title: matches
            .iter()
            .map(|found| found.advisory.title.as_str())
            .find(|t| !t.is_empty())
            .unwrap_or("")
            .to_owned(),
        binaries: if binaries.len() > 1 { binaries } else { Vec::new() },
        id,
    }
}

/// Fixed when any record has a fix, else what the first says.
fn status(matches: &[Match<'_>]) -> FixStatus {
    let fixed = matches.iter().any(|found| found.hit.status == FixStatus::Fixed);
    if fixed { FixStatus::Fixed } else { matches[0].hit.status }
}

/// The package that stands for the subject: the one named like it, else the first by purl.
fn representative<'i>(subject: &Subject<'_>, packages: &[&'i Package]) -> Option<&'i Package> {
    let named = packages.iter().find(|package| package.name == subject.name);
    named.or_else(|| packages.iter().min_by(|a, b| a.purl.cmp(&b.purl))).copied()
}
