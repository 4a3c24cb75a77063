//! Rust: dependency lists in programs (`cargo auditable`) and `Cargo.lock`.
//!
//! Formats: cargo-auditable's `PARSING.md` (a zlib stream of JSON in the section `.dep-v0`); the Cargo book, "Cargo.toml
//! vs Cargo.lock". The list is found by its own first bytes, not by the section table at the program's end.

use std::io::Read;

use limits::json::{self, JsonLimits};
use model::Evidence;

use super::pieces::{Capture, View};
use super::{Analyser, Packages, Take, toml};
use crate::record::Found;

/// Lock files of large workspaces reach about 500 KB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(16 << 20), lock);
/// Compressed bytes of a list: the largest known (1,500 crates) has about 60 KB.
const MAX_PACKED: usize = 4 << 20;
/// Plain bytes of a list, as cargo-auditable's own reader allows.
const MAX_PLAIN: u64 = 8 << 20;
/// What every list begins with.
const START: &[u8] = b"{\"packages\":[";
/// Bytes that a trial decompresses: enough for the code tables of a deflate block and the first plain bytes.
const TRIAL: usize = super::pieces::OVERLAP;
/// Lists of one program. There is one; a hostile file may show others.
const MAX_LISTS: usize = 4;

/// Looks for a dependency list.
#[derive(Debug, Default)]
pub struct Search {
    lists: Vec<Capture>,
    next: u64,
}

impl Search {
    pub fn look(&mut self, view: &View<'_>) {
        self.lists.iter_mut().for_each(|list| list.feed(view));
        let skip = usize::try_from(self.next.saturating_sub(view.start)).unwrap_or(usize::MAX);
        let Some(bytes) = view.bytes.get(skip..) else { return };
        let base = view.start + skip as u64;
        let end = if view.last { bytes.len() } else { bytes.len().saturating_sub(TRIAL) };
        for at in memchr::memchr_iter(0x78, &bytes[..end]) {
            if self.lists.len() < MAX_LISTS && is_list(&bytes[at..bytes.len().min(at + TRIAL)]) {
                let mut list = Capture::new(base + at as u64, MAX_PACKED);
                list.feed(view);
                self.lists.push(list);
            }
        }
        self.next = base + end as u64;
    }

    pub fn finish(self) -> Vec<Found> {
        self.lists.iter().find_map(|list| packages(list.at(), list.bytes())).unwrap_or_default()
    }
}

/// Whether bytes are a zlib stream that begins as a list does. Cheap for nearly all: RFC 1950 §2.2 makes the first two
/// bytes a multiple of 31, RFC 1951 §3.2.3 gives blocks of compressed data three type bits.
fn is_list(bytes: &[u8]) -> bool {
    let (Some(second), Some(third)) = (bytes.get(1), bytes.get(2)) else { return false };
    let header = (0x78_u16 << 8) | u16::from(*second);
    if !header.is_multiple_of(31) || second & 0x20 != 0 || matches!(third >> 1 & 3, 0 | 3) {
        return false;
    }
    let mut start = [0; START.len()];
    limits::zlib::reader(bytes, START.len() as u64, "a dependency list").read_exact(&mut start).is_ok()
        && start == *START
}

/// The crates of a list that are linked into the program: those that only the build used are not.
fn packages(offset: u64, packed: &[u8]) -> Option<Vec<Found>> {
    let plain = limits::read_capped(limits::zlib::reader(packed, MAX_PLAIN, "list"), MAX_PLAIN, "list").ok()?;
    let value = json::parse(&plain, &JsonLimits::DOCUMENT).ok()?;
    let packages = value["packages"].as_array()?.iter();
    let found = packages.filter(|package| package["kind"] != "build").filter_map(|package| {
        let mut found = Found::new("cargo", package["name"].as_str()?, package["version"].as_str()?, Evidence::Binary);
        found.offset = Some(offset);
        set_source(&mut found, package["source"].as_str());
        if package["root"] == true {
            found.properties.insert("main".into(), "true".into());
        }
        Some(found)
    });
    Some(found.collect())
}

/// Crates that are not from the registry are kept apart: an advisory is about the registry's crate of that name.
fn set_source(found: &mut Found, source: Option<&str>) {
    if let Some(source) = source.filter(|source| matches!(*source, "local" | "git")) {
        found.properties.insert("source".into(), source.to_owned());
    }
}

fn lock(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = toml::packages(&text).into_iter().map(|table| {
        let mut found = Found::new("cargo", table.name, table.version, Evidence::Lock);
        let source = table.source.trim_matches('"');
        set_source(&mut found, if source.is_empty() { Some("local") } else { source.split('+').next() });
        found
    });
    (found.collect(), Vec::new())
}

/// The value of a list for tests of this and of the reader of programs.
#[cfg(test)]
pub fn list(packages: &serde_json::Value) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    write!(encoder, "{{\"packages\":{packages}}}").unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_leave_out_what_only_the_build_used() {
        let list = list(&serde_json::json!([
            {"name": "app", "version": "0.1.0", "source": "local", "root": true},
            {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
            {"name": "memchr", "version": "2.5.0", "source": "crates.io"}]));
        assert!(is_list(&list));
        let found = packages(7, &list).unwrap();
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["app", "memchr"]);
        assert_eq!((found[0].properties["main"].as_str(), found[0].offset), ("true", Some(7)));
        assert!(packages(0, &list[..list.len() - 9]).is_none());
    }

    #[test]
    fn other_bytes_are_no_list() {
        for bytes in [&b"x"[..], b"x\x9c", b"x\x9c\x03\x00", b"xxxxxxxxxxxxxxxxxxxxxx"] {
            assert!(!is_list(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn lock_files_tell_where_a_crate_is_from() {
        let text = "version = 3\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n[[package]]\nname = \"g\"\nversion = \"2.0.0\"\nsource = \"git+https://x#abc\"\n";
        let (found, _) = lock("Cargo.lock", text.as_bytes());
        let found: Vec<_> =
            found.iter().map(|f| (f.name.as_str(), f.properties.get("source").map(String::as_str))).collect();
        assert_eq!(found, [("app", Some("local")), ("a", None), ("g", Some("git"))]);
    }
}
