//! The reader of the ring buffer through which the programs tell what they saw.
//!
//! As libbpf's, but for its memory: the kernel lets the ring be mapped twice in a row, so that a record which runs over the
//! end can be read in one piece, and libbpf maps all of it twice; here the second mapping is as long as a record. What the
//! pages hold is laid out in the kernel's `kernel/bpf/ringbuf.c`: a page with the reader's position, one with the
//! writers', then the data.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Longest record: the programs' `struct header`, `TEXT_SIZE`, and room.
const MAX_RECORD: usize = 16 << 10;
/// Before each record: its length and bits, and where its page is.
const RECORD_HEADER: usize = 8;
/// `BPF_RINGBUF_BUSY_BIT`: still being written.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`: not to be read.
const DISCARDED: u32 = 1 << 30;

/// Memory shared with the kernel.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, offset: usize, length: usize, protection: i32) -> std::io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(std::io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        #[expect(unsafe_code, reason = "mapping memory is unsafe in itself")]
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, fd.as_raw_fd(), offset) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, length }),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    /// A position at the start of a page.
    fn position(&self) -> &AtomicUsize {
        // SAFETY: mappings begin at a page and are at least as long as one; the kernel, too, uses this word atomically.
        #[expect(unsafe_code, reason = "memory shared with the kernel")]
        unsafe {
            self.start.cast().as_ref()
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that was made, and what was borrowed from it is gone.
        #[expect(unsafe_code, reason = "taking the mapping away")]
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.length);
        }
    }
}

/// Reads the ring, with what is done with each record.
#[derive(Debug)]
pub struct Reader<'a, F> {
    fd: BorrowedFd<'a>,
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    ring: usize,
    take: F,
}

impl<'a, F: FnMut(&[u8])> Reader<'a, F> {
    /// A reader of a ring of so many bytes, a power of two.
    pub(super) fn new(fd: BorrowedFd<'a>, ring: usize, take: F) -> std::io::Result<Self> {
        let page = page_size();
        let consumer = Mapping::new(fd, 0, page, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(fd, page, page + ring + MAX_RECORD.next_multiple_of(page), libc::PROT_READ)?;
        Ok(Self { fd, consumer, producer, page, ring, take })
    }

    /// Hands on all records that are there, without waiting. Gives how many.
    pub fn consume(&mut self) -> u32 {
        let mut count = 0;
        let mut at = self.consumer.position().load(Ordering::Relaxed);
        while at != self.producer.position().load(Ordering::Acquire) {
            let head = self.length_at(at).load(Ordering::Acquire);
            if head & BUSY != 0 {
                break;
            }
            let length = (head & !DISCARDED) as usize;
            // None of our programs writes longer ones.
            if head & DISCARDED == 0 && length <= MAX_RECORD - RECORD_HEADER {
                let record = self.record(at, length);
                (self.take)(record);
                count += 1;
            }
            at = at.wrapping_add((RECORD_HEADER + length).next_multiple_of(RECORD_HEADER));
            self.consumer.position().store(at, Ordering::Release);
        }
        count
    }

    fn data(&self, at: usize) -> NonNull<u8> {
        // SAFETY: the data begin a page after the writers' position and are `ring` bytes long, a power of two.
        #[expect(unsafe_code, reason = "memory shared with the kernel")]
        unsafe {
            self.producer.start.add(self.page + (at & (self.ring - 1)))
        }
    }

    fn length_at(&self, at: usize) -> &AtomicU32 {
        // SAFETY: records begin at multiples of eight, with this word; the kernel, too, uses it atomically.
        #[expect(unsafe_code, reason = "memory shared with the kernel")]
        unsafe {
            self.data(at).cast().as_ref()
        }
    }

    fn record<'r>(&self, at: usize, length: usize) -> &'r [u8] {
        // SAFETY: at most `MAX_RECORD` bytes from any place in the ring on are mapped, and the kernel does not write a
        // finished record before the reader's position is beyond it. That is moved after the record was handed on, and
        // whoever takes it cannot keep it: the closure takes any lifetime.
        #[expect(unsafe_code, reason = "memory shared with the kernel")]
        unsafe {
            std::slice::from_raw_parts(self.data(at).as_ptr().add(RECORD_HEADER), length)
        }
    }
}

impl<F> AsFd for Reader<'_, F> {
    /// Readable while records are there.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd
    }
}

fn page_size() -> usize {
    // SAFETY: sysconf takes a number and changes nothing.
    #[expect(unsafe_code, reason = "a call of the C library")]
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
