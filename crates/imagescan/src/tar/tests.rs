//! Cases of `tar`: inputs and what must come of them.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::testing::{Archive, header, seal};

/// All entries as `kind path size link content`.
fn list(archive: &[u8], options: &Options) -> Result<Vec<String>, TarError> {
    let mut walker = Walker::new(archive, options);
    let mut out = Vec::new();
    while let Some(entry) = walker.next_entry()? {
        let content = limits::read_capped(walker.content(), 1 << 20, "content").map_err(|error| match error {
            limits::ReadError::Io { source, .. } => TarError::Read { offset: 0, source },
            other => panic!("{other}"),
        })?;
        let content = String::from_utf8_lossy(&content).replace('\0', "0");
        let Entry { path, kind, size, link, .. } = entry;
        out.push(format!("{kind:?} {path} {size} {link} {content}"));
    }
    Ok(out)
}

fn check(archive: Archive, expected: &[&str]) {
    assert_eq!(list(&archive.finish(), &Options::default()).unwrap(), expected);
}

fn check_error(archive: &[u8], options: &Options, expected: &str) {
    assert_eq!(list(archive, options).unwrap_err().to_string(), expected);
}

#[test]
fn plain_entries() {
    check(
        Archive::default()
            .folder("./a/")
            .file("./a/b", "hello")
            .symlink("a/c", "b")
            .hard_link("a/d", "a/b")
            .file("e", ""),
        &["Directory a 0  ", "File a/b 5  hello", "Symlink a/c 0 b ", "HardLink a/d 0 a/b ", "File e 0  "],
    );
}

#[test]
fn an_archive_without_end_marks_or_without_anything_is_read() {
    assert_eq!(list(&Archive::default().file("a", "1").0, &Options::default()).unwrap(), ["File a 1  1"]);
    assert!(list(b"", &Options::default()).unwrap().is_empty());
}

#[test]
fn long_names() {
    let long = "d/".repeat(150) + "file";
    check(
        Archive::default().entry("././@LongLink", b'L', format!("{long}\0").as_bytes(), "").file("short", "x"),
        &[&format!("File {long} 1  x")],
    );
    check(
        Archive::default().entry("././@LongLink", b'K', format!("{long}\0").as_bytes(), "").symlink("l", "short"),
        &[&format!("Symlink l 0 {long} ")],
    );
    check(Archive::default().pax(&[("path", &long)]).file("short", "x"), &[&format!("File {long} 1  x")]);
    let mut block = header("file", b'0', 1, "");
    block[345..350].copy_from_slice(b"far/a");
    seal(&mut block);
    check(Archive::default().raw(&block, b"x"), &["File far/a/file 1  x"]);
}

#[test]
fn pax_size_and_link_win_over_the_header() {
    check(Archive::default().pax(&[("size", "3")]).raw(&header("a", b'0', 0, ""), b"abc"), &["File a 3  abc"]);
    check(Archive::default().pax(&[("linkpath", "there")]).symlink("a", "here"), &["Symlink a 0 there "]);
}

#[test]
fn global_headers_change_no_entry() {
    let record = crate::testing::pax_record("path", "evil");
    check(Archive::default().entry("g", b'g', record.as_bytes(), "").file("a", "x"), &["File a 1  x"]);
}

#[test]
fn checksums_of_signed_bytes() {
    let mut block = header("é", b'0', 1, "");
    seal(&mut block);
    check(Archive::default().raw(&block, b"x"), &["File é 1  x"]);
    let sum = u32::from_str_radix(std::str::from_utf8(&block[148..154]).unwrap(), 8).unwrap();
    block[148..154].copy_from_slice(format!("{:06o}", sum - 2 * 256).as_bytes());
    check(Archive::default().raw(&block, b"x"), &["File é 1  x"]);
    block[148..154].copy_from_slice(format!("{:06o}", sum - 256).as_bytes());
    check_error(&block, &Options::default(), "damaged archive header at byte 0: its checksum is wrong");
}

