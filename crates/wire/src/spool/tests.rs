//! The spool against a model: whatever is pushed, wherever the disk fills up or the process dies, a hub that follows
//! `server::Progress` ends with every number either received or declared missing, and with nothing undeclared.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::server::progress::{Progress, UNDECLARED};

/// A disk with so much room, in a machine that dies after so many bytes were written.
#[derive(Debug)]
struct FaultyDisk {
    room: AtomicI64,
    life: AtomicI64,
}

impl FaultyDisk {
    fn new(room: i64, life: i64) -> Arc<Self> {
        Arc::new(Self { room: room.into(), life: life.into() })
    }

    fn sound() -> Arc<Self> {
        Self::new(i64::MAX, i64::MAX)
    }

    fn alive(&self) -> io::Result<()> {
        if self.life.load(SeqCst) > 0 { Ok(()) } else { Err(io::Error::other("the machine is off")) }
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| OsDisk.create_dir(path))
    }

    fn open(&self, path: &Path) -> io::Result<fs::File> {
        self.alive().and_then(|()| OsDisk.open(path))
    }

    fn write(&self, file: &fs::File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.alive()?;
        let size = i64::try_from(bytes.len()).unwrap();
        // Only bytes beyond the file's end need room, as on a file system that writes in place.
        let old = i64::try_from(file.metadata()?.len().saturating_sub(offset)).unwrap();
        let growth = (size - old).max(0);
        let fits = size - growth + growth.min(self.room.load(SeqCst).max(0));
        let written = fits.min(self.life.load(SeqCst)).max(0);
        OsDisk.write(file, offset, &bytes[..usize::try_from(written).unwrap()])?;
        self.room.fetch_sub((written - (size - growth)).max(0), SeqCst);
        self.life.fetch_sub(written.max(1), SeqCst);
        if written < size { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, file: &fs::File, length: u64) -> io::Result<()> {
        self.alive()?;
        let freed = i64::try_from(file.metadata()?.len().saturating_sub(length)).unwrap();
        OsDisk.truncate(file, length)?;
        self.room.store(self.room.load(SeqCst).saturating_add(freed), SeqCst);
        Ok(())
    }

    fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.alive().and_then(|()| OsDisk.sync(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.alive()?;
        let freed = fs::metadata(path).map_or(0, |meta| i64::try_from(meta.len()).unwrap());
        OsDisk.remove(path)?;
        self.room.store(self.room.load(SeqCst).saturating_add(freed), SeqCst);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.alive().and_then(|()| OsDisk.remove_dir(path))
    }
}

/// A hub for one stream: what it has of each start of the sender.
#[derive(Default)]
struct Hub {
    boots: BTreeMap<Uuid, HubBoot>,
}

#[derive(Default)]
struct HubBoot {
    acked: u64,
    records: BTreeMap<u64, Value>,
    gaps: Vec<Gap>,
}

impl Hub {
    /// Takes a chunk as a batch; returns what it acknowledges.
    fn take(&mut self, chunk: &Chunk) -> u64 {
        let body = crate::batch::encode("s", chunk, &BTreeMap::new()).unwrap();
        let batch = crate::server::decode_batch(&body, &crate::server::BatchLimits::default()).unwrap();
        let boot = self.boots.entry(chunk.sender.boot_id).or_default();
        let step = Progress::of(boot.acked, &batch.header);
        for record in batch.records.iter().filter(|record| record.seq >= step.new_from) {
            let twice = boot.records.insert(record.seq, serde_json::from_slice(&record.json).unwrap());
            assert_eq!(twice, None, "record {} came twice", record.seq);
        }
        boot.gaps.extend(step.gaps);
        boot.acked = step.acked;
        boot.acked
    }

    fn drain(&mut self, spool: &Spool, at_once: usize) {
        while let Some(chunk) = spool.next(at_once, 1 << 20).unwrap() {
            let acked = self.take(&chunk);
            assert!(spool.acknowledge(&chunk, acked), "the hub moved on by {chunk:?}");
        }
    }

    fn check(&self, boot_id: Uuid, pushed: &BTreeMap<u64, Option<Value>>) -> Result<(), TestCaseError> {
        let nothing = HubBoot::default();
        let boot = self.boots.get(&boot_id).unwrap_or(&nothing);
        for gap in &boot.gaps {
            prop_assert_ne!(&gap.cause, UNDECLARED, "the spool kept silent about {:?}", gap);
        }
        for (seq, record) in pushed {
            let missing = boot.gaps.iter().any(|gap| (gap.from..=gap.to).contains(seq));
            match boot.records.get(seq) {
                Some(received) => {
                    prop_assert_eq!(Some(received), record.as_ref(), "record {} is another", seq);
                    prop_assert!(!missing, "record {} came and is declared missing", seq);
                }
                None => prop_assert!(missing, "record {} neither came nor is declared missing", seq),
            }
        }
        Ok(())
    }
}

fn sender(node: &str) -> Sender {
    Sender {
        cluster: "local".into(),
        node: Some(node.into()),
        program: "test".into(),
        version: "1".into(),
        boot_id: Uuid::now_v7(),
    }
}

fn record(number: usize, size: usize) -> Value {
    json!({ "number": number, "filler": "x".repeat(size) })
}

const SMALL: SpoolLimits = SpoolLimits { bytes: 1 << 40, segment_bytes: 900 };

#[derive(Debug, Clone)]
enum Op {
    Push(usize),
    /// So many records at once; the hub's answer arrives or is lost.
    Send(usize, bool),
    Sync,
    /// The process dies and starts again.
    Restart,
    /// The disk gets room for so many bytes.
    Room(i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..400_usize).prop_map(Op::Push),
        2 => (1..6_usize, any::<bool>()).prop_map(|(count, answered)| Op::Send(count, answered)),
        1 => Just(Op::Sync),
        1 => Just(Op::Restart),
        1 => (0..3000_i64).prop_map(Op::Room),
    ]
}

