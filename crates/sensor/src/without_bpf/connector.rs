//! The process connector: netlink messages of forks, execs and exits.
//!
//! Formats: `include/uapi/linux/{netlink,connector,cn_proc}.h`. It works in the initial pid and network namespaces only.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// `NETLINK_CONNECTOR`.
const PROTOCOL: libc::c_int = 11;
/// `AF_NETLINK`.
const FAMILY: libc::sa_family_t = 16;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// Length of `struct sockaddr_nl`.
const LENGTH_OF_ADDRESS: libc::socklen_t = 12;
/// Length of an int.
const LENGTH_OF_INT: libc::socklen_t = 4;
/// `CN_IDX_PROC` and `CN_VAL_PROC`, and the multicast group.
const PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN`.
const LISTEN: u32 = 1;
/// Length of `struct nlmsghdr`.
const NETLINK_HEADER: usize = 16;
/// Length of `struct cn_msg`.
const CONNECTOR_HEADER: usize = 20;
/// `struct proc_event` before its union: what, cpu, time.
const EVENT_HEADER: usize = 16;
/// A message is below 100 bytes, a page holds what one read gives.
const READ_BYTES: usize = 4096;
/// Messages that wait: at some hundred bytes each, ten thousand forks.
const BUFFER_BYTES: libc::c_int = 4 << 20;
/// Messages of one go, so that a fork storm cannot keep the reader.
const MAX_AT_ONCE: usize = 4096;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A process was created.
    Fork {
        /// By whom.
        parent: u32,
        /// Its id.
        child: u32,
    },
    /// A program was started.
    Exec {
        /// The process.
        pid: u32,
    },
    /// A process ended; the code is as in wait(2).
    Exit {
        /// The process.
        pid: u32,
        /// As in wait(2).
        code: u32,
    },
}

/// The kernel gives no connector.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen to the process connector ({call})")]
pub struct ConnectorError {
    call: &'static str,
    #[source]
    source: io::Error,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Connector {
    socket: OwnedFd,
    /// How often messages were lost because nobody read in time.
    pub lost: u64,
}

impl Connector {
    /// Begins to listen.
    pub fn open() -> Result<Self, ConnectorError> {
        let error = |call| move || ConnectorError { call, source: io::Error::last_os_error() };
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: plain numbers; the result is checked before it is used.
        #[expect(unsafe_code, reason = "nix knows no connector")]
        let raw = unsafe { libc::socket(libc::AF_NETLINK, kind, PROTOCOL) };
        (raw >= 0).then_some(()).ok_or_else(error("socket"))?;
        // SAFETY: the descriptor was just made and belongs to nobody else.
        #[expect(unsafe_code, reason = "a descriptor comes as a number")]
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: the option's value is an int, as its length says. A refusal leaves the default size.
        #[expect(unsafe_code, reason = "nix knows no connector")]
        unsafe {
            let size = BUFFER_BYTES;
            let length = LENGTH_OF_INT;
            libc::setsockopt(raw, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const size).cast(), length);
        }
        // SAFETY: sockaddr_nl is plain data for which zero is a value.
        #[expect(unsafe_code, reason = "the structure has private padding")]
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = FAMILY;
        address.nl_groups = PROC;
        // SAFETY: the address has the length that is given and outlives the call.
        #[expect(unsafe_code, reason = "nix knows no connector")]
        let bound = unsafe { libc::bind(raw, (&raw const address).cast(), LENGTH_OF_ADDRESS) };
        (bound == 0).then_some(()).ok_or_else(error("bind"))?;
        nix::unistd::write(&socket, &listen())
            .map_err(|errno| ConnectorError { call: "write", source: errno.into() })?;
        Ok(Self { socket, lost: 0 })
    }

    /// Readable when something happened.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What happened since the last call.
    pub fn read(&mut self) -> Vec<Happened> {
        let mut all = Vec::new();
        let mut bytes = [0; READ_BYTES];
        while all.len() < MAX_AT_ONCE {
            match nix::sys::socket::recv(self.socket.as_raw_fd(), &mut bytes, nix::sys::socket::MsgFlags::empty()) {
                Ok(count) => all.extend(bytes.get(..count).and_then(parse)),
                Err(nix::errno::Errno::ENOBUFS) => self.lost += 1,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        all
    }
}

/// The message that asks for events.
fn listen() -> Vec<u8> {
    let length = NETLINK_HEADER + CONNECTOR_HEADER + 4;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or_default().to_ne_bytes());
    bytes.extend(DONE.to_ne_bytes());
    // Flags, sequence, sender; then id, sequence, acknowledgement, length, flags.
    bytes.extend([0; NETLINK_HEADER - 6]);
    bytes.extend([PROC, PROC, 0, 0].iter().flat_map(|number| number.to_ne_bytes()));
    bytes.extend([4_u16, 0].iter().flat_map(|number| number.to_ne_bytes()));
    bytes.extend(LISTEN.to_ne_bytes());
    bytes
}

/// Reads one message. Threads are not told, only processes.
pub fn parse(message: &[u8]) -> Option<Happened> {
    let event = message.get(NETLINK_HEADER + CONNECTOR_HEADER..)?;
    let number = |at: usize| event.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let field = |index: usize| number(EVENT_HEADER + index * 4);
    match number(0)? {
        // PROC_EVENT_FORK: parent and child, thread and group each.
        0x1 => {
            let (parent, thread, child) = (field(1)?, field(2)?, field(3)?);
            (thread == child).then_some(Happened::Fork { parent, child })
        }
        // PROC_EVENT_EXEC
        0x2 => Some(Happened::Exec { pid: field(1)? }),
        // PROC_EVENT_EXIT
        0x8000_0000 => {
            let (thread, pid) = (field(0)?, field(1)?);
            (thread == pid).then_some(Happened::Exit { pid, code: field(2)? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, fields: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; NETLINK_HEADER + CONNECTOR_HEADER];
        bytes.extend(what.to_ne_bytes());
        bytes.extend([0; EVENT_HEADER - 4]);
        bytes.extend(fields.iter().flat_map(|field| field.to_ne_bytes()));
        bytes
    }

    #[test]
    fn events_of_processes_are_read_and_those_of_threads_are_not() {
        let check = |what, fields: &[u32], expected| assert_eq!(parse(&message(what, fields)), expected);
        check(1, &[7, 7, 9, 9], Some(Happened::Fork { parent: 7, child: 9 }));
        check(1, &[7, 7, 10, 9], None);
        check(2, &[9, 9], Some(Happened::Exec { pid: 9 }));
        check(0x8000_0000, &[9, 9, 0x300, 17], Some(Happened::Exit { pid: 9, code: 0x300 }));
        check(0x8000_0000, &[10, 9, 0, 17], None);
        check(4, &[9, 9, 0, 0], None);
        let whole = message(1, &[7, 7, 9, 9]);
        assert!((0..whole.len()).all(|length| parse(&whole[..length]).is_none()), "cut messages are none");
    }

    #[test]
    fn the_question_has_the_lengths_of_its_headers() {
        let bytes = listen();
        assert_eq!(bytes.len(), 40);
        assert_eq!(bytes[..4], 40_u32.to_ne_bytes());
    }
}