#[test]
fn numbers_in_base_256() {
    let mut block = header("a", b'0', 0, "");
    block[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    seal(&mut block);
    check(Archive::default().raw(&block, b"abc"), &["File a 3  abc"]);
    block[124..136].copy_from_slice(&[0xff; 12]);
    seal(&mut block);
    check_error(&block, &Options::default(), "damaged archive header at byte 0: its size is no number");
    block[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    seal(&mut block);
    check_error(
        &block,
        &Options::default(),
        "damaged archive header at byte 0: its size is beyond what a file can have",
    );
}

#[test]
fn links_and_devices_have_no_content_whatever_they_say() {
    for flag in [b'1', b'2', b'3', b'4', b'5', b'6'] {
        let archive = Archive::default().raw(&header("a", flag, 700, ""), b"").file("b", "x");
        assert_eq!(list(&archive.finish(), &Options::default()).unwrap()[1], "File b 1  x");
    }
}

#[test]
fn unknown_types_are_passed_over_with_their_content() {
    check(Archive::default().entry("v", b'V', b"volume", "").file("b", "x"), &["Other v 6  volume", "File b 1  x"]);
}

fn sparse_header(extents: &[(u64, u64)], real: u64, more: bool) -> [u8; 512] {
    let stored = extents.iter().map(|(_, length)| length).sum();
    let mut block = header("s", b'S', stored, "");
    block[257..265].copy_from_slice(b"ustar  \0");
    for (index, (start, length)) in extents.iter().enumerate() {
        let text = format!("{start:011o}\0{length:011o}\0");
        block[386 + index * 24..410 + index * 24].copy_from_slice(text.as_bytes());
    }
    block[482] = u8::from(more);
    block[483..495].copy_from_slice(format!("{real:011o}\0").as_bytes());
    seal(&mut block);
    block
}

#[test]
fn sparse_files_get_their_holes_back() {
    let block = sparse_header(&[(2, 2), (6, 1)], 8, false);
    check(Archive::default().raw(&block, b"abc").file("b", "x"), &["File s 8  00ab00c0", "File b 1  x"]);
    check(
        Archive::default()
            .pax(&[("GNU.sparse.size", "8"), ("GNU.sparse.name", "real"), ("GNU.sparse.map", "2,2,6,1")])
            .file("tmp", "abc"),
        &["File real 8  00ab00c0"],
    );
    let map = format!("{:\0<512}abc", "2\n2\n2\n6\n1\n");
    check(
        Archive::default()
            .pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.name", "real"), ("GNU.sparse.realsize", "8")])
            .file("tmp", map)
            .file("b", "x"),
        &["File real 8  00ab00c0", "File b 1  x"],
    );
}

#[test]
fn sparse_maps_that_lie_are_refused() {
    let wrong = "damaged archive header at byte 0: its sparse map is wrong";
    for extents in [&[(6, 2), (2, 1)][..], &[(2, 9)], &[(0, 4), (2, 4)]] {
        let archive = Archive::default().raw(&sparse_header(extents, 8, false), b"abcabcabc").finish();
        check_error(&archive, &Options::default(), wrong);
    }
    check_error(&sparse_header(&[], 8, true), &Options::default(), "the archive ends at byte 512, within a sparse map");
}

#[test]
fn what_is_cut_off_says_where() {
    let whole = Archive::default().file("a", [7; 600]).0;
    check_error(&whole[..100], &Options::default(), "the archive ends at byte 100, within a header");
    let mut walker = Walker::new(&whole[..700], &Options::default());
    walker.next_entry().unwrap();
    assert_eq!(
        walker.next_entry().unwrap_err().to_string(),
        "the archive ends at byte 700, within the content of a file"
    );
    let mut walker = Walker::new(&whole[..700], &Options::default());
    walker.next_entry().unwrap();
    assert!(limits::read_capped(walker.content(), 1000, "x").is_err(), "a cut-off file does not look whole");
}

#[test]
fn damaged_headers_say_what() {
    let mut block = header("a", b'0', 0, "");
    block[0] = b'b';
    check_error(&block, &Options::default(), "damaged archive header at byte 0: its checksum is wrong");
    let hidden = [Archive::default().file("a", "").0, vec![0; 512], Archive::default().file("b", "").finish()].concat();
    check_error(
        &hidden,
        &Options::default(),
        "damaged archive header at byte 512: a block of zeros within the archive",
    );
}

#[test]
fn every_cap_is_met() {
    let small = Options { max_entries: 2, max_path_bytes: 10, max_pax_bytes: 30, ..Options::default() };
    let three = Archive::default().file("a", "").file("b", "").file("c", "").finish();
    check_error(&three, &small, "the archive has more than 2 entries (at byte 1024)");
    let path = Archive::default().file("eleven-chars", "").finish();
    check_error(&path, &small, "the archive has more than 10 bytes of a path (at byte 0)");
    let pax = Archive::default().pax(&[("comment", &"x".repeat(30))]).finish();
    check_error(&pax, &small, "the archive has more than 30 bytes of extended header (at byte 0)");
    let extents = "1,0,".repeat(sparse::MAX_EXTENTS) + "1,0";
    let sparse = Archive::default().pax(&[("GNU.sparse.map", &extents)]).file("a", "").finish();
    check_error(&sparse, &Options::default(), "the archive has more than 65536 extents of a sparse file (at byte 0)");
}

/// A reader that fails after some bytes, as a download or a digest check does.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::Error::other("connection reset")) } else { self.0.read(buffer) }
    }
}

#[test]
fn errors_of_the_stream_come_through_even_behind_the_end() {
    let archive = Archive::default().file("a", "x").finish();
    let mut walker = Walker::new(Failing(&archive), &Options::default());
    walker.next_entry().unwrap();
    let error = walker.next_entry().unwrap_err();
    assert!(matches!(&error, TarError::Read { source, .. } if source.to_string() == "connection reset"), "{error}");
}

proptest! {
    #[test]
    fn mutations_never_panic(changes in prop::collection::vec((0_usize..4096, any::<u8>()), 0..8), cut in 0_usize..6000) {
        let mut archive = Archive::default()
            .pax(&[("path", "long/name"), ("size", "5"), ("GNU.sparse.map", "1,2"), ("GNU.sparse.size", "9")])
            .file("a", "hello")
            .raw(&sparse_header(&[(2, 2), (6, 1)], 8, false), b"abc")
            .file("b", [1; 700])
            .finish();
        for (at, value) in changes {
            let length = archive.len();
            archive[at % length] = value;
        }
        archive.truncate(cut);
        // Checksums in front of mutated headers are made right in half of the runs, so that the fields are reached.
        if cut % 2 == 0 {
            for block in archive.as_chunks_mut::<512>().0 {
                if block[257..262] == *b"ustar" {
                    seal(block);
                }
            }
        }
        drop(list(&archive, &Options { max_entries: 100, ..Options::default() }));
    }
}