/// Runs the operations until the disk is dead, then lets a sound machine find the folder and send what is there.
fn run(ops: &[Op], limits: SpoolLimits, disk: &Arc<FaultyDisk>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let mut hub = Hub::default();
    let mut boots = Vec::new();
    let open = |disk: Arc<FaultyDisk>| Spool::open_on(disk, dir.path(), sender("n"), limits).unwrap();
    let mut spool = open(Arc::clone(disk));
    let mut pushed = BTreeMap::new();
    for (number, op) in ops.iter().enumerate() {
        if disk.alive().is_err() {
            break;
        }
        match op {
            Op::Push(size) => {
                let record = record(number, *size);
                match spool.push(&record) {
                    Ok(seq) => assert_eq!(pushed.insert(seq, Some(record)), None),
                    // A push that the death of the machine cut off was never promised.
                    Err(PushError::Disk { seq, .. }) if disk.alive().is_ok() => {
                        assert_eq!(pushed.insert(seq, None), None);
                    }
                    Err(_) => {}
                }
            }
            Op::Send(count, answered) => {
                if let Some(chunk) = spool.next(*count, 1 << 20).unwrap() {
                    let acked = hub.take(&chunk);
                    if *answered {
                        spool.acknowledge(&chunk, acked);
                    }
                }
            }
            Op::Sync => drop(spool.sync()),
            Op::Restart => {
                boots.push((spool.lock().current_id(), promised(std::mem::take(&mut pushed))));
                spool = open(Arc::clone(disk));
            }
            Op::Room(bytes) => disk.room.store(*bytes, SeqCst),
        }
    }
    boots.push((spool.lock().current_id(), promised(pushed)));
    hub.drain(&open(FaultyDisk::sound()), 7);
    for (boot_id, pushed) in &boots {
        hub.check(*boot_id, pushed)?;
    }
    prop_assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "finished starts leave nothing");
    Ok(())
}

