//! The signals that are loaded only when a rule needs them, each caused by a harmless act of this test.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use testkit::need;

use crate::program::{Sensor, text};

const RULES: &str = "\
- rule: Needs everything
  desc: asks for all signals and matches nothing
  condition: >
    evt.type in (rename, unlink, chmod, mkdir, symlink, link, accept, listen, bind, ptrace, bpf, userfaultfd, dup2, socket,
    init_module, mount, unshare, setns, memfd_create, io_uring_setup, setuid, kill, dns) and proc.name = nobody-is-called-so
  output: none
  priority: DEBUG
";

#[test]
fn changes_of_files_are_seen_with_both_names() {
    need!(root, bpf);
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), RULES).unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("a"), "x").unwrap();
    std::fs::set_permissions(at("a"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    std::fs::rename(at("a"), at("b")).unwrap();
    std::os::unix::fs::symlink("elsewhere", at("link")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::remove_dir(at("folder")).unwrap();
    std::fs::remove_file(at("b")).unwrap();
    let path = |name: &str| at(name).display().to_string();
    let ours = |event: &Value| event["process"]["pid"] == std::process::id() && text(event, "/kind") == "file_change";
    let mut next =
        |operation: &str| sensor.wait_for(operation, |event| ours(event) && text(event, "/operation") == operation);
    let chmod = next("chmod");
    assert_eq!((text(&chmod, "/path"), &chmod["mode"]), (path("a").as_str(), &0o4755.into()));
    let rename = next("rename");
    assert_eq!((text(&rename, "/path"), text(&rename, "/new_path")), (path("a").as_str(), path("b").as_str()));
    let link = next("symlink");
    assert_eq!((text(&link, "/path"), text(&link, "/new_path")), ("elsewhere", path("link").as_str()));
    assert_eq!(text(&next("mkdir"), "/path"), path("folder"));
    assert_eq!(text(&next("rmdir"), "/path"), path("folder"));
    assert_eq!((text(&next("unlink"), "/path"), 0), (path("b").as_str(), 0));
}

#[test]
fn names_that_are_asked_for_are_seen_with_who_asks() {
    need!(root, bpf);
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let question = b"\x00\x07\x01\0\0\x01\0\0\0\0\0\0\x04Test\x07example\0\0\x1c\0\x01";
    socket.send_to(question, "127.0.0.1:53").unwrap();
    let dns = sensor.wait_for("the question", |event| text(event, "/question") == "test.example");
    assert_eq!((text(&dns, "/type"), text(&dns, "/server/ip")), ("AAAA", "127.0.0.1"));
    assert_eq!(dns["process"]["pid"], std::process::id());
}

#[test]
fn a_signal_to_another_process_is_seen() {
    need!(root, bpf);
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules"]);
    let mut child = std::process::Command::new("sleep").arg("1000000").spawn().unwrap();
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    let signal = sensor.wait_for("the signal", |event| text(event, "/kind") == "signal" && event["args"]["pid"] == pid);
    assert_eq!((&signal["args"]["sig"], &signal["process"]["pid"]), (&9.into(), &std::process::id().into()));
}

/// Calls that few programs make: into another process, past names, out of the tree.
const RARE: &str = r#"
import ctypes, os
libc = ctypes.CDLL(None)
handle = ctypes.create_string_buffer(b"\x80", 136)
folder = os.open(".", os.O_RDONLY)
libc.syscall(303, -100, b"file", handle, ctypes.byref(ctypes.c_int()), 0)
libc.syscall(304, folder, handle, os.O_RDONLY)
libc.syscall(310, os.getpid(), None, 0, None, 0, 0)
libc.syscall(176, b"no_such_module", 0)
libc.syscall(161, b"/")
"#;

#[test]
fn rare_calls_are_seen_with_their_names() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let rules = dir.path().join("rules.yaml");
    // Not for changes of files: another test fills every ring with them.
    let asked = "evt.type in (open, ptrace, chroot, delete_module) and proc.name = nobody-is-called-so";
    let rule = format!("- rule: Rare\n  desc: d\n  condition: {asked}\n  output: o\n  priority: DEBUG\n");
    std::fs::write(&rules, rule).unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.to_str().unwrap()]);
    let done = std::process::Command::new("python3").args(["-c", RARE]).current_dir(dir.path()).status().unwrap();
    assert!(done.success());
    let path = dir.path().join("file");
    let open = sensor.wait_for("the file", |event| text(event, "/path") == path.to_str().unwrap());
    assert_eq!((text(&open, "/kind"), text(&open, "/path_source")), ("file_open", "kernel"));
    let mut next = |kind: &str, call: &str| {
        sensor.wait_for(call, |event| text(event, "/kind") == kind && text(event, "/call") == call)
    };
    assert_eq!(next("ptrace", "process_vm_readv")["process"]["pid"], open["process"]["pid"]);
    assert_eq!(text(&next("module_load", "delete_module"), "/args/name"), "no_such_module");
    assert_eq!(text(&next("mount", "chroot"), "/args/path"), "/");
}
