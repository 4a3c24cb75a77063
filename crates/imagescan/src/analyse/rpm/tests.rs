//! Cases of `rpm`: inputs and what must come of them.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;
use crate::room::tests::Small;
use crate::testing::{Archive, held};

fn sqlite(path: &str, bytes: &[u8]) -> Packages {
    super::sqlite(path, held(bytes))
}

fn ndb(path: &str, bytes: &[u8]) -> Packages {
    super::ndb(path, held(bytes))
}

fn bdb(path: &str, bytes: &[u8]) -> Packages {
    super::bdb(path, held(bytes))
}

/// Values of a header for tests.
enum Put<'a> {
    Text(u32, &'a str),
    Texts(u32, &'a [&'a str]),
    Numbers(u32, &'a [u32]),
}

/// A header blob as rpm writes it: index, then store.
fn blob(values: &[Put<'_>]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for value in values {
        let (tag, kind, count, bytes) = match value {
            Put::Text(tag, text) => (*tag, 6_u32, 1, [text.as_bytes(), b"\0"].concat()),
            Put::Texts(tag, texts) => (*tag, 8, texts.len(), texts.join("\0").into_bytes()),
            Put::Numbers(tag, numbers) => {
                store.resize(store.len().next_multiple_of(4), 0);
                (*tag, 4, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect())
            }
        };
        let (offset, count) = (u32::try_from(store.len()).unwrap(), u32::try_from(count).unwrap());
        index.extend([tag, kind, offset, count].iter().flat_map(|number| number.to_be_bytes()));
        store.extend(bytes);
        store.push(0);
    }
    let frame = [values.len(), store.len()].map(|number| u32::try_from(number).unwrap().to_be_bytes());
    [frame.concat(), index, store].concat()
}

fn bash() -> Vec<u8> {
    blob(&[
        Put::Text(tag::NAME, "bash"),
        Put::Text(tag::VERSION, "5.1.8"),
        Put::Text(tag::RELEASE, "1.cm2"),
        Put::Numbers(tag::EPOCH, &[2]),
        Put::Text(tag::ARCH, "x86_64"),
        Put::Text(tag::VENDOR, "Someone"),
        Put::Text(tag::LICENSE, "GPLv3"),
        Put::Text(tag::SOURCERPM, "bash-shell-5.1.8-1.cm2.src.rpm"),
        Put::Texts(tag::BASENAMES, &["bash", "README"]),
        Put::Numbers(tag::DIRINDEXES, &[0, 1]),
        Put::Texts(tag::DIRNAMES, &["/usr/bin/", "/usr/share/doc/bash/"]),
        Put::Text(tag::MODULARITYLABEL, "shells:1:2:3"),
    ])
}

fn parse(blob: &[u8]) -> Option<Found> {
    Header::parse(blob).and_then(|header| package(&header))
}

#[test]
fn a_header_becomes_a_package() {
    let found = parse(&bash()).unwrap();
    assert_eq!((found.name.as_str(), found.version.as_str()), ("bash", "2:5.1.8-1.cm2"));
    let source = found.source.unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("bash-shell", "2:5.1.8-1.cm2"));
    assert_eq!((found.architecture.as_deref(), found.vendor.as_deref()), (Some("x86_64"), Some("Someone")));
    assert_eq!(found.licenses, ["GPLv3"]);
    assert_eq!(found.properties["modularity_label"], "shells:1:2:3");
    assert!(found.owns.iter().eq([&owned("bin/bash")]), "the program, by either of its names, and no documentation");
}

#[test]
fn headers_that_lie_give_no_package() {
    let bash = bash();
    for length in 0..bash.len() {
        parse(&bash[..length]);
    }
    assert!(parse(&bash[..bash.len() - 1]).is_none(), "the store is as long as it says, or the header is refused");
    assert!(parse(&[0, 1, 0, 1, 0, 0, 0, 0]).is_none(), "more entries than rpm allows");
    assert!(parse(&blob(&[Put::Text(tag::NAME, "x")])).is_none());
}

#[test]
fn source_file_names() {
    assert_eq!(source("a-b-1.0-2.el9.src.rpm"), Some(("a-b", "1.0-2.el9")));
    assert_eq!(source("a-1-2.nosrc.rpm"), Some(("a", "1-2")));
    assert_eq!(source("(none)"), None);
    assert_eq!(source("a.src.rpm"), None);
}

