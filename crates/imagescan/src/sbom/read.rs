//! Reading documents of ours and of others.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use limits::json::{JsonError, JsonLimits};
use model::image::Producer;
use model::{
    Artifact, Diagnostic, Evidence, Inventory, Level, Location, OperatingSystem, Package, Purl, SourcePackage,
};
use serde::Deserialize;

use super::text::{Form, hint, utf8};
use super::{PROPERTY, distribution, release};
use crate::merge::end_of_life;
use crate::options::MAX_PACKAGES;
use crate::{ANALYSERS_VERSION, merge};

/// Largest document, in bytes: one of 500,000 packages is about 300 MB, real ones are under 50.
pub const MAX_SBOM_BYTES: usize = 256 << 20;
/// Deepest nesting: components within components, a few levels.
const MAX_DEPTH: usize = 64;
/// Diagnostics that are kept; a document of another world must not fill the report.
const MAX_DIAGNOSTICS: usize = 50;

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// It is no JSON, or too large or deep.
    #[error("{name} is not a readable SBOM: expected CycloneDX or SPDX 2 in JSON{}", hint(*.form))]
    Json {
        /// What it looks like instead.
        form: Form,
        /// Which document.
        name: String,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// It is JSON of another kind.
    #[error(
        "{name} is neither CycloneDX nor SPDX 2 JSON: there is no `bomFormat` of \"CycloneDX\" and no `spdxVersion` of \"SPDX-2.…\""
    )]
    Unknown {
        /// Which document.
        name: String,
    },
    /// It has too many packages.
    #[error("{name} has more than {MAX_PACKAGES} packages")]
    TooMany {
        /// Which document.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: Option<String>,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Component>,
    spdx_version: Option<String>,
    name: Option<String>,
    #[serde(default)]
    packages: Vec<SpdxPackage>,
    #[serde(default)]
    has_extracted_licensing_infos: Vec<ExtractedLicense>,
    /// Attestations (in-toto statements, as registries keep them) carry the document inside, GitHub's export as `sbom`.
    #[serde(alias = "sbom")]
    predicate: Option<Box<Document>>,
    /// An attestation in its signed envelope (DSSE), base64.
    payload: Option<String>,
}

