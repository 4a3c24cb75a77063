//! Archives of Debian's own tar in its formats, and damaged ones.

use std::process::Command;

use testkit::image::Tar;

use super::*;

fn write(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tar");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn error(bytes: &[u8]) -> String {
    let (_dir, path) = write(bytes);
    Archive::open(&path).unwrap_err().to_string()
}

#[test]
fn every_format_of_tar_is_indexed() {
    for format in ["v7", "ustar", "gnu", "pax"] {
        let dir = tempfile::tempdir().unwrap();
        // Beyond 100 bytes the formats differ most; v7 cannot do it.
        let long = if format == "v7" { "short".to_owned() } else { format!("{}/{}", "d".repeat(80), "f".repeat(90)) };
        let file = dir.path().join("in").join(&long);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, b"content").unwrap();
        let link = file.with_file_name("link");
        std::os::unix::fs::symlink(file.file_name().unwrap(), &link).unwrap();
        let link = link.strip_prefix(dir.path().join("in")).unwrap().display().to_string();
        let archive = dir.path().join("a.tar");
        let made = Command::new("tar")
            .args(["--create", "--format", format, "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(dir.path().join("in"))
            .arg(".")
            .status()
            .unwrap();
        assert!(made.success());
        let archive = Archive::open(&archive).unwrap();
        assert_eq!(archive.read(&long, 100).unwrap(), b"content", "{format}");
        assert_eq!(archive.read(&format!("./{link}"), 100).unwrap(), b"content", "{format}");
        assert_eq!(archive.size("absent"), None);
        assert!(archive.read(&long, 3).unwrap_err().to_string().contains("larger than 3 bytes"));
    }
}

#[test]
fn links_end() {
    let around = Tar::new().symlink("a", "b").symlink("b", "a").file("c", "x").finish();
    let (_dir, path) = write(&around);
    assert_eq!(Archive::open(&path).unwrap().size("a"), None);
    let deep = Tar::new().symlink("x/a", "../../../../c").file("c", "x").finish();
    let (_dir, path) = write(&deep);
    assert_eq!(Archive::open(&path).unwrap().read("x/a", 9).unwrap(), b"x", "links stay within the archive");
}

#[test]
fn damage_is_told() {
    let whole = Tar::new().file("a", vec![7; 2000]).finish();
    assert!(error(&whole[..1500]).contains("a member goes beyond the end at byte 0"));
    let mut flipped = whole.clone();
    flipped[5] ^= 1;
    assert!(error(&flipped).contains("wrong checksum at byte 0"));
    assert!(error(b"").contains("no members"));
    let packed = testkit::image::gzip(&whole);
    assert!(error(&packed[..packed.len() - 12]).starts_with("unpacking "));
    let (_dir, path) = write(&packed);
    assert_eq!(Archive::open(&path).unwrap().unpacked_bytes(), whole.len() as u64);
    let mut long = Tar::new();
    long = long.entry("x", b'L', "", &vec![b'a'; 70_000]).file("a", "");
    assert!(error(&long.finish()).contains("an extended header is too long"));
}

#[test]
fn sizes_that_overflow_are_damage() {
    let mut block = Tar::new().file("a", "").finish();
    block[124..136].copy_from_slice(&[0xff; 12]);
    let sum: u32 = block[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(error(&block).contains("unreadable size"));
}

#[test]
fn too_many_members_are_refused() {
    let header = Tar::new().file("a", "").finish()[..512].to_vec();
    let mut bytes = Vec::with_capacity((MAX_MEMBERS + 2) * 512);
    // Distinct names with their checksums, cheaply: digits in the name, their sum added to the header's.
    for number in 0..=MAX_MEMBERS {
        let mut block = header.clone();
        let name = format!("{number:07}");
        block[..7].copy_from_slice(name.as_bytes());
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&block);
    }
    assert!(error(&bytes).contains("more than 100000 members"));
}
