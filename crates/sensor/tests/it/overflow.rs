//! More than the ring holds, and more processes than anybody starts: what is lost is counted, what came is whole.

use std::cell::Cell;
use std::process::Command;

use sensor::kernel::{Kernel, SEND_ALL, Settings, programs};
use sensor::record;
use sensor::signal::Signal;
use testkit::need;

fn kernel(names: &[&str]) -> Kernel {
    // Nobody is the sensor itself here: this test's own opens count.
    let mut kernel = Kernel::new(Settings { own_pid: 0, flags: SEND_ALL, ..Settings::default() }).unwrap();
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
