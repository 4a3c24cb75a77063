//! The analysers: which paths they ask for, how much of a file they read, and what they make of it.
//!
//! Each is a pure function of the file's bytes in a module of its own. [`Analyser::choose`] runs for every entry of every
//! layer: it looks at the path only.

mod dpkg;
mod fields;
mod os_release;
mod python;
mod rpm;

use model::Diagnostic;

use crate::path::{extension, file_name};
use crate::pathset::{PathHash, hash};
use crate::record::{Content, Manager};

/// How much of a file an analyser reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All of it; a file of more bytes is not analysed and says so.
    Whole(u64),
    /// Its first bytes: the rest can not matter.
    Start(u64),
}

/// One of the analysers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analyser {
    OsRelease,
    DpkgStatus,
    DpkgStatusPart,
    DpkgList,
    DpkgSums,
    RpmSqlite,
    PythonMetadata,
}

/// Files with one place in an image, for following symbolic links to them.
const KNOWN_FILES: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
];

/// Whether a symbolic link of this path can lead to a known file: it is one, or a folder above one.
pub fn is_way_to_known_file(path: &str) -> bool {
    KNOWN_FILES
        .iter()
        .any(|known| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl Analyser {
    /// The analyser that wants a file, by its path in normal form, its size in bytes and its permission bits.
    pub fn choose(path: &str, _size: u64, _mode: u32) -> Option<Self> {
        let name = file_name(path);
        match name {
            "os-release" if matches!(path, "etc/os-release" | "usr/lib/os-release") => return Some(Self::OsRelease),
            "status" if path == "var/lib/dpkg/status" => return Some(Self::DpkgStatus),
            "rpmdb.sqlite" if in_rpm_folder(path) => return Some(Self::RpmSqlite),
            "METADATA" | "PKG-INFO" => return python::wants(path).then_some(Self::PythonMetadata),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("var/lib/dpkg/") {
            return Self::choose_dpkg(rest);
        }
        name.ends_with(".egg-info").then_some(Self::PythonMetadata)
    }

    fn choose_dpkg(rest: &str) -> Option<Self> {
        let (folder, name) = rest.split_once('/')?;
        match folder {
            "info" if extension(name) == "list" => Some(Self::DpkgList),
            "status.d" if extension(name) == "md5sums" => Some(Self::DpkgSums),
            // Distroless images keep one paragraph a file; other extensions belong to maintainer scripts.
            "status.d" if !name.contains('/') => Some(Self::DpkgStatusPart),
            _ => None,
        }
    }

    /// How much it reads.
    pub const fn take(self) -> Take {
        match self {
            Self::OsRelease => Take::Whole(64 << 10),
            // The full Debian archive installed would be 60 MB of status.
            Self::DpkgStatus => Take::Whole(64 << 20),
            Self::DpkgStatusPart => Take::Whole(1 << 20),
            // linux-headers and texlive list about 100,000 files.
            Self::DpkgList | Self::DpkgSums => Take::Whole(32 << 20),
            Self::RpmSqlite => Take::Whole(256 << 20),
            // Name and version come first, the description last.
            Self::PythonMetadata => Take::Start(64 << 10),
        }
    }

    /// What it finds in a file.
    pub fn run(self, path: &str, bytes: &[u8]) -> (Option<Content>, Vec<Diagnostic>) {
        match self {
            Self::OsRelease => (os_release::parse(bytes).map(Content::Os), Vec::new()),
            Self::DpkgStatus | Self::DpkgStatusPart => {
                let (found, diagnostics) = dpkg::status(path, bytes);
                (Some(Content::Database(Manager::Dpkg, found)), diagnostics)
            }
            Self::DpkgList => (Some(Content::Owned(dpkg::list(path, bytes))), Vec::new()),
            Self::DpkgSums => (Some(Content::Owned(dpkg::sums(path, bytes))), Vec::new()),
            Self::RpmSqlite => {
                let (found, diagnostics) = rpm::sqlite(path, bytes);
                (Some(Content::Database(Manager::Rpm, found)), diagnostics)
            }
            Self::PythonMetadata => {
                let (found, diagnostics) = python::metadata(path, bytes);
                (found.map(|found| Content::Packages(vec![found])), diagnostics)
            }
        }
    }
}

/// The folders where rpm keeps its database; the second is that of SUSE, Fedora and image-based systems.
fn in_rpm_folder(path: &str) -> bool {
    let folder = crate::path::parent(path);
    matches!(folder, "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm")
}

/// Purpose of the hashes of owned files.
const OWNED: u8 = b'p';
/// Folders that merged-/usr systems keep under `usr`, while package lists may still name them at the root.
const MERGED: [&str; 6] = ["bin/", "lib/", "lib32/", "lib64/", "libx32/", "sbin/"];

/// The hash under which a package owns a file. The path has no leading slash.
pub fn owned(path: &str) -> PathHash {
    if MERGED.iter().any(|folder| path.starts_with(folder)) {
        hash(OWNED, &format!("usr/{path}"))
    } else {
        hash(OWNED, path)
    }
}

/// Whether a file that an OS package owns can be a package of its own, by its path: only those are kept as owned.
pub fn can_be_package(path: &str) -> bool {
    let name = file_name(path);
    // Programs and versioned libraries have no extension that says otherwise.
    let program = !name.contains('.') || name.contains(".so") || matches!(extension(name), "exe" | "dll");
    let place = ["usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/zoneinfo/", "usr/share/lintian/"];
    (program && !place.iter().any(|place| path.starts_with(place))) || Analyser::choose(path, 1, 0).is_some()
}
