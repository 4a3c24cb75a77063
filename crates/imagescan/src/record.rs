//! What one layer says: the value that is cached by the layer's verified digest.
//!
//! A record does not know which layers lie below it. It keeps what its files contain, already analysed, and hashes of
//! all its paths, so that [`crate::merge`] can tell which files of lower layers it covers.

use std::collections::BTreeMap;

use model::{Diagnostic, Evidence, Level, SourcePackage};
use serde::{Deserialize, Serialize};

use crate::{ANALYSERS_VERSION, PathSet};

/// The analysed content of one layer. Compact; its serialised form belongs to one [`ANALYSERS_VERSION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The [`ANALYSERS_VERSION`] that wrote it; a record of another version must not be used.
    pub version: String,
    /// Hashes of what the layer does to lower layers: files, removals, opaque directories.
    #[serde(default, skip_serializing_if = "PathSet::is_empty")]
    pub covers: PathSet,
    /// Files that an analyser found something in, in the archive's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRecord>,
    /// Links that lead to or from files of interest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// Entries of the archive.
    pub entries: u64,
    /// False when the layer could not be read to its end.
    pub complete: bool,
}

impl LayerRecord {
    /// A record for a layer that could not be read: the inventory will have its layer marked incomplete and the
    /// diagnostic `layer/unreadable`.
    ///
    /// `layer` is what people know it by (its digest), `reason` why it could not be read.
    pub fn unreadable(layer: &str, reason: &str) -> Self {
        let diagnostic = Diagnostic::new("layer/unreadable", Level::Error, layer, format!("layer not read: {reason}"))
            .with_fix("packages of this layer are missing from the result; fetch the image again");
        Self { diagnostics: vec![diagnostic], complete: false, ..Self::empty() }
    }

    /// Whether this program can use it; a cache drops what it can not.
    pub fn is_current(&self) -> bool {
        self.version == ANALYSERS_VERSION
    }

    pub(crate) fn empty() -> Self {
        Self {
            version: ANALYSERS_VERSION.to_owned(),
            covers: PathSet::default(),
            files: Vec::new(),
            links: Vec::new(),
            diagnostics: Vec::new(),
            entries: 0,
            complete: true,
        }
    }
}

/// A file and what was found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path without a leading slash.
    pub path: String,
    /// What it contains.
    pub content: Content,
}

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The operating system's description of itself.
    Os(OsRelease),
    /// A package manager's database: all that is installed at this layer, not only what it adds.
    Database(Manager, Vec<Found>),
    /// The files of one OS package, where the manager keeps them apart from its database.
    Owned(OwnedBy),
    /// Packages that the file itself is or describes.
    Packages(Vec<Found>),
    /// What a project asks for, before its references to other files are resolved.
    Project(Project),
    /// Statements about the distribution that matching needs, by name (`content_sets`, `apk_branch`, …).
    Facts(BTreeMap<String, String>),
}

/// An `os-release` file: the fields that tell distributions apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`.
    pub id: String,
    /// `VERSION_ID`; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `VERSION_CODENAME`; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub codename: String,
    /// `PRETTY_NAME`, else `NAME`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `SUPPORT_END`: the last day of support as the vendor said it then; empty when it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub support_end: String,
}

/// Package managers of operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// Debian, Ubuntu.
    Dpkg,
    /// Red Hat, SUSE, Azure Linux, …
    Rpm,
    /// Alpine, Wolfi, Chainguard.
    Apk,
}

/// The files that belong to an OS package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedBy {
    /// Name of the package, with `:architecture` where the manager writes it.
    pub package: String,
    /// Its files, those that could be packages of their own.
    pub files: PathSet,
}

/// A package as one file tells of it. It becomes a [`model::Package`] when the operating system is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// purl type: `deb`, `rpm`, `pypi`, …
    pub r#type: String,
    /// Name as its ecosystem writes it: `@scope/name`, `group:artifact`, `vendor/name`.
    pub name: String,
    /// Version; for OS packages with epoch and release.
    pub version: String,
    /// Architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Source package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// Licences as declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// Vendor or maintainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// How it was found.
    pub evidence: Evidence,
    /// Where in the file, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Path within the file, for archives in archives.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inner: String,
    /// Facts that matching needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Files that belong to it and could be packages of their own; filled by managers whose database lists them.
    #[serde(default, skip_serializing_if = "PathSet::is_empty")]
    pub owns: PathSet,
}

impl Found {
    pub(crate) fn new(r#type: &str, name: impl Into<String>, version: impl Into<String>, evidence: Evidence) -> Self {
        Self {
            r#type: r#type.to_owned(),
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            licenses: Vec::new(),
            vendor: None,
            evidence,
            offset: None,
            inner: String::new(),
            properties: BTreeMap::new(),
            owns: PathSet::default(),
        }
    }
}

/// A project's own file, in its own words: names and versions may have references to properties in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// purl type of what it is and asks for.
    pub r#type: String,
    /// Its name; empty where the file does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its version; empty where the file does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What it inherits from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProjectParent>,
    /// Properties by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Versions by the names of what it does not ask for itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub managed: BTreeMap<String, String>,
    /// Names of projects whose `managed` it takes over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<String>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<Wanted>,
}

/// The project that another inherits from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectParent {
    /// Its name.
    pub name: String,
    /// Its place seen from the folder of the project: a file or its folder. Empty when it is not on disk.
    pub path: String,
}

/// A package that a project asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its version; empty where another file tells it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What for, in the tool's words; empty for the usual.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Path of the link.
    pub path: String,
    /// Path that it leads to, in normal form.
    pub target: String,
    /// Hard rather than symbolic.
    #[serde(default)]
    pub hard: bool,
}
