//! More than the ring holds, and more processes than anybody starts: what is lost is counted, what came is whole.

use std::cell::Cell;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sensor::kernel::{Kernel, SEND_ALL, Settings, programs};
use sensor::record;
use sensor::signal::Signal;
use testkit::need;

/// All that is told, repetitions too.
fn kernel(names: &[&str]) -> Kernel {
    kernel_with(SEND_ALL, names)
}

fn kernel_with(flags: u32, names: &[&str]) -> Kernel {
    // Nobody is the sensor itself here: what this test does counts.
    let mut kernel = Kernel::new(Settings { own_pid: 0, flags, ..Settings::default() }).unwrap();
    kernel.start(&programs::DISPATCH).unwrap();
    for name in names {
        kernel.start(programs::ALL.iter().find(|program| program.name == *name).unwrap()).unwrap();
    }
    kernel
}

fn lost(kernel: &Kernel, signal: Signal) -> u64 {
    kernel.losses().unwrap().into_iter().find(|(known, _)| *known == signal).map_or(0, |(_, loss)| loss.lost)
}

#[test]
fn what_does_not_fit_into_the_ring_is_counted() {
    need!(root, bpf);
    let kernel = kernel(&["file_open"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x".repeat(200));
    std::fs::write(&file, "").unwrap();
    // Each record has the path: more than the ring in all.
    let opens = 2 * sensor::kernel::RING_BYTES / 300;
    for _ in 0..opens {
        drop(std::fs::File::open(&file).unwrap());
    }
    let came = Cell::new(0);
    let mut reader = kernel
        .reader(|bytes| {
            let record = record::decode(bytes).unwrap();
            came.set(came.get() + u64::from(record.header.pid == std::process::id()));
        })
        .unwrap();
    reader.consume();
    let missed = lost(&kernel, Signal::FileOpen);
    assert!(missed > 0 && came.get() > 0, "{missed} lost, {} came", came.get());
    assert!(came.get() + missed >= u64::from(opens), "{missed} lost and {} came of {opens}", came.get());
}

#[test]
fn programs_are_told_when_changes_of_files_fill_the_ring() {
    need!(root, bpf);
    let kernel = kernel(&["exec_task", "fork_task", "exit_task", "file_change"]);
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("x".repeat(200)), dir.path().join("y".repeat(200)));
    std::fs::write(&one, "").unwrap();
    // Each record has both paths: more than the ring in all, and nobody reads it meanwhile.
    for _ in 0..sensor::kernel::RING_BYTES / 400 {
        std::fs::rename(&one, &other).unwrap();
        std::fs::rename(&other, &one).unwrap();
    }
    let mut children: Vec<u32> = (0..50)
        .map(|_| {
            let mut child = Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        })
        .collect();
    let told = std::cell::RefCell::new((Vec::new(), Vec::new()));
    let mut reader = kernel
        .reader(|bytes| {
            let record = record::decode(bytes).unwrap();
            match record.body {
                record::Body::Exec(_) => told.borrow_mut().0.push(record.header.pid),
                record::Body::Exit { .. } => told.borrow_mut().1.push(record.header.pid),
                _ => {}
            }
        })
        .unwrap();
    reader.consume();
    let (mut execs, mut exits) = told.take();
    for pids in [&mut children, &mut execs, &mut exits] {
        pids.sort_unstable();
    }
    let is_told = |pids: &[u32]| children.iter().all(|child| pids.binary_search(child).is_ok());
    assert!(is_told(&execs) && is_told(&exits), "{} execs and {} exits came", execs.len(), exits.len());
    assert!(lost(&kernel, Signal::FileChange) > 0, "the ring was never full");
}

#[test]
fn what_a_process_does_again_to_the_same_file_is_told_once() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let kernel = kernel_with(0, &["file_change"]);
    let allow = |mode| std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    for _ in 0..100 {
        std::fs::write(&file, "").unwrap();
        allow(0o600);
        allow(0o644);
        std::fs::remove_file(&file).unwrap();
    }
    let came = Cell::new(0);
    let mut reader = kernel
        .reader(|bytes| {
            let record = record::decode(bytes).unwrap();
            came.set(came.get() + u64::from(record.header.tid == nix::unistd::gettid().as_raw().cast_unsigned()));
        })
        .unwrap();
    reader.consume();
    // Two modes and the end of the file.
    assert_eq!(came.get(), 3);
}

#[test]
fn ten_thousand_processes_in_a_row_are_all_told() {
    need!(root, bpf);
    let kernel = kernel(&["fork_task", "exit_task"]);
    // A shell that starts subshells, as fast as it goes.
    let script = "i=0; while [ $i -lt 10000 ]; do (:); i=$((i+1)); done";
    let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let parent = child.id();
    let (forks, exits) = (Cell::new(0_u64), Cell::new(0_u64));
    let children = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let mut reader = kernel
        .reader(|bytes| match record::decode(bytes).unwrap() {
            record::Record { header, body: record::Body::Fork(fork) } if header.pid == parent => {
                forks.set(forks.get() + 1);
                children.borrow_mut().insert((fork.pid, fork.start_time));
            }
            record::Record { header, body: record::Body::Exit { .. } } => {
                exits.set(exits.get() + u64::from(children.borrow().contains(&(header.pid, header.start_time))));
            }
            _ => {}
        })
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        reader.consume();
    }
    reader.consume();
    let missed = lost(&kernel, Signal::Fork) + lost(&kernel, Signal::Exit);
    assert!(forks.get() + exits.get() + missed >= 20_000, "{forks:?} forks, {exits:?} exits, {missed} lost");
    assert_eq!(children.borrow().len() as u64, forks.get(), "a pid that is used again is another process");
}
