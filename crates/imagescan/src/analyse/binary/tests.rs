//! Cases of `binary`: inputs and what must come of them.

use std::io::Cursor;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::analyse::pieces::Capture;
use crate::analyse::rust;

fn packages(name: &str, bytes: &[u8]) -> Vec<String> {
    let (found, notes) = scan(name, Cursor::new(bytes), &mut Vec::new()).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    found.iter().map(|found| format!("{} {} {}", found.r#type, found.name, found.version)).collect()
}

/// A program with these parts at these places.
fn program(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0x90; length];
    bytes[..4].copy_from_slice(b"\x7fELF");
    for (at, part) in parts {
        bytes[*at..*at + part.len()].copy_from_slice(part);
    }
    bytes
}

#[test]
fn names_and_permissions_tell_programs() {
    assert!(wants("tool", MIN_BYTES, 0o755));
    assert!(!wants("tool", MIN_BYTES, 0o644));
    assert!(!wants("tool", MIN_BYTES - 1, 0o755));
    assert!(!wants("run.sh", MIN_BYTES, 0o755));
    assert!(wants("App.dll", MIN_BYTES, 0o644));
    assert!(wants("libcrypto.so.3", MIN_BYTES, 0o644) && !wants("libm.so.6", MIN_BYTES, 0o644));
}

#[test]
fn marks_are_found_on_every_border() {
    let list = rust::list(&serde_json::json!([{"name": "a", "version": "1.0.0", "source": "crates.io"}]));
    for at in [4, PIECE - 1, PIECE, PIECE + OVERLAP - 3, 2 * PIECE - list.len() / 2, 3 * PIECE - list.len()] {
        assert_eq!(packages("x", &program(3 * PIECE, &[(at, &list)])), ["cargo a 1.0.0"], "{at}");
        let version = b"node.js/v20.1.2\0";
        assert_eq!(packages("node", &program(3 * PIECE, &[(at, version)])), ["generic node 20.1.2"], "{at}");
    }
}

#[test]
fn a_capture_spans_pieces() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut capture = Capture::new(100, 50);
    for start in (0..250).step_by(30) {
        let view = View { bytes: &bytes[start..bytes.len().min(start + 40)], start: start as u64, last: false };
        capture.feed(&view);
    }
    assert_eq!(capture.bytes(), &bytes[100..150]);
}

/// Fails the test when it is read twice.
struct Once(bool);

impl Read for Once {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!std::mem::replace(&mut self.0, true), "what is no program is not read on");
        buffer.fill(b'#');
        Ok(buffer.len())
    }
}

#[test]
fn only_programs_are_read_to_their_end() {
    assert!(scan("script", Once(false), &mut Vec::new()).unwrap().0.is_empty());
}

/// Builds a Go program with a dependency that is replaced by a folder, for a machine.
fn go_program(dir: &std::path::Path, environment: &[(&str, &str)]) -> Vec<u8> {
    let write = |path: &str, text: &str| {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "go.mod",
        "module example.com/app\n\ngo 1.20\n\nrequire example.com/dep v1.2.3\n\nreplace example.com/dep => ./dep\n",
    );
    write("dep/go.mod", "module example.com/dep\n\ngo 1.20\n");
    write(
        "dep/dep.go",
        "package dep\n\ntype T struct{ n int }\n\n//go:noinline\nfunc (t *T) Linked() int { return t.n }\n\n//go:noinline\nfunc (t *T) Dead() int { return -t.n }\n",
    );
    write(
        "main.go",
        "package main\n\nimport (\n\t\"net/url\"\n\t\"os\"\n\n\t\"example.com/dep\"\n)\n\nfunc main() {\n\tt := &dep.T{}\n\tu, _ := url.Parse(os.Args[0])\n\tprintln(t.Linked(), u.Host)\n}\n",
    );
    let mut go = Command::new("go");
    go.args(["build", "-ldflags=-s -w", "-trimpath", "-o", "app", "."]).current_dir(dir);
    let output =
        go.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=mod").envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    testkit::read(dir.join("app"))
}

#[test]
fn a_real_go_program_tells_modules_toolchain_and_linked_functions() {
    testkit::need!(go);
    let version = Command::new("go").args(["env", "GOVERSION"]).output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let version = version.trim().trim_start_matches("go").split(['-', ' ']).next().unwrap().to_owned();
    for environment in [&[("GOOS", "linux"), ("GOARCH", "amd64")], &[("GOOS", "windows"), ("GOARCH", "amd64")]] {
        let dir = tempfile::tempdir().unwrap();
        let bytes = go_program(dir.path(), environment);
        let (found, _) = scan("app", Cursor::new(&bytes), &mut Vec::new()).unwrap();
        let by_name = |name: &str| found.iter().find(|found| found.name == name).unwrap();
        assert_eq!(by_name("stdlib").version, version);
        assert_eq!(by_name("example.com/app").properties["main"], "true");
        let dep = by_name("example.com/dep");
        assert_eq!((dep.version.as_str(), dep.properties["replaced_by"].as_str()), ("(devel)", "./dep"));
        let symbols: model::SymbolSet = dep.properties["symbols"].parse().unwrap();
        assert!(symbols.contains("example.com/dep", "T.Linked"));
        assert!(!symbols.contains("example.com/dep", "T.Dead"), "the linker left it out");
        let library: model::SymbolSet = by_name("stdlib").properties["symbols"].parse().unwrap();
        assert!(library.contains("net/url", "Parse") && !library.contains("net/http", "Client.Do"));
    }
}

proptest! {
    #[test]
    fn mutated_programs_never_panic(
        parts in prop::collection::vec((0_usize..3 * PIECE - 700, 0_usize..6, any::<[u8; 40]>()), 0..12),
        name in "(node|python3\\.11|openssl|x)",
    ) {
        let marks: [&[u8]; 6] = [
            b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6",
            b"\xff Go buildinf:\x08\x02",
            b"\xf1\xff\xff\xff\0\0\x01\x08",
            b"go1.",
            b"\x78\x9c",
            b"node.js/v1",
        ];
        let parts: Vec<(usize, Vec<u8>)> =
            parts.into_iter().map(|(at, mark, rest)| (at, [marks[mark], &rest].concat())).collect();
        let parts: Vec<(usize, &[u8])> = parts.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
        packages(&name, &program(3 * PIECE, &parts));
    }
}
