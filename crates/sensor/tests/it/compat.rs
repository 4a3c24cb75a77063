//! System calls of a 32-bit program are told as the 64-bit calls that do the same.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use testkit::need;

use crate::program::{Sensor, text};

/// Rules that ask for the signals and match nothing.
const RULES: &str = "\
- rule: Needy
  desc: asks for calls, so that their programs are loaded
  condition: evt.type in (open, connect, socket, memfd_create, unshare) and proc.name = nobody-is-called-so
  output: none
  priority: DEBUG
";

/// Opens the accounts, makes a file in memory, connects to 127.0.0.1:9743 by `socketcall(2)`, unshares the host's name.
#[rustfmt::skip]
const CODE: &[u8] = &[
    0xe8, 0, 0, 0, 0,               // call next
    0x5d,                           // next: pop ebp
    0xb8, 5, 0, 0, 0,               // mov eax, 5 (open)
    0x8d, 0x9d, 0x6e, 0, 0, 0,      // lea ebx, [ebp + path - next]
    0x31, 0xc9,                     // xor ecx, ecx
    0xcd, 0x80,                     // int 0x80
    0xb8, 0x64, 1, 0, 0,            // mov eax, 356 (memfd_create)
    0x8d, 0x9d, 0x7a, 0, 0, 0,      // lea ebx, [ebp + name - next]
    0xcd, 0x80,                     // int 0x80
    0xb8, 0x66, 0, 0, 0,            // mov eax, 102 (socketcall)
    0xbb, 1, 0, 0, 0,               // mov ebx, 1 (SYS_SOCKET)
    0x6a, 0, 0x6a, 1, 0x6a, 2,      // push 0; push SOCK_STREAM; push AF_INET
    0x89, 0xe1,                     // mov ecx, esp
    0xcd, 0x80,                     // int 0x80
    0x6a, 16,                       // push 16
    0x8d, 0x95, 0x5e, 0, 0, 0,      // lea edx, [ebp + address - next]
    0x52, 0x50,                     // push edx; push eax
    0x89, 0xe1,                     // mov ecx, esp
    0xb8, 0x66, 0, 0, 0,            // mov eax, 102 (socketcall)
    0xbb, 3, 0, 0, 0,               // mov ebx, 3 (SYS_CONNECT)
    0xcd, 0x80,                     // int 0x80
    0xb8, 0x36, 1, 0, 0,            // mov eax, 310 (unshare)
    0xbb, 0, 0, 0, 4,               // mov ebx, CLONE_NEWUTS
    0xcd, 0x80,                     // int 0x80
    0xb8, 1, 0, 0, 0,               // mov eax, 1 (exit)
    0x31, 0xdb,                     // xor ebx, ebx
    0xcd, 0x80,                     // int 0x80
    2, 0, 0x26, 0x0f, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, // address
    b'/', b'e', b't', b'c', b'/', b's', b'h', b'a', b'd', b'o', b'w', 0, // path
    b't', b'h', b'i', b'r', b't', b'y', b't', b'w', b'o', 0, // name
];

/// An executable of one segment, for the 80386.
fn elf(code: &[u8]) -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    let size = HEADERS + u32::try_from(code.len()).unwrap();
    let mut out = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0];
    for word in [1, BASE + HEADERS, 52, 0, 0] {
        out.extend(u32::to_le_bytes(word));
    }
    for half in [52, 32, 1, 0, 0, 0] {
        out.extend(u16::to_le_bytes(half));
    }
    for word in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        out.extend(u32::to_le_bytes(word));
    }
    out.extend(code);
    out
}

#[test]
fn calls_of_32_bit_programs_are_told() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("thirtytwo");
    let mut file = std::fs::File::create(&program).unwrap();
    file.write_all(&elf(CODE)).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(file);
    let rules = dir.path().join("rules.yaml");
    std::fs::write(&rules, RULES).unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.to_str().unwrap()]);
    let mut child = Command::new(&program).spawn().unwrap();
    let pid = i64::from(child.id());
    assert!(child.wait().unwrap().success());

    let of = |event: &Value, kind: &str| text(event, "/kind") == kind && event["process"]["pid"] == pid;
    sensor.wait_for("the end", |event| of(event, "exit"));
    let all: Vec<&Value> = sensor.seen().iter().filter(|event| event["process"]["pid"] == pid).collect();
    let only = |kind: &str| {
        let found: Vec<&&Value> = all.iter().filter(|event| of(event, kind)).collect();
        assert_eq!(found.len(), 1, "{kind}: {all:#?}");
        *found[0]
    };
    let open = only("file_open");
    assert_eq!((text(open, "/path"), text(open, "/path_source")), ("/etc/shadow", "kernel"));
    assert_eq!(open["flags"], serde_json::json!(["O_RDONLY"]));
    assert_eq!(text(only("memfd"), "/args/name"), "thirtytwo");
    assert_eq!(text(only("socket"), "/args/domain"), "AF_INET");
    let connect = only("connect");
    assert_eq!((&connect["remote"]["port"], &connect["result"]), (&9743.into(), &(-111).into()));
    assert_eq!(only("namespace")["args"]["flags"], serde_json::json!(["CLONE_NEWUTS"]));
}
