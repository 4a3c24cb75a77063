//! Images: what is inside (inventory) and what is wrong with it (assessment). Contract §4.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Coverage, Diagnostic, Severity, Timestamp};

/// What an image contains. Belongs to a digest, carries no cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// SHA-256 (hex) of what was found and the version of the analysers.
    pub id: String,
    /// Which image.
    pub artifact: Artifact,
    /// Its operating system; absent for scratch images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<OperatingSystem>,
    /// Its layers, base first.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// What is installed, sorted by purl and location.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// What could not be read.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// Who made it.
    pub producer: Producer,
}

/// Which program made an inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Producer {
    /// Version of the set of analysers; a change makes cached layer records unusable.
    pub analysers_version: String,
}

/// An image by all its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
pub struct Artifact {
    /// As the user wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Digest of the index that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// Digest of its manifest; absent for directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<String>,
    /// Digest of its configuration: some runtimes report only this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    /// Platform.
    #[serde(default)]
    pub platform: Platform,
    /// When it was made, by its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Labels of its configuration.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A platform by the names of the OCI image specification.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub struct Platform {
    /// `linux`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// Such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Build number of Windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// An operating system release by its os-release file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct OperatingSystem {
    /// `ID`, such as `debian`, `azurelinux`, `mariner`.
    pub id: String,
    /// `VERSION_ID`; empty for rolling releases.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
    /// When support ended or ends, for releases we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Timestamp>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Digest of the blob, verified.
    pub digest: String,
    /// Digest of the plain archive: computed where possible, else what the configuration claims.
    #[serde(default)]
    pub diff_id: String,
    /// Size of the blob.
    pub size_bytes: u64,
    /// The history line that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// False when the layer could not be read: then its packages are missing and a diagnostic says why.
    #[serde(default = "yes")]
    pub complete: bool,
}

const fn yes() -> bool {
    true
}

/// How a package was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A package manager's database or installed metadata.
    File,
    /// A lock file.
    Lock,
    /// Data inside a program.
    Binary,
    /// A manifest that states wishes, not versions.
    Manifest,
    /// Another tool's SBOM.
    Sbom,
}

/// Something that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Package URL in canonical form.
    pub purl: String,
    /// Name as its ecosystem writes it.
    pub name: String,
    /// Full version, with epoch and release for OS packages.
    pub version: String,
    /// Architecture of OS packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// purl type: `deb`, `rpm`, `apk`, `pypi`, `npm`, …
    pub r#type: String,
    /// The source package that it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// Digest of the layer that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where it was seen.
    #[serde(default)]
    pub locations: Vec<Location>,
    /// How it was found.
    pub evidence: Evidence,
    /// purl of the OS package that brought the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Licences as declared.
    #[serde(default)]
    pub licenses: Vec<String>,
    /// Vendor or maintainer as declared; tells third-party packages apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Facts that matching needs and that only some types have (module label of rpm, symbols of Go programs).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

/// Property of a language package that lies in a folder which only the distribution's packages use; its value is the
/// folder. Set where the owner itself is not known (another tool's SBOM).
pub const DISTRIBUTION_FOLDER: &str = "distribution_folder";

impl Package {
    /// Whether an operating system package brought it: its owner is known, or its folder is the distribution's.
    pub fn is_from_distribution(&self) -> bool {
        self.owner.is_some() || self.properties.contains_key(DISTRIBUTION_FOLDER)
    }
}

/// A source package.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourcePackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// Where a package was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Path in the image, without a leading slash.
    pub path: String,
    /// Digest of the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Byte offset within the file, for data inside programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// What is wrong with an image, by the segments named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// The inventory judged.
    pub inventory_id: String,
    /// The segments used.
    #[serde(default)]
    pub manifest: Vec<SegmentRef>,
    /// Findings, worst first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What was and was not covered: one statement for the OS and one per package type.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// What to do, most effective first.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Findings that an exemption or a statement of the vendor took out.
    #[serde(default)]
    pub suppressed: Vec<SuppressedFinding>,
}

/// What `seawall scan --format json` prints. The types stand for themselves or for references to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanReport<I = Inventory, A = Assessment> {
    /// What was scanned, as it was given.
    pub reference: String,
    /// An image per platform.
    pub images: Vec<ScannedImage<I, A>>,
    /// Images that could not be opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<UnopenedImage>,
}

/// An image of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScannedImage<I = Inventory, A = Assessment> {
    /// What it contains.
    pub inventory: I,
    /// What is wrong with it.
    pub assessment: A,
    /// What reading it took.
    #[serde(default)]
    pub read: ReadCost,
}

