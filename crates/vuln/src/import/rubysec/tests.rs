//! The ranges against the rule that they stand for, on real advisories: a version is vulnerable when it satisfies no
//! patched and no unaffected requirement.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::{RECORD, Record, convert};
use crate::advisory::{Advisory, End};
use crate::version::Scheme;

/// `Gem::Requirement#satisfied_by?`, clause by clause.
fn satisfies(version: &str, requirement: &str) -> bool {
    requirement.split(',').all(|clause| {
        let clause = clause.trim();
        let end = clause.find(|c: char| c.is_ascii_alphanumeric()).unwrap();
        let (operator, bound) = (clause[..end].trim(), &clause[end..]);
        let order = Scheme::Gem.compare(version, bound);
        match operator {
            ">=" => order.is_ge(),
            ">" => order.is_gt(),
            "<=" => order.is_le(),
            "<" => order.is_lt(),
            "" | "=" => order.is_eq(),
            "~>" => order.is_ge() && Scheme::Gem.compare(&release(version), &bumped(bound)).is_lt(),
            other => panic!("{other}"),
        }
    })
}

/// `Gem::Version#release`: without the pre-release.
fn release(version: &str) -> String {
    let parts: Vec<&str> =
        version.split(['.', '-']).take_while(|part| part.bytes().all(|b| b.is_ascii_digit())).collect();
    parts.join(".")
}

/// `Gem::Version#bump`.
fn bumped(version: &str) -> String {
    let mut numbers: Vec<u64> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    if numbers.len() > 1 {
        numbers.pop();
    }
    *numbers.last_mut().unwrap() += 1;
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

fn in_ranges(version: &str, advisory: &Advisory) -> bool {
    advisory.affected.iter().flat_map(|affected| &affected.ranges).any(|range| {
        let from = if range.introduced.is_empty() {
            Ordering::Greater
        } else {
            Scheme::Gem.compare(version, &range.introduced)
        };
        let after = if range.exclusive { from.is_gt() } else { from.is_ge() };
        after
            && match &range.end {
                End::Open => true,
                End::Fixed(end) | End::Before(end) => Scheme::Gem.compare(version, end).is_lt(),
                End::Last(end) => Scheme::Gem.compare(version, end).is_le(),
            }
    })
}

/// Versions at, below and above each bound that the requirements name.
fn probes(requirements: &[String]) -> BTreeSet<String> {
    let mut probes: BTreeSet<String> = ["0", "0.0.1", "999"].map(str::to_owned).into();
    for clause in requirements.iter().flat_map(|requirement| requirement.split(',')) {
        let bound = clause.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim();
        for suffix in ["", ".1", ".a", ".rc1", ".0.1"] {
            probes.insert(format!("{bound}{suffix}"));
        }
        probes.insert(bumped(bound));
        probes.insert(format!("{}.pre", bumped(bound)));
    }
    probes
}

fn check(line: &str) {
    let record: Record = serde_json::from_str(line).unwrap();
    let safe: Vec<String> = [record.patched_versions.clone(), record.unaffected_versions.clone()].concat();
    let id = record.id.clone();
    let advisory = convert(record).unwrap();
    for version in probes(&safe) {
        let vulnerable = !safe.iter().any(|requirement| satisfies(&version, requirement));
        assert_eq!(in_ranges(&version, &advisory), vulnerable, "{id} {version}: {safe:?} {:?}", advisory.affected);
    }
}

#[test]
fn ranges_stand_for_the_requirements() {
    let record = |patched: &str, unaffected: &str| {
        check(&format!(
            r#"{{"gem":"g","id":"i","patched_versions":[{patched}],"unaffected_versions":[{unaffected}]}}"#
        ));
    };
    record("", "");
    record(r#""~> 3.2.1", "~> 4.0.2.rc1", ">= 5""#, r#""< 1""#);
    record(r#"">= 2.1.1, < 3", "> 4", "= 3.5""#, r#""<= 1.2", "0.5""#);
    record(r#""~> 1", ">= 1.5""#, "");
}

#[test]
fn given_advisories_agree() {
    testkit::need!(data);
    let lines = testkit::read_text(testkit::data("feeds/rubysec/ranges.jsonl"));
    assert!(RECORD.bytes > lines.lines().map(str::len).max().unwrap_or(0));
    let mut checked = 0;
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        check(line);
        checked += 1;
    }
    assert!(checked > 1000);
}
