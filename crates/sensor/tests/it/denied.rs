//! A kernel that gives no bpf(2): the sensor sees what it can by other means, and says what it cannot see.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;
use testkit::need;

use crate::cri::Containerd;
use crate::program::{Sensor, text};

/// Refuses system calls with EPERM from here on, in this process and its children: what a container runtime's default
/// profile does to whoever lacks the capabilities.
fn refuse(calls: &[libc::c_long]) -> std::io::Result<()> {
    // struct seccomp_data { int nr; … }: load the number, compare with each, refuse or allow.
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = vec![instruction(0x20, 0, 0, 0)];
    for (index, call) in calls.iter().enumerate() {
        let left = u8::try_from(calls.len() - index).map_err(std::io::Error::other)?;
        filter.push(instruction(0x15, left, 0, u32::try_from(*call).map_err(std::io::Error::other)?));
    }
    let errno = u32::try_from(libc::EPERM).map_err(std::io::Error::other)?;
    filter.push(instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(instruction(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | errno));
    let length = u16::try_from(filter.len()).map_err(std::io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: `program` points at `filter`, which outlives the call; the kernel copies it.
    #[expect(unsafe_code, reason = "there is no safe wrapper for seccomp filters")]
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn without(calls: &'static [libc::c_long], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall-sensor"));
    command.args(args);
    // SAFETY: `refuse` allocates some bytes and makes system calls; this program's other threads hold no lock of the
    // allocator across a fork, glibc sees to that.
    #[expect(unsafe_code, reason = "the filter must be set in the child")]
    unsafe {
        command.pre_exec(|| refuse(calls))
    };
    command
}

fn denied(args: &[&str]) -> Command {
    without(&[libc::SYS_bpf], args)
}

#[test]
fn the_probe_names_the_reason() {
    need!(root, bpf);
    let output = denied(&["probe"]).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(table.contains("unsupported") && table.contains("Operation not permitted"), "{table}");
    assert!(!table.lines().any(|line| line.contains("tp_btf") && line.contains(" seen")), "{table}");
}

const RULES: &str = "\
- rule: Shadow
  desc: a file that only this test reads, and the password file of a container
  condition: >-
    evt.type in (open, openat, openat2) and evt.is_open_read = true and (fd.filename = only-this-test-reads
    or (fd.name = /etc/shadow and container.id != host))
  output: \"%proc.name %proc.args %proc.pname %container.id\"
  priority: WARNING
- rule: Started
  desc: a program that only this test starts
  condition: evt.type = execve and proc.args contains only-this-test
  output: \"%proc.name %proc.args\"
  priority: WARNING
- rule: Written
  desc: a file that only this test writes
  condition: evt.type in (open, openat, creat) and evt.is_open_write = true and fd.filename = only-this-test-writes
  output: \"%fd.name\"
  priority: WARNING
";

fn rules() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), RULES).unwrap();
    file
}

#[test]
fn processes_and_opens_are_seen_without_bpf() {
    need!(root, bpf);
    let (rules, dir) = (rules(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("only-this-test-reads"), "x\n").unwrap();
    let mut sensor = Sensor::spawn(denied(&["run", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]));
    // They stay until they were looked at: /proc is read afterwards here.
    let script = "read line < only-this-test-reads; : > only-this-test-writes; read wait";
    let mut command = Command::new("sh");
    command.args(["-c", script, "only-this-test"]).current_dir(dir.path()).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let raised = |rule: &'static str| move |value: &Value| text(value, "/rule") == rule;
    let started = sensor.find("the program's start", raised("Started"));
    assert!(text(&started, "/output").starts_with("sh -c "), "{started}");
    // Other tests' containers read their password files meanwhile.
    let read = sensor.find("the read", |value| text(value, "/evidence/0/path").ends_with("/only-this-test-reads"));
    assert_eq!((text(&read, "/evidence/0/provider"), text(&read, "/process/name")), ("fanotify", "sh"));
    let parent = read["process_tree"].as_array().unwrap().iter().rev().nth(1).cloned().unwrap_or_default();
    assert_eq!(parent["pid"], std::process::id());
    sensor.find("the write", raised("Written"));
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(sensor.stop(), Some(0));
}

#[test]
fn opens_are_seen_without_a_hook_on_system_calls() {
    need!(root, bpf);
    let (rules, dir) = (rules(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("only-this-test-reads"), "x\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall-sensor"));
    command.args(["run", "--no-syscall-hook", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]);
    let mut sensor = Sensor::spawn(command);
    // It is gone long before fanotify is read: what is known of it is what the programs in the kernel told.
    let mut cat = Command::new("cat");
    cat.arg("only-this-test-reads").current_dir(dir.path()).stdout(std::process::Stdio::null());
    assert!(cat.status().unwrap().success());
    let read = sensor.find("the read", |value| text(value, "/evidence/0/path").ends_with("/only-this-test-reads"));
    assert_eq!((text(&read, "/evidence/0/provider"), text(&read, "/process/name")), ("fanotify", "cat"));
    assert_eq!(sensor.stop(), Some(0));
}

#[test]
fn opens_in_containers_are_placed_without_bpf() {
    need!(root, bpf, cri);
    let containerd = Containerd::start();
    let rules = rules();
    let mut sensor = Sensor::spawn(denied(&["run", "--no-own-rules", "--rules", rules.path().to_str().unwrap()]));
    // Again and again: the container's file system is watched from its first program on.
    let script = "while :; do cat /etc/shadow > /dev/null; sleep 0.1; done";
    let (sandbox, id) = containerd.run_pod("shop", "web-2", script);
    let alert = sensor
        .wait_for("the alert", |value| text(value, "/rule") == "Shadow" && text(value, "/scope/container/id") == id);
    assert_eq!((text(&alert, "/scope/namespace"), text(&alert, "/scope/pod/name")), ("shop", "web-2"));
    containerd.remove_pod(&sandbox);
}

#[test]
fn without_anything_to_see_by_it_does_not_run() {
    need!(root, bpf);
    // Sockets are how the process connector is reached.
    let output = without(&[libc::SYS_bpf, libc::SYS_fanotify_init, libc::SYS_socket], &["run"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("nothing can be seen here") && error.contains("CAP_BPF"), "{error}");
    assert!(!error.contains("ready:"), "{error}");
}