/// A start that never got a byte onto the disk has no ledger to note its losses in; they die with the process.
fn promised(pushed: BTreeMap<u64, Option<Value>>) -> BTreeMap<u64, Option<Value>> {
    if pushed.values().any(Option::is_some) { pushed } else { BTreeMap::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_in_silence(ops in prop::collection::vec(op(), 1..60), bytes in 2000..9000_u64) {
        run(&ops, SpoolLimits { bytes, ..SMALL }, &FaultyDisk::sound())?;
    }

    #[test]
    fn the_process_may_die_at_any_byte(ops in prop::collection::vec(op(), 1..60), life in 1..40_000_i64) {
        // A note of a loss that a full disk did not take dies with the process, so here the disk has room.
        let ops: Vec<_> = ops.into_iter().filter(|op| !matches!(op, Op::Room(_))).collect();
        run(&ops, SMALL, &FaultyDisk::new(i64::MAX, life))?;
    }
}

#[test]
fn every_byte_of_a_short_life() {
    let ops = [
        Op::Push(50),
        Op::Push(700),
        Op::Send(1, true),
        Op::Push(10),
        Op::Restart,
        Op::Push(30),
        Op::Sync,
        Op::Push(5),
    ];
    let total = 40_000;
    for life in (1..total).step_by(61) {
        run(&ops, SMALL, &FaultyDisk::new(i64::MAX, life)).unwrap();
    }
}

#[test]
fn a_full_disk_becomes_a_gap_that_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::sound();
    let spool = Spool::open_on(disk.clone(), dir.path(), sender("n"), SpoolLimits::default()).unwrap();
    assert_eq!(spool.push(&1).unwrap(), 1);
    disk.room.store(20, SeqCst);
    for expected in 2..5 {
        let error = spool.push(&record(0, 100)).unwrap_err();
        assert!(matches!(error, PushError::Disk { seq, .. } if seq == expected), "{error}");
    }
    disk.room.store(i64::MAX, SeqCst);
    assert_eq!(spool.push(&"after").unwrap(), 5);
    let before = spool.next(10, 1 << 20).unwrap().unwrap();
    assert_eq!((before.first_seq, before.records.len(), before.gaps.len()), (1, 1, 0));
    spool.acknowledge(&before, 1);
    // The process dies; the next one still knows.
    let next = Spool::open(dir.path(), sender("n"), SpoolLimits::default()).unwrap();
    let after = next.next(10, 1 << 20).unwrap().unwrap();
    assert_eq!(after.gaps, [Gap { from: 2, to: 4, cause: "disk_full".into() }]);
    assert_eq!((after.first_seq, &after.records[0][..]), (5, &b"\"after\""[..]));
}

#[test]
fn the_oldest_falls_out_of_a_full_spool() {
    let dir = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { bytes: 4000, segment_bytes: 1000 };
    let spool = Spool::open(dir.path(), sender("n"), limits).unwrap();
    for number in 0..100 {
        spool.push(&record(number, 200)).unwrap();
    }
    let status = spool.status();
    assert!(status.bytes <= 4000 && status.dropped > 80, "{status:?}");
    assert_eq!((status.pushed, status.waiting), (100, 100), "what is lost waits to be told");
    let chunk = spool.next(1000, 1 << 20).unwrap().unwrap();
    assert_eq!(chunk.gaps, [Gap { from: 1, to: status.dropped, cause: "spool_full".into() }]);
    assert_eq!(chunk.first_seq, status.dropped + 1);
}

