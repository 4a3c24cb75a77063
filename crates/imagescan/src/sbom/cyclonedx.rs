//! CycloneDX 1.6 JSON. Written while it is made: a document of thousands of packages is never a tree in memory.

use std::collections::BTreeMap;

use model::{Assessment, Evidence, Finding, FixStatus, Inventory, Package, Severity};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Made, PROPERTY, subject, uuid};

/// The document. With an assessment its findings are the document's vulnerabilities.
pub fn cyclonedx<'a>(
    inventory: &'a Inventory,
    assessment: Option<&'a Assessment>,
    made: &Made<'a>,
) -> impl Serialize + 'a {
    Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!("urn:uuid:{}", uuid(inventory)),
        version: 1,
        metadata: Metadata {
            timestamp: made.time_of(inventory),
            tools: json!({"components": [{"type": "application", "name": "seawall", "version": made.version}]}),
            component: image(inventory),
        },
        components: Components(inventory),
        vulnerabilities: assessment.map(|assessment| Vulnerabilities(inventory, assessment)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Components<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerabilities: Option<Vulnerabilities<'a>>,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Value,
    component: Value,
}

/// The operating system and the packages.
struct Components<'a>(&'a Inventory);

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let os = self.0.os.as_ref().map(|os| {
            Component::Os(json!({
                "type": "operating-system", "bom-ref": "os", "name": os.id, "version": os.version, "description": os.name,
            }))
        });
        let packages = self.0.packages.iter().enumerate().map(|(index, package)| Component::of(index, package));
        serializer.collect_seq(os.into_iter().chain(packages))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Component<'a> {
    Os(Value),
    Package(Box<Library<'a>>),
}

#[derive(Serialize)]
struct Library<'a> {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    name: &'a str,
    version: &'a str,
    purl: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License<'a>>,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct License<'a> {
    license: Named<'a>,
}

#[derive(Serialize)]
struct Property<'a> {
    name: PropertyName<'a>,
    value: &'a str,
}

/// A name of ours, or that of a package's own property.
enum PropertyName<'a> {
    Ours(&'static str),
    Package(&'a str),
}

impl Serialize for PropertyName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PropertyName::Ours(name) => serializer.collect_str(&format_args!("{PROPERTY}{name}")),
            PropertyName::Package(name) => serializer.collect_str(&format_args!("{PROPERTY}property:{name}")),
        }
    }
}

impl<'a> Component<'a> {
    fn of(index: usize, package: &'a Package) -> Self {
        let mut properties = vec![Property { name: PropertyName::Ours("evidence"), value: evidence(package.evidence) }];
        let mut add = |name, value: Option<&'a str>| {
            properties.extend(value.map(|value| Property { name: PropertyName::Ours(name), value }));
        };
        add("architecture", package.architecture.as_deref());
        add("source-name", package.source.as_ref().map(|source| source.name.as_str()));
        add("source-version", package.source.as_ref().map(|source| source.version.as_str()));
        add("owner", package.owner.as_deref());
        add("layer", package.layer.as_deref());
        for location in &package.locations {
            add("location", Some(&location.path));
        }
        let own = package.properties.iter();
        properties.extend(own.map(|(name, value)| Property { name: PropertyName::Package(name), value }));
        Self::Package(Box::new(Library {
            r#type: "library",
            bom_ref: reference(index),
            name: &package.name,
            version: &package.version,
            purl: &package.purl,
            supplier: package.vendor.as_deref().map(|name| Named { name }),
            licenses: package.licenses.iter().map(|name| License { license: Named { name } }).collect(),
            properties,
        }))
    }
}

fn reference(index: usize) -> String {
    format!("package-{index}")
}

fn image(inventory: &Inventory) -> Value {
    let artifact = &inventory.artifact;
    let mut properties = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        properties.extend(value.map(|value| json!({"name": format!("{PROPERTY}{name}"), "value": value})));
    };
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
    if !properties.is_empty() {
        component["properties"] = Value::Array(properties);
    }
    component
}

/// The findings of an assessment.
struct Vulnerabilities<'a>(&'a Inventory, &'a Assessment);

impl Serialize for Vulnerabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut by_purl: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, package) in self.0.packages.iter().enumerate() {
            by_purl.entry(&package.purl).or_default().push(index);
        }
        serializer.collect_seq(self.1.findings.iter().map(|finding| {
            let affected = by_purl.get(finding.package.as_str()).map(Vec::as_slice).unwrap_or_default();
            vulnerability(affected, finding)
        }))
    }
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

fn vulnerability(affected: &[usize], finding: &Finding) -> Value {
    let affects: Vec<Value> = affected.iter().map(|index| json!({"ref": reference(*index)})).collect();
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