/// What reading an image took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadCost {
    /// Layers of the image.
    pub layers: usize,
    /// Of these, layers that an earlier scan had read.
    pub layers_known: usize,
    /// Compressed bytes that were read.
    pub blob_bytes: u64,
    /// Plain bytes that they became.
    pub plain_bytes: u64,
    /// Bytes that went through temporary files, all gone again: where files that must be held as a whole exceed the memory
    /// for them.
    pub temporary_bytes: u64,
    /// From the start of the layers to the inventory, in milliseconds.
    pub elapsed_ms: u64,
}

/// An image that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnopenedImage {
    /// Digest of its manifest.
    pub digest: String,
    /// Its platform, where the index names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Why.
    pub error: String,
}

/// A segment of the advisory database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SegmentRef {
    /// Name, such as `osv-pypi` or `azurelinux-3.0`.
    pub name: String,
    /// Date of the source.
    pub date: Timestamp,
    /// SHA-256 of the segment, hex.
    pub hash: String,
}

/// State of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixStatus {
    /// A fixed version exists.
    Fixed,
    /// Affected, no fix yet.
    Affected,
    /// The vendor will not fix it.
    WillNotFix,
    /// The vendor postponed it.
    Deferred,
    /// The release is out of support.
    EndOfLife,
    /// The vendor still looks.
    UnderInvestigation,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Ambiguous evidence.
    Low,
    /// Derived through a mapping (an epoch assumed, a source guessed).
    Derived,
    /// Name and version compared exactly.
    Exact,
}

/// Whose layer a finding is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The image's own layers.
    Own,
    /// The base image.
    Base,
}

/// A vulnerability in a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// CVE id where there is one, else the advisory's.
    pub id: String,
    /// Other ids of the same thing.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// purl of the package.
    pub package: String,
    /// Installed version.
    pub installed: String,
    /// Fixed versions, one per branch; empty without a fix.
    #[serde(default)]
    pub fixed: Vec<String>,
    /// State of the fix.
    pub status: FixStatus,
    /// Severity and where it is from.
    pub severity: SeverityChoice,
    /// CVSS vectors or scores.
    #[serde(default)]
    pub cvss: Vec<Cvss>,
    /// Known exploited, by CISA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    /// Probability of exploitation within 30 days, by FIRST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// How sure.
    pub confidence: Confidence,
    /// The package is a header, documentation or debug package of a vulnerable source: never counted.
    #[serde(default)]
    pub inert: bool,
    /// Why it matched.
    pub because: Because,
    /// Layer of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Whose layer, when the base is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// One-line title of the advisory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The binary packages beneath a source package that the finding holds for, when more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binaries: Vec<String>,
}

/// The severity that counts, and all that were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeverityChoice {
    /// The one that counts.
    pub chosen: Severity,
    /// Its source: `vendor`, `ghsa`, `nvd`, `cna`, `none`.
    pub from: String,
    /// All, by source.
    #[serde(default)]
    pub all: BTreeMap<String, Severity>,
}

/// A CVSS score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cvss {
    /// Who scored.
    pub source: String,
    /// The vector.
    pub vector: String,
    /// Base score, 0.0 to 10.0; absent when the vector's version is not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kev {
    /// When it was added, `YYYY-MM-DD`.
    pub date_added: String,
    /// Used by ransomware.
    #[serde(default)]
    pub ransomware: bool,
}

/// An EPSS score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Epss {
    /// Probability, 0 to 1.
    pub score: f64,
    /// Percentile, 0 to 1.
    pub percentile: f64,
    /// Date of the score, `YYYY-MM-DD`.
    pub date: String,
}

/// Why a finding matched, so that a person can check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Because {
    /// The segment.
    pub segment: String,
    /// The record in it.
    pub record: String,
    /// The version order used: `dpkg`, `rpm`, `pep440`, …
    pub scheme: String,
    /// The comparison, such as `1.2.3 < 1.2.5 (fixed)`.
    pub rule: String,
}

/// What kind of thing one would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Upgrade a package.
    UpgradePackage,
    /// Rebuild on another base image.
    RebuildOnBase,
    /// Rebuild on the same base's newest version.
    RebuildSameBase,
    /// Update the node's image.
    UpdateNodeImage,
}

/// Something that one would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// To what, such as `openssl 3.0.17-1`.
    pub target: String,
    /// Ids of the findings that it addresses.
    pub closes: Vec<String>,
    /// Of how many findings.
    pub of_total: u64,
    /// An inventory of the target exists, so that "closes N" is a fact. Otherwise it is not printed.
    pub verified: bool,
}

/// A finding that was taken out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuppressedFinding {
    /// The finding.
    pub finding: Finding,
    /// By what.
    pub by: String,
}