#[test]
fn damage_on_the_disk_costs_what_it_hit() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), sender("n"), SpoolLimits::default()).unwrap();
    let boot_id = spool.lock().current_id();
    for number in 0..5 {
        spool.push(&record(number, 20)).unwrap();
    }
    spool.sync().unwrap();
    drop(spool);
    let path = dir.path().join(boot_id.to_string()).join(format!("{:020}.seg", 1));
    let whole = testkit::read(&path);
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut hub = Hub::default();
        let pushed = (1..=5).map(|seq| (seq, Some(record(usize::try_from(seq).unwrap() - 1, 20)))).collect();
        // Nothing is acknowledged to the folder, so that the next cut finds it again.
        let copy = tempfile::tempdir().unwrap();
        copy_folder(dir.path(), copy.path());
        hub.drain(&Spool::open(copy.path(), sender("n"), SpoolLimits::default()).unwrap(), 2);
        hub.check(boot_id, &pushed).unwrap();
    }
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_folder(dir.path(), copy.path());
        let mut hub = Hub::default();
        hub.drain(&Spool::open(copy.path(), sender("n"), SpoolLimits::default()).unwrap(), 2);
        assert!(hub.boots[&boot_id].records.len() >= 4, "byte {position}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for boot in fs::read_dir(from).unwrap() {
        let boot = boot.unwrap();
        fs::create_dir(to.join(boot.file_name())).unwrap();
        for file in fs::read_dir(boot.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(boot.file_name()).join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn an_old_start_keeps_its_name_and_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let first = sender("n");
    let spool = Spool::open(dir.path(), first.clone(), SpoolLimits::default()).unwrap();
    spool.push(&"old").unwrap();
    drop(spool);
    let second = Sender { version: "2".into(), ..sender("n") };
    let spool = Spool::open(dir.path(), second.clone(), SpoolLimits::default()).unwrap();
    spool.push(&"new").unwrap();
    let mut senders = Vec::new();
    while let Some(chunk) = spool.next(10, 1 << 20).unwrap() {
        senders.push(chunk.sender.clone());
        assert!(spool.acknowledge(&chunk, chunk.last_seq()));
    }
    assert_eq!(senders, [first, second]);
}

#[test]
fn another_nodes_spool_is_kept_but_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    Spool::open(dir.path(), sender("a"), SpoolLimits::default()).unwrap().push(&1).unwrap();
    let spool = Spool::open(dir.path(), sender("b"), SpoolLimits::default()).unwrap();
    assert_eq!(spool.next(10, 1 << 20).unwrap(), None);
    assert!(spool.status().foreign_bytes > 0);
}

#[test]
fn records_that_cannot_be_sent_are_gaps_or_errors() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), sender("n"), SpoolLimits::default()).unwrap();
    let error = spool.push(&"x".repeat(MAX_RECORD_BYTES)).unwrap_err();
    assert!(matches!(error, PushError::TooBig { seq: 1, .. }), "{error}");
    let no_json = BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(spool.push(&no_json), Err(PushError::Json(_))));
    assert_eq!(spool.push_with(|seq| json!({ "seq": seq })).unwrap(), 2);
    let raw = serde_json::value::RawValue::from_string("{\n\"a\":\r\n1}".into()).unwrap();
    assert_eq!(spool.push(&raw).unwrap(), 3);
    let chunk = spool.next(10, 1 << 20).unwrap().unwrap();
    assert_eq!(chunk.gaps, [Gap { from: 1, to: 1, cause: "record_too_big".into() }]);
    assert_eq!(&chunk.records[0][..], br#"{"seq":2}"#);
    assert!(!chunk.records[1].contains(&b'\n'));
}

#[test]
fn refused_records_become_gaps_and_greedy_hubs_get_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), sender("n"), SpoolLimits::default()).unwrap();
    for number in 0..3 {
        spool.push(&number).unwrap();
    }
    let first = spool.next(1, 1 << 20).unwrap().unwrap();
    spool.refuse(&first);
    let rest = spool.next(10, 1 << 20).unwrap().unwrap();
    assert_eq!(rest.gaps, [Gap { from: 1, to: 1, cause: "refused_by_hub".into() }]);
    assert_eq!(rest.records.len(), 2);
    spool.push(&3).unwrap();
    assert!(spool.acknowledge(&rest, u64::MAX));
    assert_eq!(spool.next(10, 1 << 20).unwrap().unwrap().first_seq, 4, "what was not sent stays");
}

#[test]
fn a_crash_loop_leaves_a_bounded_number_of_folders() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..MAX_BOOTS + 10 {
        Spool::open(dir.path(), sender("n"), SpoolLimits::default()).unwrap().push(&number).unwrap();
    }
    assert!(fs::read_dir(dir.path()).unwrap().count() <= MAX_BOOTS);
}
