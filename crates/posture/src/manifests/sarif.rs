//! The report as SARIF 2.1.0 (OASIS), for code hosts and editors.

use policy::pss::CHECKS;
use serde_json::{Value, json};

use super::{Finding, Report};
use model::{Diagnostic, Level, Severity};

/// The report as a SARIF log with one run.
pub fn to_sarif(report: &Report, tool_version: &str) -> Value {
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|check| {
            json!({
                "id": format!("pss/{}", check.id),
                "name": check.id,
                "shortDescription": { "text": check.title },
                "defaultConfiguration": { "level": level(check.severity) },
                "properties": { "level": check.level.to_string(), "severity": check.severity.as_str() },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "Seawall", "version": tool_version, "rules": rules } },
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": !report.is_incomplete(),
                "toolExecutionNotifications": report.diagnostics.iter().map(notification).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let subject = &finding.result.subject;
    let path = finding.result.evidence.first().map_or("", |evidence| evidence.path.as_str());
    json!({
        "ruleId": finding.result.control,
        "level": level(finding.severity),
        "message": { "text": format!("{} {}: {}", subject.kind, subject.name, finding.message) },
        "locations": [{
            "physicalLocation": location(subject.file.as_deref().unwrap_or(""), finding.position.map(|p| (p.line, p.column))),
            "logicalLocations": [{
                "fullyQualifiedName": format!("{}/{}{path}", subject.kind, subject.name),
                "kind": "object",
            }],
        }],
        // The same failure keeps its identity when lines move.
        "partialFingerprints": { "object/v1": format!("{}/{}/{}{path}", finding.result.control, subject.kind, subject.name) },
    })
}

fn notification(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.span.start.map(|start| (start.line, start.column));
    json!({
        "descriptor": { "id": diagnostic.code },
        "level": match diagnostic.level { Level::Error => "error", Level::Warning => "warning", Level::Note => "note" },
        "message": { "text": diagnostic.message },
        "locations": [{ "physicalLocation": location(&diagnostic.span.source, place) }],
    })
}

fn location(file: &str, place: Option<(u32, u32)>) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": uri(file) } });
    if let Some((line, column)) = place {
        location["region"] = json!({ "startLine": line, "startColumn": column });
    }
    location
}

/// A relative path as a URI reference (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational | Severity::Unknown => "note",
    }
}