/// An SQLite database with these blobs, written by SQLite itself, with small pages so that blobs overflow them.
fn database(dir: &Path, blobs: &[Vec<u8>]) -> Vec<u8> {
    let path = dir.join("rpmdb.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA page_size = 512; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             CREATE TABLE Other (x); CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);",
        )
        .unwrap();
    let connection = connection.unchecked_transaction().unwrap();
    for blob in blobs {
        connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
    }
    connection.commit().unwrap();
    testkit::read(path)
}

fn numbered(count: usize) -> Vec<Vec<u8>> {
    let one = |n| {
        // Of every length, so that each rule of what stays on a page is met.
        let vendor = "v".repeat(n * 7);
        blob(&[
            Put::Text(tag::NAME, &format!("p{n}")),
            Put::Text(tag::VERSION, "1"),
            Put::Text(tag::RELEASE, "1"),
            Put::Text(tag::VENDOR, &vendor),
        ])
    };
    (0..count).map(one).collect()
}

#[test]
fn an_sqlite_database_gives_all_its_packages() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = database(dir.path(), &numbered(400));
    let (found, notes) = sqlite("rpmdb.sqlite", &bytes);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(found.len(), 400);
    for (n, package) in found.iter().enumerate() {
        assert_eq!(package.name, format!("p{n}"));
        assert_eq!(package.vendor.as_ref().map_or(0, String::len), n * 7);
    }
}

#[test]
fn keys_of_signers_are_no_packages() {
    let dir = tempfile::tempdir().unwrap();
    let key = [Put::Text(tag::NAME, "gpg-pubkey"), Put::Text(tag::VERSION, "1"), Put::Text(tag::RELEASE, "1")];
    let (found, _) = sqlite("x", &database(dir.path(), &[blob(&key), bash()]));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_cut_off_database_gives_what_is_left_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = database(dir.path(), &numbered(400));
    let (found, notes) = sqlite("rpmdb.sqlite", &bytes[..bytes.len() / 2]);
    assert!(!found.is_empty() && found.len() < 400, "{}", found.len());
    assert_eq!(notes.len(), MAX_REPORTED + 1);
    assert_eq!((notes[0].code.as_str(), notes[0].span.source.as_str()), ("rpm/damaged", "rpmdb.sqlite"));
}

#[test]
fn what_is_no_database_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let empty = database(dir.path(), &[]);
    let mut other = empty.clone();
    other[0] = b'X';
    let mut renamed = empty;
    let at = memchr::memmem::find(&renamed, b"tablePackages").unwrap();
    renamed[at + 5] = b'Q';
    for (bytes, expected) in [
        (other, "not an SQLite file at byte 0"),
        (renamed, "a database without a table of packages at byte 0"),
        (Vec::new(), "not an SQLite file at byte 0"),
    ] {
        let (found, notes) = sqlite("x", &bytes);
        assert!(found.is_empty());
        assert_eq!(notes[0].message, expected);
    }
}

/// An NDB file: header, one page of slots, blobs in blocks of 16 bytes.
fn ndb_file(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut slots = Vec::new();
    let mut data = Vec::new();
    for (index, blob) in blobs.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap();
        let block = u32::try_from((4096 + data.len()) / 16).unwrap();
        slots.extend([&b"Slot"[..], &number.to_le_bytes(), &block.to_le_bytes(), &[0; 4]].concat());
        let length = u32::try_from(blob.len()).unwrap();
        data.extend([&b"BlbS"[..], &number.to_le_bytes(), &[0; 4], &length.to_le_bytes(), blob].concat());
        data.resize((data.len() + 12).next_multiple_of(16), 0);
    }
    let mut file = [&b"RpmP"[..], &[0; 4], &[1, 0, 0, 0], &[1, 0, 0, 0], &[0; 16], &slots].concat();
    while file.len() < 4096 {
        file.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    [file, data].concat()
}

#[test]
fn an_ndb_database_gives_its_packages() {
    let whole = ndb_file(&[bash(), numbered(2).remove(1)]);
    let (found, notes) = ndb("Packages.db", &whole);
    assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["bash", "p1"]);
    assert!(notes.is_empty(), "{notes:?}");
    let (found, notes) = ndb("Packages.db", &whole[..whole.len() - 60]);
    assert_eq!((found.len(), notes[0].message.as_str()), (1, "a slot that points to no package at byte 48"));
    assert_eq!(ndb("x", b"RpmP").1[0].message, "a file that is too short at byte 0");
    assert_eq!(ndb("x", &[0; 4096]).1[0].message, "not a package database of version 0 at byte 0");
}