impl Document {
    fn inner(self) -> Self {
        match self.predicate {
            Some(inner) if self.bom_format.is_none() && self.spdx_version.is_none() => *inner,
            predicate => Self { predicate, ..self },
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    component: Option<Component>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Component {
    r#type: String,
    name: String,
    version: Option<String>,
    purl: Option<String>,
    description: Option<String>,
    supplier: Option<Named>,
    licenses: Vec<LicenseChoice>,
    properties: Vec<Property>,
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
struct LicenseChoice {
    license: Option<License>,
    expression: Option<String>,
}

#[derive(Deserialize)]
struct License {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SpdxPackage {
    name: String,
    version_info: String,
    summary: String,
    supplier: String,
    source_info: String,
    license_declared: String,
    primary_package_purpose: String,
    external_refs: Vec<ExternalRef>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotation {
    comment: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    #[serde(default)]
    extracted_text: String,
}

/// Reads a document; `name` stands for it in errors and diagnostics. Packages have the evidence `sbom`.
pub fn read(bytes: &[u8], name: &str) -> Result<Inventory, SbomError> {
    let mut document = parse(&utf8(bytes), name)?;
    // The signature of an envelope is not judged: who wants to know runs the tool that knows the keys.
    if let Some(inside) = document.payload.take().and_then(|payload| STANDARD.decode(payload).ok()) {
        document = parse(&inside, name)?;
    }
    let document = document.inner();
    let mut reader = Reader { name, inventory: empty(), dropped: 0 };
    match (document.bom_format.as_deref(), document.spdx_version.as_deref()) {
        (Some("CycloneDX"), _) => reader.cyclonedx(document)?,
        (_, Some(version)) if version.starts_with("SPDX-2") => reader.spdx(document)?,
        _ => return Err(SbomError::Unknown { name: name.to_owned() }),
    }
    Ok(reader.finish())
}

fn parse(bytes: &[u8], name: &str) -> Result<Document, SbomError> {
    let limits = JsonLimits { bytes: MAX_SBOM_BYTES, depth: MAX_DEPTH };
    limits::json::from_slice(bytes, &limits).map_err(|source| SbomError::Json {
        form: Form::of(bytes),
        name: name.to_owned(),
        source,
    })
}

fn empty() -> Inventory {
    Inventory {
        id: String::new(),
        artifact: Artifact::default(),
        os: None,
        layers: Vec::new(),
        packages: Vec::new(),
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: ANALYSERS_VERSION.to_owned() },
    }
}

struct Reader<'a> {
    name: &'a str,
    inventory: Inventory,
    dropped: usize,
}

impl Reader<'_> {
    fn cyclonedx(&mut self, document: Document) -> Result<(), SbomError> {
        if let Some(image) = document.metadata.and_then(|metadata| metadata.component) {
            self.image(&image);
        }
        let mut queue = document.components;
        queue.reverse();
        while let Some(mut component) = queue.pop() {
            queue.extend(std::mem::take(&mut component.components).into_iter().rev());
            if component.r#type == "operating-system" {
                let version = component.version.unwrap_or_default();
                self.os(&component.name, &version, component.description.unwrap_or_default());
            } else if component.purl.is_some() {
                self.component(component)?;
            } else if matches!(component.r#type.as_str(), "library" | "application" | "framework") {
                self.note(format!("component {:?} has no package URL and was left out", component.name));
            }
        }
        Ok(())
    }

    fn image(&mut self, image: &Component) {
        let artifact = &mut self.inventory.artifact;
        artifact.reference = Some(image.name.clone());
        for property in &image.properties {
            let field = match property.name.strip_prefix(PROPERTY) {
                Some("manifest-digest") => &mut artifact.manifest_digest,
                Some("index-digest") => &mut artifact.index_digest,
                Some("config-digest") => &mut artifact.config_digest,
                _ => continue,
            };
            *field = Some(property.value.clone());
        }
    }

    fn component(&mut self, component: Component) -> Result<(), SbomError> {
        let Some(mut package) = self.package(component.purl.as_deref().unwrap_or_default(), component.version) else {
            return Ok(());
        };
        package.vendor = component.supplier.and_then(|supplier| supplier.name);
        package.licenses = component
            .licenses
            .into_iter()
            .filter_map(|choice| choice.expression.or_else(|| choice.license.and_then(|l| l.id.or(l.name))))
            .collect();
        let mut source = SourceParts::default();
        for Property { name, value } in &component.properties {
            source.property(&mut package, name, value);
        }
        if !source.name.is_empty() {
            package.source = Some(source.finish(&package));
        }
        self.keep(package)
    }

    fn spdx(&mut self, document: Document) -> Result<(), SbomError> {
        self.inventory.artifact.reference = document.name;
        let licenses: BTreeMap<&str, &str> = document
            .has_extracted_licensing_infos
            .iter()
            .map(|license| (license.license_id.as_str(), license.extracted_text.as_str()))
            .collect();
        for spdx in document.packages {
            if spdx.primary_package_purpose.replace('_', "-") == "OPERATING-SYSTEM" {
                self.os(&spdx.name, &spdx.version_info, spdx.summary);
                continue;
            }
            let Some(purl) = spdx.external_refs.iter().find(|reference| reference.reference_type == "purl") else {
                if spdx.primary_package_purpose != "CONTAINER" {
                    self.note(format!("package {:?} has no package URL and was left out", spdx.name));
                }
                continue;
            };
            let version = Some(spdx.version_info).filter(|version| !version.is_empty());
            let Some(mut package) = self.package(&purl.reference_locator, version) else { continue };
            package.vendor = spdx.supplier.split_once(": ").map(|(_, name)| name.to_owned());
            package.licenses = spdx
                .license_declared
                .split(" AND ")
                .filter(|id| !matches!(*id, "" | "NOASSERTION" | "NONE"))
                .map(|id| licenses.get(id).copied().unwrap_or(id).to_owned())
                .collect();
            if let Some((name, version)) =
                spdx.source_info.strip_prefix("built package from: ").and_then(|text| text.rsplit_once(' '))
            {
                package.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
            } else if let Some((_, paths)) = spdx.source_info.split_once(": /") {
                // Syft: "acquired package info from …: /a, /b".
                paths.split(", ").for_each(|path| locate(&mut package, path));
            }
            let mut source = SourceParts::default();
            for (name, value) in spdx.annotations.iter().filter_map(|annotation| annotation.comment.split_once('=')) {
                source.property(&mut package, name, value);
            }
            if !source.name.is_empty() {
                package.source = Some(source.finish(&package));
            }
            self.keep(package)?;
        }
        Ok(())
    }

    fn os(&mut self, id: &str, version: &str, name: String) {
        let id = id.to_ascii_lowercase();
        // What Trivy writes when it found no distribution.
        if matches!(id.as_str(), "" | "none") {
            return;
        }
        // Debian's releases are whole numbers; some tools write the point release.
        let version = if id == "debian" { version.split('.').next().unwrap_or(version) } else { version };
        let name = if name.is_empty() { format!("{id} {version}") } else { name };
        let end_of_life = end_of_life::of(&id, version).date();
        self.inventory.os = Some(OperatingSystem { id, version: version.to_owned(), name, end_of_life });
    }

    /// A package by its purl. `None`, with a diagnostic, when that is none; images among the components are no packages.
    fn package(&mut self, text: &str, version: Option<String>) -> Option<Package> {
        let purl: Purl = match text.parse() {
            Ok(purl) => purl,
            Err(error) => {
                let text: String = text.chars().take(100).collect();
                self.note(format!("{text:?} was left out: {error}"));
                return None;
            }
        };
        if matches!(purl.r#type.as_str(), "oci" | "docker") {
            return None;
        }
        if self.inventory.os.is_none()
            && let Some((id, version)) = release::of(&purl)
        {
            self.os(&id, &version, String::new());
        }
        let mut full = if purl.version.is_empty() { version.unwrap_or_default() } else { purl.version.clone() };
        if let Some(epoch) = purl.qualifiers.get("epoch").filter(|_| !full.contains(':')) {
            full = format!("{epoch}:{full}");
        }
        let label = ["rpmmod", "modularitylabel"].iter().find_map(|name| purl.qualifiers.get(*name));
        Some(Package {
            name: name_of(&purl),
            version: full,
            architecture: purl.qualifiers.get("arch").cloned(),
            r#type: purl.r#type.clone(),
            source: purl.qualifiers.get("upstream").map(|upstream| source_of(upstream, &purl)),
            layer: None,
            locations: Vec::new(),
            evidence: Evidence::Sbom,
            owner: None,
            licenses: Vec::new(),
            vendor: None,
            properties: label.map(|label| ("modularity_label".to_owned(), label.clone())).into_iter().collect(),
            purl: purl.to_string(),
        })
    }

    fn keep(&mut self, package: Package) -> Result<(), SbomError> {
        if self.inventory.packages.len() >= MAX_PACKAGES {
            return Err(SbomError::TooMany { name: self.name.to_owned() });
        }
        self.inventory.packages.push(package);
        Ok(())
    }

    fn note(&mut self, message: String) {
        if self.inventory.diagnostics.len() < MAX_DIAGNOSTICS {
            self.inventory.diagnostics.push(Diagnostic::new("sbom/left-out", Level::Warning, self.name, message));
        } else {
            self.dropped += 1;
        }
    }

    fn finish(mut self) -> Inventory {
        if self.dropped > 0 {
            let message = format!("{} more components were left out", self.dropped);
            self.inventory.diagnostics.push(Diagnostic::new("sbom/left-out", Level::Warning, self.name, message));
        }
        distribution::mark(&mut self.inventory);
        self.inventory.packages.sort_by(|a, b| (&a.purl, &a.locations).cmp(&(&b.purl, &b.locations)));
        self.inventory.id = merge::identity::of(&self.inventory);
        self.inventory
    }
}

/// The name as its ecosystem writes it, which for some is with the namespace.
fn name_of(purl: &Purl) -> String {
    let joined = |separator: &str| format!("{}{separator}{}", purl.namespace, purl.name);
    match purl.r#type.as_str() {
        _ if purl.namespace.is_empty() => purl.name.clone(),
        "npm" | "golang" | "composer" | "swift" => joined("/"),
        "maven" => joined(":"),
        _ => purl.name.clone(),
    }
}

/// Syft's `upstream`: `name`, `name@version`, or the file name of a source rpm. A version that is not given is the
/// package's own.
fn source_of(upstream: &str, purl: &Purl) -> SourcePackage {
    let source = |name: &str, version: &str| SourcePackage { name: name.to_owned(), version: version.to_owned() };
    if let Some(stem) = upstream.strip_suffix(".src.rpm")
        && let Some((rest, release)) = stem.rsplit_once('-')
        && let Some((name, version)) = rest.rsplit_once('-')
    {
        return source(name, &format!("{version}-{release}"));
    }
    match upstream.split_once('@') {
        Some((name, version)) => source(name, version),
        None => source(upstream, &purl.version),
    }
}

fn locate(package: &mut Package, path: &str) {
    let path = path.trim_start_matches('/').to_owned();
    package.locations.push(Location { path, layer: None, offset: None });
}

/// A source package in the pieces in which properties tell of it; empty for what they do not tell.
#[derive(Default)]
struct SourceParts<'a> {
    name: &'a str,
    epoch: &'a str,
    version: &'a str,
    release: &'a str,
}

