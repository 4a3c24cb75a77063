//! The table over made-up lives: start, fork, exec, exit, reuse of a pid.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn header(pid: u32, started: u64, time: u64, name: &str) -> Header {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    Header { pid, tid: pid, start_time: started, time, comm, login_uid: u32::MAX, ..Header::default() }
}

fn task<'a>(ppid: u32, parent_start: u64, exe: &'a [u8], argv: &'a [u8]) -> Task<'a> {
    Task { ppid, parent_start, exe, argv, exe_flags: record::EXE_KNOWN, ..Task::default() }
}

fn fork(pid: u32, start_time: u64, flags: u64) -> Fork {
    Fork { start_time, flags, pid, vpid: 3 }
}

fn table() -> Table {
    // Pids beyond PID_MAX_LIMIT, so that /proc knows none of them.
    Table::new(Clock::booted_at(model::Timestamp::from_seconds(1000)), Masker::new([0; 16], &[]))
}

const INIT: u32 = 5_000_001;
const SHELL: u32 = 5_000_002;
const CHILD: u32 = 5_000_003;

fn names(process: &Process) -> Vec<&str> {
    process.ancestors.iter().map(|ancestor| ancestor.name.as_str()).collect()
}

#[test]
fn ancestry_survives_the_ancestors_exit() {
    let mut table = table();
    table.exec(&header(INIT, SECOND, 2 * SECOND, "init"), &task(0, 0, b"/sbin/init", b"init\0"), 0);
    let shell = header(SHELL, 3 * SECOND, 4 * SECOND, "sh");
    table.exec(&shell, &task(INIT, SECOND, b"/bin/sh", b"sh\0-c\0"), 0);
    table.fork(&shell, &fork(CHILD, 5 * SECOND, 0), 0);
    let (_, ran) = table.exit(&header(SHELL, 3 * SECOND, 6 * SECOND, "sh"), 0);
    assert_eq!(ran, 3 * SECOND);
    let child = header(CHILD, 5 * SECOND, 7 * SECOND, "cat");
    let process = table.exec(&child, &task(SHELL, 3 * SECOND, b"/bin/cat", b"cat\0/etc/shadow\0"), 0);
    assert_eq!(names(&process), ["sh", "init"]);
    assert_eq!(process.args, ["cat", "/etc/shadow"]);
    assert!(table.find(SHELL, 3 * SECOND).is_some(), "the dead are kept for a while");
}

#[test]
fn a_child_that_starts_no_program_runs_its_creators() {
    let mut table = table();
    let shell = header(SHELL, SECOND, SECOND, "sh");
    table.exec(&shell, &task(0, 0, b"/bin/sh", b"sh\0-c\0"), 0);
    table.fork(&shell, &fork(CHILD, 2 * SECOND, 0), 0);
    // The child did nothing yet when it makes one of its own.
    table.fork(&header(CHILD, 2 * SECOND, 3 * SECOND, "sh"), &fork(INIT, 4 * SECOND, 0), 0);
    let process = table.get(&header(INIT, 4 * SECOND, 5 * SECOND, "sh"), 0);
    assert_eq!((process.pid, process.vpid), (signed(INIT), Some(3)));
    assert_eq!((process.exe.as_str(), process.args.as_slice()), ("/bin/sh", &["sh".to_owned(), "-c".to_owned()][..]));
    let above: Vec<i32> = process.ancestors.iter().map(|ancestor| ancestor.pid).collect();
    assert_eq!(above, [signed(CHILD), signed(SHELL)]);
    assert_eq!(process.ppid, signed(CHILD));
}

#[test]
fn the_dead_are_forgotten_after_their_time() {
    let mut table = table();
    table.exit(&header(SHELL, SECOND, 2 * SECOND, "sh"), 0);
    assert!(table.find(SHELL, SECOND).is_some());
    table.exit(&header(CHILD, SECOND, 2 * SECOND + DEAD_KEPT_NANOS, "sh"), 0);
    assert!(table.find(SHELL, SECOND).is_none());
}

#[test]
fn the_dead_are_bounded() {
    let mut table = table();
    for pid in 0..u32::try_from(MAX_DEAD).unwrap() + 10 {
        table.exit(&header(INIT + pid, SECOND, 2 * SECOND, "sh"), 0);
    }
    assert_eq!(table.dead.len(), MAX_DEAD);
    assert!(table.find(INIT, SECOND).is_none());
}

#[test]
fn the_living_are_bounded() {
    let mut table = table();
    for pid in 0..u32::try_from(MAX_LIVE).unwrap() + 10 {
        table.exec(&header(INIT + pid, SECOND, SECOND, "sh"), &task(0, 0, b"/bin/sh", b"sh\0"), 0);
    }
    assert_eq!((table.len(), table.forgotten()), (MAX_LIVE, 10));
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut table = table();
    table.exec(&header(SHELL, SECOND, SECOND, "old"), &task(0, 0, b"/old", b"old\0"), 0);
    let process = table.get(&header(SHELL, 9 * SECOND, 9 * SECOND, "new"), 0);
    assert_eq!((process.name.as_str(), process.exe.as_str()), ("new", ""));
}