#[test]
fn a_database_beyond_the_memory_is_read_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let filling = "x".repeat(1 << 20);
    let large = [
        Put::Text(tag::NAME, "large"),
        Put::Text(tag::VERSION, "1"),
        Put::Text(tag::RELEASE, "1"),
        Put::Text(tag::VENDOR, &filling),
    ];
    let large = blob(&large);
    let blobs = [numbered(50), vec![large]].concat();
    for (path, bytes) in [
        ("var/lib/rpm/rpmdb.sqlite", database(dir.path(), &blobs)),
        ("var/lib/rpm/Packages.db", ndb_file(&blobs)),
        ("var/lib/rpm/Packages", bdb_file(&blobs[45..], false)),
    ] {
        let found = |room: Arc<Small>| {
            let options = crate::Options { room: Some(room.clone()), ..crate::Options::default() };
            let record = Archive::default().file(path, &bytes).record_with(&options);
            assert!(record.diagnostics.is_empty(), "{:?}", record.diagnostics);
            (record.files, *room.files.lock().unwrap())
        };
        let (in_memory, files) = found(Small::of(8 << 20));
        assert_eq!((in_memory.len(), files), (1, 0), "{path}");
        assert_eq!(found(Small::of(0)), (in_memory, 1), "{path}");
    }
}

#[test]
fn slots_of_one_blob_end() {
    let mut file = ndb_file(&[bash()]);
    let slot = file[32..48].to_vec();
    for at in (48..4096).step_by(16) {
        file[at..at + 16].copy_from_slice(&slot);
    }
    let (found, notes) = ndb("x", &file);
    assert!(found.len() * bash().len() <= file.len(), "{}", found.len());
    assert!(!notes.is_empty());
}

/// A BerkeleyDB file: its description, one hash page with pairs of a key and a value, chains of overflow pages.
fn bdb_file(blobs: &[Vec<u8>], big_endian: bool) -> Vec<u8> {
    const PAGE: usize = 512;
    let number = |n: usize| {
        let n = u32::try_from(n).unwrap();
        if big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    };
    let short = |n: usize| if big_endian { number(n)[2..].to_vec() } else { number(n)[..2].to_vec() };
    let header = |next: usize, entries: usize, free: usize, kind: u8| {
        [&[0; 16][..], &number(next), &short(entries), &short(free), &[0, kind]].concat()
    };
    let mut meta = [&[0; 12][..], &number(0x0006_1561), &number(9), &number(PAGE), &[0, 8]].concat();
    meta.resize(PAGE, 0);
    let (mut index, mut items, mut overflow) = (Vec::new(), Vec::new(), Vec::new());
    for (n, blob) in blobs.iter().enumerate() {
        let key = [&[1][..], &number(n + 1)].concat();
        let first = 2 + overflow.len() / PAGE;
        let value = [&[3, 0, 0, 0][..], &number(first), &number(blob.len())].concat();
        for item in [key, value] {
            items.splice(0..0, item);
            index.extend(short(PAGE - items.len()));
        }
        let parts: Vec<&[u8]> = blob.chunks(PAGE - 26).collect();
        for (part, bytes) in parts.iter().enumerate() {
            let next = if part + 1 < parts.len() { 3 + overflow.len() / PAGE } else { 0 };
            overflow.extend(header(next, 0, bytes.len(), 7));
            overflow.extend(*bytes);
            overflow.resize(overflow.len().next_multiple_of(PAGE), 0);
        }
    }
    let mut page = [header(0, blobs.len() * 2, 0, 13), index].concat();
    page.resize(PAGE - items.len(), 0);
    page.extend(items);
    [meta, page, overflow].concat()
}

#[test]
fn a_berkeley_database_gives_its_packages_in_either_byte_order() {
    let long = numbered(200).remove(199);
    for big_endian in [false, true] {
        let whole = bdb_file(&[bash(), long.clone()], big_endian);
        let (found, notes) = bdb("Packages", &whole);
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["bash", "p199"]);
        let (found, notes) = bdb("Packages", &whole[..whole.len() - 100]);
        assert_eq!((found.len(), notes.len()), (1, 2), "{notes:?}");
    }
}

