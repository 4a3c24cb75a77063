//! Cases of `scan`: inputs and what must come of them.

use std::io;

use super::*;
use crate::room::tests::Small;
use crate::testing::{Archive, deb};

const STATUS: &str = "var/lib/dpkg/status";

fn check_error(options: &Options, archive: Archive, expected: &str) {
    let error = LayerScanner::new(options).scan(archive.finish().as_slice()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_cap_is_met() {
    let two = Archive::default().file(STATUS, deb("a", "1") + &deb("b", "1"));
    let options = Options { max_packages: 1, ..Options::default() };
    check_error(&options, two.clone(), "the layer has more than 1 packages");
    let options = Options { max_analysed_bytes: 20, ..Options::default() };
    check_error(&options, two, "the layer has more than 20 bytes to analyse");
}

/// An archive of empty files without end, made while it is read.
struct Endless {
    header: [u8; 512],
    used: usize,
    files: u64,
}

impl Endless {
    fn new() -> Self {
        let mut header = [0; 512];
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(b"00000000000");
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        Self { header, used: 512, files: 0 }
    }

    fn next(&mut self) {
        let name = format!("d{:06}/f{:03}", self.files / 1000, self.files % 1000);
        self.header[..name.len()].copy_from_slice(name.as_bytes());
        self.header[148..156].fill(b' ');
        let sum: u32 = self.header.iter().map(|byte| u32::from(*byte)).sum();
        self.header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        (self.used, self.files) = (0, self.files + 1);
    }
}

impl io::Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == 512 {
            self.next();
        }
        let count = out.len().min(512 - self.used);
        out[..count].copy_from_slice(&self.header[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

#[test]
fn an_archive_without_end_ends_at_the_cap() {
    let options = Options { max_entries: 100_000, ..Options::default() };
    let error = LayerScanner::new(&options).scan(Endless::new()).unwrap_err();
    assert_eq!(error.to_string(), "the archive has more than 100000 entries (at byte 51200000)");
}

#[test]
fn a_file_too_large_for_its_analyser_is_a_diagnostic() {
    let options = Options { max_file_bytes: 10, ..Options::default() };
    let archive = Archive::default().file(STATUS, deb("a", "1")).finish();
    let record = LayerScanner::new(&options).scan(archive.as_slice()).unwrap();
    assert!(record.files.is_empty());
    assert_eq!(record.diagnostics[0].code, "file/too-large");
    assert_eq!(record.diagnostics[0].span.source, STATUS);
}

#[test]
fn a_text_waits_for_memory_and_gives_it_back() {
    let text = deb("a", "1") + &"\n".repeat(1 << 20);
    for (memory, packages, code) in [(2 << 20, 1, None), (1 << 20, 0, Some("file/too-large"))] {
        let room = Small::of(memory);
        let options = Options { room: Some(room.clone()), ..Options::default() };
        let record = Archive::default().file(STATUS, &text).record_with(&options);
        assert_eq!(record.files.len(), packages);
        assert_eq!(record.diagnostics.first().map(|note| note.code.as_str()), code);
        assert_eq!((*room.left.lock().unwrap(), *room.files.lock().unwrap()), (memory, 0));
    }
}

#[test]
fn diagnostics_do_not_grow_without_end() {
    let broken = "Package: x\n\n".repeat(MAX_DIAGNOSTICS + 7);
    let record = Archive::default().file(STATUS, broken).record();
    assert_eq!(record.diagnostics.len(), MAX_DIAGNOSTICS + 1);
    assert!(record.diagnostics[MAX_DIAGNOSTICS].message.starts_with("7 more"));
}

/// Fails the test when it is read.
struct Untouched;

impl io::Read for Untouched {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("nobody asked for this file")
    }
}

#[test]
fn only_files_that_an_analyser_wants_are_read() {
    let mut tree = LayerScanner::default().tree();
    assert!(tree.wants("/var/lib/dpkg/status", 10, 0o644));
    assert!(!tree.wants("etc/passwd", 10, 0o644));
    tree.file("etc/passwd", 10, 0o644, Untouched).unwrap();
    let status = deb("a", "1");
    tree.file("/var/lib/dpkg/status", status.len() as u64, 0o644, status.as_bytes()).unwrap();
    tree.unreadable("etc/shadow", "permission denied");
    let record = tree.finish();
    assert_eq!(record.files[0].path, STATUS);
    assert_eq!(record.diagnostics[0].message, "not read: permission denied");
}

#[test]
fn a_tree_and_an_archive_of_the_same_files_give_the_same_record() {
    let archive = Archive::default().folder("etc").file(STATUS, deb("a", "1")).symlink("lib", "usr/lib").record();
    let mut tree = LayerScanner::default().tree();
    tree.directory("etc").unwrap();
    tree.file(STATUS, 70, 0o644, deb("a", "1").as_bytes()).unwrap();
    tree.symlink("lib", "usr/lib").unwrap();
    assert_eq!(tree.finish(), archive);
}

#[test]
fn trees_have_the_same_caps_as_archives() {
    let options = Options { max_entries: 1, max_path_bytes: 5, ..Options::default() };
    let mut tree = LayerScanner::new(&options).tree();
    assert_eq!(tree.directory("longer").unwrap_err().to_string(), "the layer has more than 5 bytes of a path");
    assert_eq!(tree.removed("a").unwrap_err().to_string(), "the layer has more than 1 entries");
}

#[test]
fn deep_paths_count_as_their_folders() {
    let options = Options { max_entries: 4, ..Options::default() };
    let mut tree = LayerScanner::new(&options).tree();
    tree.other("a/b/c/d/e/f").unwrap();
    tree.other("a/b/c/d/e/g").unwrap();
    let error = tree.other("a/b/h/i/x").unwrap_err();
    assert_eq!(error.to_string(), "the layer has more than 8 entries and folders");
}
