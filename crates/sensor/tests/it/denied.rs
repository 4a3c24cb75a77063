//! A kernel that gives no bpf(2): the sensor says what it cannot see and goes on.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use testkit::need;

use crate::program::Sensor;

/// Refuses bpf(2) with EPERM from here on, in this process and its children: what a container runtime's default
/// profile does to whoever lacks `CAP_BPF`.
fn refuse_bpf() -> std::io::Result<()> {
    // struct seccomp_data { int nr; … }: load the number, compare, refuse or allow.
    let load = libc::sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let number = u32::try_from(libc::SYS_bpf).map_err(std::io::Error::other)?;
    let compare = libc::sock_filter { code: 0x15, jt: 0, jf: 1, k: number };
    let errno = u32::try_from(libc::EPERM).map_err(std::io::Error::other)?;
    let refuse = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | errno };
    let allow = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let mut filter = [load, compare, refuse, allow];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: `program` points at four instructions that outlive the call; the kernel copies them.
    #[expect(unsafe_code, reason = "there is no safe wrapper for seccomp filters")]
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn denied(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall-sensor"));
    command.args(args);
    // SAFETY: `refuse_bpf` only makes system calls on its own stack, which is allowed between fork and exec.
    #[expect(unsafe_code, reason = "the filter must be set in the child")]
    unsafe {
        command.pre_exec(refuse_bpf)
    };
    command
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

#[test]
fn the_sensor_runs_and_stops_cleanly() {
    need!(root, bpf);
    let sensor = Sensor::spawn(denied(&["run", "--no-own-rules"]));
    assert_eq!(sensor.stop(), Some(0));
}
