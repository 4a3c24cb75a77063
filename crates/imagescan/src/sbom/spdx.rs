//! SPDX 2.3 JSON.

use std::collections::BTreeMap;

use model::{Inventory, Package};
use serde_json::{Map, Value, json};

use super::{Made, PROPERTY, subject, uuid};

/// The document.
pub fn spdx(inventory: &Inventory, made: &Made<'_>) -> Value {
    let licenses = licenses(inventory);
    let mut packages = vec![image(inventory)];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
    if let Some(os) = &inventory.os {
        packages.push(json!({
            "SPDXID": "SPDXRef-OperatingSystem", "name": os.id, "versionInfo": os.version, "summary": os.name,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "primaryPackagePurpose": "OPERATING_SYSTEM",
        }));
        relationships.push(relationship("SPDXRef-Image", "CONTAINS", "SPDXRef-OperatingSystem"));
    }
    // Both are mandatory; an image that does not say when it was made gets the epoch.
    let created = made.time_of(inventory).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
    let tool = format!("Tool: seawall-{}", made.version);
    for (index, package) in inventory.packages.iter().enumerate() {
        let id = format!("SPDXRef-Package-{index}");
        relationships.push(relationship("SPDXRef-Image", "CONTAINS", &id));
        let mut fields = one(&id, package, &licenses);
        fields.insert("annotations".into(), annotations(package, &created, &tool));
        packages.push(Value::Object(fields));
    }
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject(inventory),
        "documentNamespace": format!("urn:uuid:{}", uuid(inventory)),
        "creationInfo": {
            "created": created,
            "creators": [tool],
        },
    });
    // Moved: what stands in `json!` is copied, and these are thousands.
    document["packages"] = Value::Array(packages);
    document["relationships"] = Value::Array(relationships);
    if !licenses.is_empty() {
        let texts = licenses.iter().map(|(text, id)| json!({"licenseId": id, "name": text, "extractedText": text}));
        document["hasExtractedLicensingInfos"] = texts.collect();
    }
    document
}

/// Declared licences are free text; each distinct one becomes a licence of this document.
fn licenses(inventory: &Inventory) -> BTreeMap<&str, String> {
    let mut texts: Vec<&str> =
        inventory.packages.iter().flat_map(|package| &package.licenses).map(String::as_str).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter().enumerate().map(|(index, text)| (text, format!("LicenseRef-{index}"))).collect()
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

fn image(inventory: &Inventory) -> Value {
    let mut fields = json!({
        "SPDXID": "SPDXRef-Image", "name": subject(inventory), "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER",
    });
    if let Some(digest) = &inventory.artifact.manifest_digest {
        fields["versionInfo"] = json!(digest);
        if let Some(hex) = digest.strip_prefix("sha256:") {
            fields["checksums"] = json!([{"algorithm": "SHA256", "checksumValue": hex}]);
        }
    }
    fields
}

fn one(id: &str, package: &Package, licenses: &BTreeMap<&str, String>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("SPDXID".into(), json!(id));
    fields.insert("name".into(), json!(package.name));
    fields.insert("versionInfo".into(), json!(package.version));
    fields.insert("downloadLocation".into(), json!("NOASSERTION"));
    fields.insert("filesAnalyzed".into(), json!(false));
    if let Some(vendor) = &package.vendor {
        fields.insert("supplier".into(), json!(format!("Organization: {vendor}")));
    }
    let declared: Vec<&str> =
        package.licenses.iter().filter_map(|text| licenses.get(text.as_str()).map(String::as_str)).collect();
    let declared = if declared.is_empty() { "NOASSERTION".to_owned() } else { declared.join(" AND ") };
    fields.insert("licenseDeclared".into(), json!(declared));
    fields.insert("licenseConcluded".into(), json!("NOASSERTION"));
    fields.insert(
        "externalRefs".into(),
        json!([{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl,
        }]),
    );
    if let Some(source) = &package.source {
        // The form that other tools write and read.
        fields.insert("sourceInfo".into(), json!(format!("built package from: {} {}", source.name, source.version)));
    }
    let paths: Vec<&str> = package.locations.iter().map(|location| location.path.as_str()).collect();
    if !paths.is_empty() {
        fields.insert("comment".into(), json!(format!("found in {}", paths.join(", "))));
    }
    fields
}

/// What SPDX has no field for, one annotation each: `seawall:NAME=VALUE`, with the names of the CycloneDX properties.
fn annotations(package: &Package, created: &str, tool: &str) -> Value {
    let mut pairs: Vec<(String, &str)> = Vec::new();
    let named = |name: &str, value| (name.to_owned(), value);
    pairs.extend(package.architecture.as_deref().map(|value| named("architecture", value)));
    pairs.extend(package.owner.as_deref().map(|value| named("owner", value)));
    pairs.extend(package.layer.as_deref().map(|value| named("layer", value)));
    pairs.extend(package.locations.iter().map(|location| named("location", location.path.as_str())));
    pairs.extend(package.properties.iter().map(|(name, value)| (format!("property:{name}"), value.as_str())));
    let one = |(name, value): (String, &str)| {
        json!({
            "annotationDate": created, "annotationType": "OTHER", "annotator": tool,
            "comment": format!("{PROPERTY}{name}={value}"),
        })
    };
    pairs.into_iter().map(one).collect()
}