#[test]
fn chains_that_go_in_circles_end() {
    let long = numbered(200).remove(199);
    let mut file = bdb_file(&[long], false);
    // The first overflow page is followed by itself.
    file[2 * 512 + 16] = 2;
    let (found, notes) = bdb("x", &file);
    assert!(found.is_empty());
    assert!(notes[0].message.starts_with("a package that can not be read"), "{notes:?}");
    for (at, value, expected) in [
        (12, 0, "not a BerkeleyDB hash database at byte 0"),
        (21, 3, "a page size that is none at byte 20"),
        (24, 1, "an encrypted database at byte 24"),
    ] {
        let mut wrong = file.clone();
        wrong[at] = value;
        assert_eq!(bdb("x", &wrong).1[0].message, expected);
    }
}

proptest! {
    #[test]
    fn mutated_files_of_the_other_forms_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in 0_usize..3000,
    ) {
        for (file, parse) in [
            (ndb_file(&numbered(5)), ndb as fn(&str, &[u8]) -> Packages),
            (bdb_file(&numbered(100)[90..95], false), bdb),
        ] {
            let mut bytes = file;
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            parse("x", &bytes);
            bytes.truncate(cut);
            parse("x", &bytes);
        }
    }

    #[test]
    fn mutated_databases_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| database(tempfile::tempdir().unwrap().path(), &numbered(60)));
        let mut bytes = WHOLE.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let (found, _) = sqlite("x", &bytes);
        // Every page is used once: no more rows than bytes can hold.
        prop_assert!(found.len() <= bytes.len() / 4);
    }

    #[test]
    fn mutated_headers_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = bash();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        parse(&bytes);
    }
}

/// `name version architecture source` of every package by rpm itself.
fn by_rpm(dir: &Path) -> Vec<String> {
    let format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM}\\n";
    let output = Command::new("rpm").arg("--dbpath").arg(dir).args(["-qa", "--qf", format]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = text.lines().filter(|l| !l.starts_with("gpg-pubkey ")).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn by_us(found: &[Found]) -> Vec<String> {
    let line = |package: &Found| {
        let source = package.source.as_ref().unwrap();
        let version = source.version.rsplit(':').next().unwrap();
        let architecture = package.architecture.as_deref().unwrap();
        format!("{} {} {architecture} {}-{version}.src.rpm", package.name, package.version, source.name)
    };
    let mut lines: Vec<String> = found.iter().map(line).collect();
    lines.sort();
    lines
}

/// Unpacks a shared database into a folder of its own.
fn shared(path: &str, name: &str) -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let packed = testkit::read(testkit::data(path));
    let caps = limits::inflate::Caps::LAYER;
    let bytes = limits::read_capped(limits::inflate::Inflater::new(&packed[..], caps).unwrap(), 1 << 28, name).unwrap();
    std::fs::write(dir.path().join(name), &bytes).unwrap();
    (dir, bytes)
}

#[test]
fn a_real_sqlite_database_is_read_as_rpm_reads_it() {
    testkit::need!(data, rpm);
    let (dir, bytes) = shared("rpmdb/cbl-mariner-2.0/rpmdb.sqlite.gz", "rpmdb.sqlite");
    let (found, notes) = sqlite("rpmdb.sqlite", &bytes);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(by_us(&found), by_rpm(dir.path()));
    assert!(!found.is_empty());
}

#[test]
fn a_log_with_changes_is_a_diagnostic() {
    assert!(wal("w", &[0; 32]).1.is_empty());
    assert_eq!(wal("w", &[0; 33]).1[0].code, "rpm/open-log");
}

#[test]
fn real_databases_of_the_other_forms_are_read_whole() {
    testkit::need!(data);
    let (_dir, bytes) = shared("rpmdb/sle15-bci/Packages.db.gz", "Packages.db");
    let (found, notes) = ndb("Packages.db", &bytes);
    assert!(notes.is_empty(), "{notes:?}");
    // What the file itself says: a blob for each slot that is used.
    let used = bytes[32..4096 * usize::from(bytes[12])].chunks(16).filter(|slot| slot[8..12] != [0; 4]).count();
    let keys = memchr::memmem::find_iter(&bytes, b"gpg-pubkey\0").count();
    assert!(found.len() <= used && found.len() + keys >= used, "{} of {used}", found.len());
    assert!(found.iter().all(|package| package.source.is_some() && package.vendor.is_some()));

    let (_dir, bytes) = shared("rpmdb/libuuid/Packages.gz", "Packages");
    let (found, notes) = bdb("Packages", &bytes);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["libuuid"]);
}
