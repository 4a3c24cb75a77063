//! CycloneDX 1.6 JSON.

use model::{Assessment, Evidence, Finding, FixStatus, Inventory, Package, Severity};
use serde_json::{Map, Value, json};

use super::{Made, PROPERTY, subject, uuid};

/// The document. With an assessment its findings are the document's vulnerabilities.
pub fn cyclonedx(inventory: &Inventory, assessment: Option<&Assessment>, made: &Made<'_>) -> Value {
    let mut metadata = json!({
        "tools": {"components": [{"type": "application", "name": "seawall", "version": made.version}]},
        "component": image(inventory),
    });
    if let Some(time) = made.time_of(inventory) {
        metadata["timestamp"] = json!(time);
    }
    let mut components: Vec<Value> = Vec::with_capacity(inventory.packages.len() + 1);
    if let Some(os) = &inventory.os {
        components.push(json!({
            "type": "operating-system", "bom-ref": "os", "name": os.id, "version": os.version, "description": os.name,
        }));
    }
    components.extend(inventory.packages.iter().enumerate().map(|(index, package)| component(index, package)));
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(inventory)),
        "version": 1,
        "metadata": metadata,
        "components": components,
    });
    if let Some(assessment) = assessment {
        document["vulnerabilities"] =
            assessment.findings.iter().map(|finding| vulnerability(inventory, finding)).collect();
    }
    document
}

fn reference(index: usize) -> String {
    format!("package-{index}")
}

fn image(inventory: &Inventory) -> Value {
    let artifact = &inventory.artifact;
    let mut properties = Vec::new();
    let mut add = |name: &str, value: Option<&str>| properties.extend(value.map(|value| property(name, value)));
    add("manifest-digest", artifact.manifest_digest.as_deref());
    add("index-digest", artifact.index_digest.as_deref());
    add("config-digest", artifact.config_digest.as_deref());
    if !artifact.platform.os.is_empty() {
        let platform = artifact.platform.to_string();
        add("platform", Some(&platform));
    }
    for layer in &inventory.layers {
        add("layer", Some(&layer.digest));
    }
    let mut component = json!({"type": "container", "bom-ref": "image", "name": subject(inventory)});
    if let Some(digest) = &artifact.manifest_digest {
        component["version"] = json!(digest);
    }
    with_properties(component, properties)
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": format!("{PROPERTY}{name}"), "value": value})
}

fn with_properties(mut component: Value, properties: Vec<Value>) -> Value {
    if !properties.is_empty() {
        component["properties"] = Value::Array(properties);
    }
    component
}

fn component(index: usize, package: &Package) -> Value {
    let mut fields = Map::new();
    fields.insert("type".into(), json!("library"));
    fields.insert("bom-ref".into(), json!(reference(index)));
    fields.insert("name".into(), json!(package.name));
    fields.insert("version".into(), json!(package.version));
    fields.insert("purl".into(), json!(package.purl));
    if let Some(vendor) = &package.vendor {
        fields.insert("supplier".into(), json!({"name": vendor}));
    }
    if !package.licenses.is_empty() {
        let licenses = package.licenses.iter().map(|text| json!({"license": {"name": text}}));
        fields.insert("licenses".into(), licenses.collect());
    }
    let mut properties = vec![property("evidence", evidence(package.evidence))];
    let mut add = |name: &str, value: Option<&str>| properties.extend(value.map(|value| property(name, value)));
    add("architecture", package.architecture.as_deref());
    add("source-name", package.source.as_ref().map(|source| source.name.as_str()));
    add("source-version", package.source.as_ref().map(|source| source.version.as_str()));
    add("owner", package.owner.as_deref());
    add("layer", package.layer.as_deref());
    for location in &package.locations {
        add("location", Some(&location.path));
    }
    for (name, value) in &package.properties {
        add(&format!("property:{name}"), Some(value));
    }
    with_properties(Value::Object(fields), properties)
}

const fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::File => "file",
        Evidence::Lock => "lock",
        Evidence::Binary => "binary",
        Evidence::Manifest => "manifest",
        Evidence::Sbom => "sbom",
    }
}

fn vulnerability(inventory: &Inventory, finding: &Finding) -> Value {
    let affected = inventory.packages.iter().enumerate().filter(|(_, package)| package.purl == finding.package);
    let affects: Vec<Value> = affected.map(|(index, _)| json!({"ref": reference(index)})).collect();
    let mut ratings =
        vec![json!({"source": {"name": finding.severity.from}, "severity": severity(finding.severity.chosen)})];
    for cvss in &finding.cvss {
        let mut rating =
            json!({"source": {"name": cvss.source}, "vector": cvss.vector, "method": method(&cvss.vector)});
        if let Some(score) = cvss.score {
            rating["score"] = json!(score);
        }
        ratings.push(rating);
    }
    let mut value = json!({
        "id": finding.id,
        "source": {"name": finding.because.segment},
        "ratings": ratings,
        "description": finding.title,
        "affects": affects,
        "analysis": {"state": "in_triage", "detail": finding.because.rule},
    });
    if finding.status == FixStatus::Fixed && !finding.fixed.is_empty() {
        value["recommendation"] = json!(format!("upgrade to {}", finding.fixed.join(" or ")));
    }
    value
}

fn method(vector: &str) -> &'static str {
    match vector.get(..9) {
        Some("CVSS:4.0/") => "CVSSv4",
        Some("CVSS:3.1/") => "CVSSv31",
        Some("CVSS:3.0/") => "CVSSv3",
        _ => "CVSSv2",
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Informational => "info",
        Severity::Unknown => "unknown",
    }
}