#[test]
fn names_and_credentials_are_those_of_the_moment() {
    let mut table = table();
    let mut header = header(SHELL, SECOND, SECOND, "sh");
    let before = table.exec(&header, &task(0, 0, b"/bin/sh", b"sh\0"), 0);
    assert!(Arc::ptr_eq(&before, &table.get(&header, 0)), "nothing changed, nothing is copied");
    header.uid = 33;
    header.comm[..3].copy_from_slice(b"www");
    let after = table.get(&header, 0);
    assert_eq!((after.uid, after.name.as_str(), after.exe.as_str()), (33, "www", "/bin/sh"));
    assert_eq!(before.uid, 0, "an event that was sent keeps what was true then");
}

#[test]
fn ancestors_outside_the_container_are_marked() {
    let mut table = table();
    table.exec(&header(INIT, SECOND, SECOND, "shim"), &task(0, 0, b"/shim", b"shim\0"), 0);
    table.exec(&header(SHELL, SECOND, SECOND, "sh"), &task(INIT, SECOND, b"/bin/sh", b"sh\0"), 7);
    let process = table.exec(&header(CHILD, SECOND, SECOND, "id"), &task(SHELL, SECOND, b"/bin/id", b"id\0"), 7);
    let inside: Vec<bool> = process.ancestors.iter().map(|ancestor| ancestor.same_container).collect();
    assert_eq!(inside, [true, false]);
}

#[test]
fn a_runtime_that_enters_a_container_is_not_of_it() {
    let mut table = table();
    let runc = header(INIT, SECOND, SECOND, "runc");
    table.exec(&runc, &task(0, 0, b"/runc", b"runc\0"), 0);
    table.fork(&runc, &fork(SHELL, 2 * SECOND, 0), 0);
    let stage = header(SHELL, 2 * SECOND, 3 * SECOND, "runc:[1]");
    table.exec(&stage, &task(INIT, SECOND, b"/runc", b"runc\0init\0"), 0);
    // Moved into the container's cgroup, it makes the first process there, a sibling of its own.
    table.fork(&stage, &fork(CHILD, 4 * SECOND, CLONE_PARENT), 7);
    let process = table.exec(&header(CHILD, 4 * SECOND, 5 * SECOND, "sh"), &task(9, 9, b"/bin/sh", b"sh\0"), 7);
    assert_eq!(names(&process), ["runc"]);
    assert_eq!(process.ppid, process.ancestors[0].pid);
    assert!(!process.ancestors[0].same_container);
}

#[test]
fn a_snapshot_is_linked_once_it_is_complete() {
    let mut table = table();
    table.snapshot(&header(CHILD, SECOND, SECOND, "id"), &task(SHELL, SECOND, b"/bin/id", b"id\0"), 7);
    table.snapshot(&header(SHELL, SECOND, SECOND, "sh"), &task(INIT, SECOND, b"/bin/sh", b"sh\0"), 7);
    table.snapshot(&header(INIT, SECOND, SECOND, "init"), &task(0, 0, b"/init", b"init\0"), 0);
    table.link();
    assert_eq!(names(&table.by_pid(CHILD).unwrap().process), ["sh", "init"]);
}

#[test]
fn a_circle_of_parents_ends() {
    let mut table = table();
    table.snapshot(&header(CHILD, SECOND, SECOND, "a"), &task(SHELL, SECOND, b"", b""), 0);
    table.snapshot(&header(SHELL, SECOND, SECOND, "b"), &task(CHILD, SECOND, b"", b""), 0);
    table.link();
    assert_eq!(table.by_pid(CHILD).unwrap().process.ancestors.len(), MAX_ANCESTORS);
}

#[test]
fn origins_follow_the_flags() {
    use record::{EXE_DELETED, EXE_KNOWN, EXE_MEMFD, EXE_OVERLAY, EXE_TMPFS, EXE_UPPER};
    let check = |flags, inside, expected| assert_eq!(origin(flags, inside), expected, "{flags} {inside}");
    check(0, true, None);
    check(EXE_KNOWN, false, Some(ExeOrigin::Host));
    check(EXE_KNOWN, true, Some(ExeOrigin::Volume));
    check(EXE_KNOWN | EXE_OVERLAY, true, Some(ExeOrigin::Image));
    check(EXE_KNOWN | EXE_OVERLAY | EXE_UPPER, true, Some(ExeOrigin::Upper));
    check(EXE_KNOWN | EXE_OVERLAY | EXE_UPPER, false, Some(ExeOrigin::Host));
    check(EXE_KNOWN | EXE_TMPFS, true, Some(ExeOrigin::Tmpfs));
    check(EXE_KNOWN | EXE_TMPFS | EXE_DELETED | EXE_MEMFD, true, Some(ExeOrigin::Memfd));
    check(EXE_KNOWN | EXE_TMPFS | EXE_DELETED, false, Some(ExeOrigin::Deleted));
}

#[test]
fn secrets_never_enter_the_table() {
    let mut table = table();
    let argv = b"psql\0--password\0hunter2\0";
    let process = table.exec(&header(SHELL, SECOND, SECOND, "psql"), &task(0, 0, b"/psql", argv), 0);
    assert!(process.args[2].starts_with("<masked:short:"), "{:?}", process.args);
}

#[test]
fn this_process_is_known_from_proc_with_its_ancestors() {
    let mut table = table();
    for pid in proc::pids(std::path::Path::new("/proc")) {
        table.snapshot_of_proc(pid, 0);
    }
    table.link();
    let me = &table.by_pid(std::process::id()).unwrap().process;
    assert_eq!(me.args.len(), std::env::args_os().count());
    assert_eq!(me.ancestors[0].pid, i32::try_from(std::os::unix::process::parent_id()).unwrap());
}
