//! One request in an `io_uring` (`include/uapi/linux/io_uring.h`): to open a file that is not there.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `IORING_OP_OPENAT`.
const OPENAT: u8 = 18;
/// `IORING_OFF_SQ_RING`, `IORING_OFF_SQES`.
const OFFSETS: [i64; 2] = [0, 0x1000_0000];
/// `struct io_uring_params`, and where in it the offsets of the submission queue's fields are: head, tail, mask, …, array.
const PARAMS_BYTES: usize = 120;
const TAIL_OFFSET: usize = 44;
const ARRAY_OFFSET: usize = 64;
/// A page: a ring of one entry is smaller.
const PAGE: usize = 4096;
/// Bytes of a word of the ring.
const WORD: usize = 4;
/// The name that no file has.
const NO_FILE: &std::ffi::CStr = c"/proc/self/seawall-canary";

/// Makes a ring and submits the request. False where this kernel or its settings allow no ring.
pub(super) fn submit() -> bool {
    let mut params = [0_u8; PARAMS_BYTES];
    // SAFETY: the kernel writes at most `PARAMS_BYTES` into `params`.
    #[expect(unsafe_code, reason = "there is no safe wrapper for io_uring")]
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) };
    let Ok(fd) = i32::try_from(fd) else { return false };
    if fd < 0 {
        return false;
    }
    // SAFETY: the kernel just made it, nobody else owns it.
    #[expect(unsafe_code, reason = "the call gives a bare number")]
    let ring = unsafe { OwnedFd::from_raw_fd(fd) };
    let [Some(queue), Some(entry)] = OFFSETS.map(|offset| map(&ring, offset)) else { return false };
    let word = |at: usize| params[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes)) as usize / WORD;
    let (tail, array) = (word(TAIL_OFFSET), word(ARRAY_OFFSET));
    if tail.max(array) >= PAGE / WORD {
        return false;
    }
    // struct io_uring_sqe: opcode at 0, fd at 4, addr at 16.
    let name = (NO_FILE.as_ptr() as u64).to_ne_bytes();
    let halves = name.as_chunks::<WORD>().0;
    let words = [
        (0, u32::from_ne_bytes([OPENAT, 0, 0, 0])),
        (1, libc::AT_FDCWD.cast_unsigned()),
        (4, u32::from_ne_bytes(halves[0])),
        (5, u32::from_ne_bytes(halves[1])),
    ];
    // SAFETY: both pages are mapped, writable, ours and aligned; the words lie within them as checked. They stay mapped
    // until the child ends.
    #[expect(unsafe_code, reason = "the ring is shared memory")]
    unsafe {
        for (at, value) in words {
            entry.add(at).write(value);
        }
        queue.add(array).write(0);
        queue.add(tail).write_volatile(1);
    }
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    // SAFETY: numbers only, and no signal mask.
    #[expect(unsafe_code, reason = "there is no safe wrapper for io_uring")]
    let submitted =
        unsafe { libc::syscall(libc::SYS_io_uring_enter, ring.as_raw_fd(), 1, 0, 0, std::ptr::null::<u8>(), 0_usize) };
    submitted == 1
}

fn map(ring: &OwnedFd, offset: i64) -> Option<*mut u32> {
    // SAFETY: a new mapping at an address that the kernel chooses.
    #[expect(unsafe_code, reason = "there is no safe wrapper for mmap of a ring")]
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            ring.as_raw_fd(),
            offset,
        )
    };
    (at != libc::MAP_FAILED).then(|| at.cast())
}
