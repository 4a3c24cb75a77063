//! Where things are.

use std::path::{Path, PathBuf};

/// The root of the repository: this crate's parent.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}

/// Where cargo puts its output. Outside the clone in CI, so that the next clone finds the dependencies built.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program of ours, as the `dev` profile builds it.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Files that are kept between runs and clones: a Node where Debian's is too old, npm's cache.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| ".".into())).join(".cache");
    base.unwrap_or_else(home).join("seawall")
}

/// Images of the end-to-end laboratory: minutes of debootstrap that the next clone need not repeat.
pub fn lab() -> PathBuf {
    std::env::var_os("SEAWALL_LAB").map_or_else(|| cache().join("lab"), PathBuf::from)
}

/// Output that a person looks at: screenshots, logs of end-to-end runs. Not committed.
pub fn out() -> PathBuf {
    root().join("out")
}