impl<'a> SourceParts<'a> {
    /// Takes over what a property of ours or of another tool says of a package.
    fn property(&mut self, package: &mut Package, name: &str, value: &'a str) {
        match name {
            "seawall:source-name" | "aquasecurity:trivy:SrcName" | "syft:metadata:source" => self.name = value,
            "seawall:source-version" | "aquasecurity:trivy:SrcVersion" | "syft:metadata:sourceVersion" => {
                self.version = value;
            }
            "aquasecurity:trivy:SrcRelease" => self.release = value,
            "aquasecurity:trivy:SrcEpoch" => self.epoch = value,
            "seawall:owner" => package.owner = Some(value.to_owned()),
            "seawall:layer" => package.layer = Some(value.to_owned()),
            "seawall:architecture" => package.architecture = Some(value.to_owned()),
            "seawall:location" | "aquasecurity:trivy:FilePath" => locate(package, value),
            "syft:metadata:modularityLabel" | "aquasecurity:trivy:Modularitylabel" => {
                package.properties.insert("modularity_label".to_owned(), value.to_owned());
            }
            _ if name.starts_with("syft:location:") && name.ends_with(":path") => locate(package, value),
            other => {
                if let Some(key) = other.strip_prefix("seawall:property:") {
                    package.properties.insert(key.to_owned(), value.to_owned());
                }
            }
        }
    }

    /// A version that is not given is the package's own.
    fn finish(&self, package: &Package) -> SourcePackage {
        let mut version = String::new();
        if self.version.is_empty() {
            version.push_str(&package.version);
        } else {
            if !matches!(self.epoch, "" | "0") {
                version = format!("{}:", self.epoch);
            }
            version.push_str(self.version);
            if !self.release.is_empty() {
                version.push('-');
                version.push_str(self.release);
            }
        }
        SourcePackage { name: self.name.to_owned(), version }
    }
}
