//! The capabilities that the sensor needs; all others are given up at start (capabilities(7)).

use model::Capabilities;

/// What is needed, and for what.
pub const NEEDED: [(&str, &str); 6] = [
    ("CAP_BPF", "loading programs and using their maps"),
    ("CAP_PERFMON", "tracing programs, which read kernel memory"),
    ("CAP_NET_ADMIN", "programs at the cgroup's network hooks"),
    ("CAP_SYS_ADMIN", "iterators over tasks, on kernels that do not know CAP_BPF"),
    ("CAP_SYS_PTRACE", "links in /proc of other users' processes"),
    ("CAP_DAC_READ_SEARCH", "bundles and sockets of runtimes that do not run as root"),
];

/// Why capabilities could not be given up.
#[derive(Debug, thiserror::Error)]
#[error("giving up capabilities ({call})")]
pub struct DropError {
    call: &'static str,
    #[source]
    source: std::io::Error,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words per set.
const VERSION: u32 = 0x2008_0522;

/// The names of what is needed, for people.
pub fn names() -> String {
    NEEDED.map(|(name, _)| name).join(", ")
}

/// The needed set.
pub fn needed() -> Capabilities {
    Capabilities::from_names(NEEDED.iter().map(|(name, _)| *name))
}

/// Gives up what is not needed, for this thread and all that it starts, and for programs that they execute. Returns what
/// was needed and is not there.
pub fn drop_rest() -> Result<Vec<&'static str>, DropError> {
    let error = |call| move || DropError { call, source: std::io::Error::last_os_error() };
    let header = Header { version: VERSION, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: `header` and `data` have the layout of capget(2)'s structures and outlive the call.
    #[expect(unsafe_code, reason = "libc has no wrapper for capget")]
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) };
    (got == 0).then_some(()).ok_or_else(error("capget"))?;
    let permitted = u64::from(data[0].permitted) | u64::from(data[1].permitted) << 32;
    let keep = needed().0;
    for (capability, _) in Capabilities::NAMES.iter().enumerate().filter(|(bit, _)| keep >> bit & 1 == 0) {
        // SAFETY: PR_CAPBSET_DROP takes a number. It fails for one that this kernel does not know or without
        // CAP_SETPCAP; then the bounding set stays as it was, and the sets below are still cut.
        #[expect(unsafe_code, reason = "libc's prctl is variadic")]
        unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)
        };
    }
    let kept = permitted & keep;
    let word = |shift: u32| (kept >> shift & 0xffff_ffff) as u32;
    for (index, half) in data.iter_mut().enumerate() {
        let bits = word(if index == 0 { 0 } else { 32 });
        *half = Data { effective: bits, permitted: bits, inheritable: 0 };
    }
    // SAFETY: as for capget.
    #[expect(unsafe_code, reason = "libc has no wrapper for capset")]
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    (set == 0).then_some(()).ok_or_else(error("capset"))?;
    Ok(Capabilities(keep & !kept).names().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_has_names_that_the_kernel_knows() {
        assert_eq!(needed().names().count(), NEEDED.len());
    }

    #[test]
    fn the_rest_is_given_up() {
        // On a thread of its own: capabilities belong to threads.
        let status = std::thread::spawn(|| {
            drop_rest().unwrap();
            testkit::read_text("/proc/thread-self/status")
        });
        let status = status.join().unwrap();
        for set in ["CapEff:", "CapPrm:"] {
            let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
            assert_eq!(u64::from_str_radix(line.trim(), 16).unwrap() & !needed().0, 0, "{set}");
        }
    }
}
