//! Which analyser wants which path. Runs for every entry of every layer: a few comparisons, no allocation.

use super::{Analyser, apk, binary, dotnet, dpkg, facts, java, node, os_release, php, python, rpm, ruby, rust, spdx};
use crate::path::{extension, file_name, parent};

/// Files with one place in an image, for following symbolic links to them.
const KNOWN_FILES: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
];

/// Whether a symbolic link of this path can lead to a known file: it is one, or a folder above one.
pub fn is_way_to_known_file(path: &str) -> bool {
    KNOWN_FILES
        .iter()
        .any(|known| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The analyser that wants a file, by its path in normal form, its size in bytes and its permission bits.
pub fn choose(path: &str, size: u64, mode: u32) -> Option<&'static Analyser> {
    let name = file_name(path);
    by_name(path, name).or_else(|| by_folder(path, name)).or_else(|| by_extension(path, name)).or_else(|| {
        // Everything else that can be a program.
        binary::wants(name, size, mode).then_some(&binary::ANALYSER)
    })
}

fn by_name(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match name {
        "package.json" => &node::MANIFEST,
        "package-lock.json" | "npm-shrinkwrap.json" => &node::LOCK,
        "yarn.lock" => &node::YARN,
        "pnpm-lock.yaml" => &node::PNPM,
        "METADATA" | "PKG-INFO" => return python::is_installed(path).then_some(&python::METADATA),
        "requirements.txt" => &python::REQUIREMENTS,
        "poetry.lock" | "uv.lock" | "pylock.toml" | "pdm.lock" => &python::TOML_LOCK,
        "Pipfile.lock" => &python::PIPFILE_LOCK,
        "Cargo.lock" => &rust::LOCK,
        "Gemfile.lock" | "gems.locked" => &ruby::LOCK,
        "composer.lock" => &php::LOCK,
        "installed.json" if path.ends_with("composer/installed.json") => &php::INSTALLED,
        "packages.lock.json" => &dotnet::LOCK,
        "packages.config" => &dotnet::CONFIG,
        "release" => &facts::JAVA_RELEASE,
        "VERSION" if path.ends_with("go/VERSION") => &facts::GO_VERSION,
        "os-release" if matches!(path, "etc/os-release" | "usr/lib/os-release") => &os_release::ANALYSER,
        "status" if path == "var/lib/dpkg/status" => &dpkg::STATUS,
        "installed" if matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed") => &apk::INSTALLED,
        "repositories" if path == "etc/apk/repositories" => &facts::APK_REPOSITORIES,
        _ => return None,
    })
}

fn by_folder(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match parent(path) {
        "var/lib/dpkg/info" if extension(name) == "list" => &dpkg::LIST,
        "var/lib/dpkg/status.d" if extension(name) == "md5sums" => &dpkg::SUMS,
        // Distroless images keep one paragraph a file.
        "var/lib/dpkg/status.d" => &dpkg::STATUS_PART,
        // The second is that of SUSE, Fedora and image-based systems.
        "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm" => return rpm::by_name(name),
        "var/lib/rpmmanifest" if name == "container-manifest-2" => &rpm::MANIFEST,
        "root/buildinfo/content_manifests" | "usr/share/buildinfo" if extension(name) == "json" => &facts::CONTENT_SETS,
        "etc" => match name {
            "debian_version" | "alpine-release" | "redhat-release" | "centos-release" => &os_release::OTHER,
            _ => return None,
        },
        _ => return None,
    })
}

fn by_extension(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match extension(name) {
        "jar" | "war" | "ear" | "par" | "sar" | "nar" | "hpi" | "jpi" | "lpkg" => &java::ARCHIVE,
        "egg-info" => &python::METADATA,
        "gemspec" if ruby::is_installed(path) => &ruby::GEMSPEC,
        "json" if name.ends_with(".deps.json") => &dotnet::DEPS,
        "spdx" if path.starts_with("opt/bitnami/") => &spdx::BITNAMI,
        _ => return None,
    })
}
