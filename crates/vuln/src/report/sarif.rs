//! SARIF 2.1.0 (OASIS), as code scanning services read it: one rule per advisory, one result per finding.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::{Finding, FixStatus, Severity};
use serde_json::{Value, json};

use super::Judged;

/// The document. `version` is that of the program.
pub fn sarif(images: &[Judged<'_>], version: &str) -> Value {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in images.iter().flat_map(|image| &image.assessment.findings) {
        let rule = rules.entry(&finding.id).or_insert(finding);
        if finding.severity.chosen > rule.severity.chosen {
            *rule = finding;
        }
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let results: Vec<Value> = images
        .iter()
        .flat_map(|image| image.assessment.findings.iter().map(|finding| result(image, finding, &index)))
        .collect();
    let notes: Vec<Value> = images
        .iter()
        .flat_map(|image| {
            image.unknown().into_iter().map(|text| {
                json!({
                    "level": "warning", "message": {"text": format!("{}: {text}", image.name())},
                })
            })
        })
        .collect();
    let complete = images.iter().all(|image| image.inventory.layers.iter().all(|layer| layer.complete));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Seawall", "version": version, "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": complete, "toolExecutionNotifications": notes}],
            "results": results,
        }],
    })
}

fn rule(finding: &Finding) -> Value {
    let title = if finding.title.is_empty() { &finding.id } else { &finding.title };
    let mut rule = json!({
        "id": finding.id,
        "shortDescription": {"text": title},
        "properties": {
            "tags": ["security", "vulnerability"], "security-severity": score(finding),
        },
    });
    if finding.id.starts_with("CVE-") {
        rule["helpUri"] = json!(format!("https://www.cve.org/CVERecord?id={}", finding.id));
    }
    rule
}

/// The score by which services sort: the highest CVSS score, else one in the middle of the level.
fn score(finding: &Finding) -> String {
    let highest = finding
        .cvss
        .iter()
        .filter_map(|cvss| cvss.score)
        .fold(None, |best: Option<f64>, score| Some(best.map_or(score, |best| best.max(score))));
    let middle = match finding.severity.chosen {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Informational | Severity::Unknown => 0.0,
    };
    format!("{:.1}", highest.unwrap_or(middle))
}

fn result(image: &Judged<'_>, finding: &Finding, index: &BTreeMap<&str, usize>) -> Value {
    let level = match finding.severity.chosen {
        _ if finding.inert => "none",
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational | Severity::Unknown => "note",
    };
    let fix = match finding.status {
        FixStatus::Fixed => format!("upgrade to {}", finding.fixed.join(" or ")),
        FixStatus::Affected => "no fix yet".to_owned(),
        FixStatus::WillNotFix => "the vendor will not fix it".to_owned(),
        FixStatus::Deferred => "the vendor postponed the fix".to_owned(),
        FixStatus::EndOfLife => "the release is out of support".to_owned(),
        FixStatus::UnderInvestigation => "the vendor investigates".to_owned(),
    };
    let package = image.inventory.packages.iter().find(|package| package.purl == finding.package);
    let path = package.and_then(|package| package.locations.first()).map_or("image", |location| location.path.as_str());
    let text = format!(
        "{} {} is affected by {}: {fix} ({})",
        finding.package, finding.installed, finding.id, finding.because.rule
    );
    json!({
        "ruleId": finding.id,
        "ruleIndex": index.get(finding.id.as_str()),
        "level": level,
        "kind": if finding.inert { "informational" } else { "fail" },
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(path)},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"fullyQualifiedName": image.name()}],
        }],
        "partialFingerprints": {"seawall/v1": format!("{}|{}|{}", finding.id, finding.package, path)},
    })
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
