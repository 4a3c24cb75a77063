//! The memory that all scans of a conductor share for files that are held as a whole, and temporary files beyond it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use imagescan::{Aside, Room};

/// Bytes of memory for files that are held as a whole, of all layers that are read at one time.
pub const MEMORY_BYTES: u64 = 64 << 20;

/// Memory of which some is left.
#[derive(Debug)]
pub(crate) struct Memory {
    all: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { all: bytes, left: Mutex::new(bytes), returned: Condvar::new() })
    }

    /// A number is whole whatever happened to the thread that changed it.
    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room of one image: the shared memory, and how much of the image went into temporary files.
#[derive(Debug)]
pub(crate) struct ImageRoom {
    memory: Arc<Memory>,
    temporary: Arc<AtomicU64>,
}

impl ImageRoom {
    pub(crate) fn new(memory: &Arc<Memory>) -> Arc<Self> {
        Arc::new(Self { memory: Arc::clone(memory), temporary: Arc::default() })
    }

    /// Bytes that were written to temporary files.
    pub(crate) fn temporary_bytes(&self) -> u64 {
        self.temporary.load(Ordering::Relaxed)
    }
}

impl Room for ImageRoom {
    fn take(&self, bytes: u64) -> bool {
        let mut left = self.memory.left();
        let fits = *left >= bytes;
        if fits {
            *left -= bytes;
        }
        fits
    }

    fn wait(&self, bytes: u64) -> bool {
        if bytes > self.memory.all {
            return false;
        }
        let waited = self.memory.returned.wait_while(self.memory.left(), |left| *left < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
        true
    }

    fn give_back(&self, bytes: u64) {
        *self.memory.left() += bytes;
        self.memory.returned.notify_all();
    }

    fn aside(&self) -> io::Result<Box<dyn Aside>> {
        // It has no name: whatever becomes of this process, nothing is left behind.
        Ok(Box::new(Counted { file: tempfile::tempfile()?, written: Arc::clone(&self.temporary) }))
    }
}

/// A temporary file that counts what is written to it.
struct Counted {
    file: File,
    written: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_and_files_are_counted() {
        let memory = Memory::new(10);
        let (one, other) = (ImageRoom::new(&memory), ImageRoom::new(&memory));
        assert!(one.take(6) && !other.take(6) && other.take(4) && !one.take(1));
        one.give_back(6);
        assert!(other.take(5));
        assert!(!one.wait(11), "there never is so much");
        let waiting = std::thread::spawn(move || one.wait(10).then_some(one));
        other.give_back(4);
        other.give_back(5);
        let one = waiting.join().unwrap().unwrap();
        assert!(!other.take(1));
        let mut file = one.aside().unwrap();
        file.write_all(b"large").unwrap();
        file.rewind().unwrap();
        let mut back = [0; 5];
        file.read_exact(&mut back).unwrap();
        assert_eq!((&back, one.temporary_bytes(), other.temporary_bytes()), (b"large", 5, 0));
    }
}
