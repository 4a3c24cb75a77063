//! Records made by hand, for the tests of what reads them.

use super::HEADER_SIZE;

/// Makes records of one process.
#[derive(Debug, Clone)]
pub(crate) struct RecordBuilder {
    header: Vec<u8>,
}

impl RecordBuilder {
    pub(crate) fn new(pid: u32, name: &str) -> Self {
        let mut header = vec![0; HEADER_SIZE];
        // Started a second after boot, seen two seconds after boot.
        header[8..16].copy_from_slice(&2_000_000_000u64.to_ne_bytes());
        header[16..24].copy_from_slice(&1_000_000_000u64.to_ne_bytes());
        header[48..52].copy_from_slice(&pid.to_ne_bytes());
        header[52..56].copy_from_slice(&pid.to_ne_bytes());
        header[64..68].copy_from_slice(&u32::MAX.to_ne_bytes());
        header[72..72 + name.len()].copy_from_slice(name.as_bytes());
        Self { header }
    }

    pub(crate) fn cgroup_of(mut self, id: u64) -> Self {
        self.header[24..32].copy_from_slice(&id.to_ne_bytes());
        self
    }

    fn kind(&self, kind: u16) -> Vec<u8> {
        let mut record = self.header.clone();
        record[4..6].copy_from_slice(&kind.to_ne_bytes());
        record
    }

    pub(crate) fn exec(&self, exe: &str, argv: &str) -> Vec<u8> {
        let mut record = self.kind(1);
        let mut body = vec![0; 208];
        body[48..52].copy_from_slice(&super::EXE_KNOWN.to_ne_bytes());
        body[56..58].copy_from_slice(&u16::try_from(argv.len()).unwrap().to_ne_bytes());
        body[58..60].copy_from_slice(&u16::try_from(exe.len()).unwrap().to_ne_bytes());
        record.extend(body);
        record.extend(argv.as_bytes());
        record.extend(exe.as_bytes());
        record
    }

    pub(crate) fn open(&self, path: &str) -> Vec<u8> {
        let mut record = self.kind(3);
        let mut body = vec![0; 32];
        body[0..8].copy_from_slice(&3i64.to_ne_bytes());
        body[28..30].copy_from_slice(&u16::try_from(path.len()).unwrap().to_ne_bytes());
        record.extend(body);
        record.extend(path.as_bytes());
        record
    }

    pub(crate) fn cgroup(&self, id: u64, path: &str, removed: bool) -> Vec<u8> {
        let mut record = self.kind(8);
        record.extend(id.to_ne_bytes());
        record.extend(u32::from(removed).to_ne_bytes());
        record.extend(u16::try_from(path.len()).unwrap().to_ne_bytes());
        record.extend([0; 2]);
        record.extend(path.as_bytes());
        record
    }
}
