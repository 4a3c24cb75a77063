//! Records → bodies of events. Pure; the paths are put together here, the process and the scope come from the tables.

use model::event::{Direction, Endpoint, Exec, Exit, FileOpen, FileOperation, Network, PathSource, Stdio, StdioType};
use model::{Capabilities, OpenFlags, event};

use crate::calls;
use crate::record::{self, AF_INET, AF_INET6, AF_UNIX, Address, Open, Socket, SocketCall, Task};
use crate::signal::Signal;

/// An exec.
pub fn exec(task: &Task<'_>) -> event::Body {
    let stdio = task.stdio.iter().zip(task.peers).map(|(kind, peer)| Stdio {
        r#type: match kind {
            1 => StdioType::File,
            2 => StdioType::Pipe,
            3 => StdioType::Socket,
            4 => StdioType::Tty,
            _ => StdioType::None,
        },
        peer: peer
            .remote_ip()
            .filter(|_| peer.remote_port != 0)
            .map(|ip| std::net::SocketAddr::new(ip, peer.remote_port).to_string()),
        pipe: (*kind == 2).then(|| peer.number()).filter(|number| *number != 0),
        family: (*kind == 3).then(|| family(peer).to_owned()),
        name: match kind {
            1 | 4 => device(peer.number()),
            3 => ends(peer),
            _ => None,
        },
    });
    event::Body::Exec(Exec {
        argv_truncated: task.argv_truncated,
        script: (!task.script.is_empty()).then(|| record::text(task.script)),
        stdio: stdio.collect(),
        result: 0,
    })
}

/// A new process.
pub fn fork(child: model::ProcessKey, flags: u64) -> event::Body {
    event::Body::Fork(event::Fork { child, flags: names_of(flags) })
}

fn names_of(flags: u64) -> Vec<String> {
    CLONE_FLAGS.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name.to_owned()).collect()
}

/// The namespaces that a process made for its child, as if it had called unshare(2) there; none without any.
pub fn namespaces_of_clone(flags: u64) -> Option<event::Body> {
    let made: Vec<String> = names_of(flags).into_iter().filter(|name| name.starts_with("CLONE_NEW")).collect();
    let args = serde_json::Map::from_iter([("flags".to_owned(), made.clone().into())]);
    (!made.is_empty()).then(|| event::Body::Namespace(event::Call { call: "clone".into(), args, result: 0 }))
}

/// Flags of clone(2) that say something of isolation (`include/uapi/linux/sched.h`).
const CLONE_FLAGS: [(u64, &str); 12] = [
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x4000, "CLONE_VFORK"),
    (0x0002_0000, "CLONE_NEWNS"),
    (0x0200_0000, "CLONE_NEWCGROUP"),
    (0x0400_0000, "CLONE_NEWUTS"),
    (0x0800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x2_0000_0000, "CLONE_INTO_CGROUP"),
];

/// The end of a process that ran for so many nanoseconds; `code` is as wait(2) gives it.
pub fn exit(code: u32, ran: u64) -> event::Body {
    let [signal, status, ..] = code.to_le_bytes();
    event::Body::Exit(Exit { code: status.into(), signal: (signal & 0x7f).into(), duration_ms: ran / 1_000_000 })
}

/// An open.
pub fn open(open: &Open<'_>) -> event::Body {
    let raw = record::text(open.raw);
    let (path, path_source) = if open.user_path {
        (join(&record::text(open.path), &raw), PathSource::User)
    } else {
        (record::text(open.path), PathSource::Kernel)
    };
    event::Body::FileOpen(FileOpen {
        raw_path: (!raw.is_empty() && raw != path).then_some(raw),
        path,
        flags: OpenFlags(open.flags),
        result: open.result,
        inode: (open.inode != 0).then_some(open.inode),
        path_source,
    })
}

/// A call on a socket; `None` for families that are neither internet nor Unix, and for binding a socket of TCP: it serves
/// only with the `listen` that follows, and clients bind as well.
pub fn socket(socket: &Socket<'_>) -> Option<event::Body> {
    let address = socket.address;
    if socket.call == SocketCall::Bind && protocol(address) == Some("tcp") {
        return None;
    }
    let (direction, connects) = match socket.call {
        SocketCall::Connect | SocketCall::ConnectAtCgroup | SocketCall::Send => (Direction::Outbound, true),
        SocketCall::Accept | SocketCall::Listen | SocketCall::Bind => (Direction::Inbound, false),
    };
    let network = Network {
        protocol: protocol(address)?.to_owned(),
        local: endpoint(address.local_ip(), address.local_port),
        remote: endpoint(address.remote_ip(), address.remote_port).filter(|_| socket.call != SocketCall::Listen),
        path: (!socket.path.is_empty()).then(|| record::text(socket.path)),
        result: socket.result,
        direction,
    };
    Some(match socket.call {
        SocketCall::Accept => event::Body::Accept(network),
        _ if connects => event::Body::Connect(network),
        _ => event::Body::Listen(network),
    })
}

/// A call; `None` for one that no kind of event stands for.
pub fn call(signal: Signal, call: &record::Call<'_>) -> Option<event::Body> {
    if signal == Signal::Dup {
        return duplicated(call);
    }
    let call = calls::call(call.number, &call.args, call.result, &record::text(call.text))?;
    Some(match signal {
        Signal::Ptrace => event::Body::Ptrace(call),
        Signal::Bpf => event::Body::Bpf(call),
        Signal::Userfaultfd => event::Body::Userfaultfd(call),
        Signal::Socket => event::Body::Socket(call),
        Signal::ModuleLoad => event::Body::ModuleLoad(call),
        Signal::Mount => event::Body::Mount(call),
        Signal::Namespace => event::Body::Namespace(call),
        Signal::Memfd => event::Body::Memfd(call),
        Signal::IoUring => event::Body::IoUring(call),
        Signal::SetId => event::Body::SetId(call),
        _ => return None,
    })
}

/// A socket that became standard input or output: what it is and its ends are told as Falco's language names them.
fn duplicated(call: &record::Call<'_>) -> Option<event::Body> {
    let mut body = calls::call(call.number, &call.args, call.result, "")?;
    if let Ok(address) = record::address(call.text) {
        body.args.insert("fd_type".into(), family(address).into());
        if let Some(protocol) = protocol(address) {
            body.args.insert("fd_protocol".into(), protocol.into());
        }
        if let Some(ends) = ends(address) {
            body.args.insert("fd_name".into(), ends.into());
        }
    }
    Some(event::Body::Dup(body))
}

/// What a socket is, as Falco's language names it.
fn family(address: Address) -> &'static str {
    match (address.family, address.remote_ip()) {
        (AF_UNIX, _) => "unix",
        (AF_INET, _) | (AF_INET6, Some(std::net::IpAddr::V4(_))) => "ipv4",
        (AF_INET6, _) => "ipv6",
        _ => "socket",
    }
}

/// The known ends of a socket. Who called whom is not in it: this end is written first.
fn ends(address: Address) -> Option<String> {
    let local = endpoint(address.local_ip(), address.local_port).filter(|end| end.port != 0);
    let remote = endpoint(address.remote_ip(), address.remote_port).filter(|end| end.port != 0);
    let ends: Vec<String> =
        [local, remote].into_iter().flatten().map(|end| format!("{}:{}", end.ip, end.port)).collect();
    (!ends.is_empty()).then(|| ends.join("->"))
}

/// The name of a character device by its number, as the kernel has it: twenty bits of minor number
/// (`Documentation/admin-guide/devices.txt`).
fn device(number: u64) -> Option<String> {
    /// Pseudo-terminals of one major number.
    const TERMINALS: u64 = 256;
    let (major, minor) = (number >> 20, number & 0xf_ffff);
    Some(match (major, minor) {
        (1, 3) => "/dev/null".to_owned(),
        (4, minor) => format!("/dev/tty{minor}"),
        (5, 0) => "/dev/tty".to_owned(),
        (5, 1) => "/dev/console".to_owned(),
        (136..=143, minor) => format!("/dev/pts/{}", (major - 136) * TERMINALS + minor),
        _ => return None,
    })
}

/// A change of a file.
pub fn change(change: &record::Change<'_>) -> Option<event::Body> {
    let operation = calls::operation(change.number, change.mode)?;
    let path = |index: usize| join(&record::text(change.bases[index]), &record::text(change.paths[index]));
    // A symbolic link's target is what it says, not a path of the caller's.
    let first = if operation == FileOperation::Symlink { record::text(change.paths[0]) } else { path(0) };
    let two = matches!(operation, FileOperation::Rename | FileOperation::Link | FileOperation::Symlink);
    let has_mode = matches!(operation, FileOperation::Chmod | FileOperation::Mkdir | FileOperation::Attributes);
    Some(event::Body::FileChange(event::FileChange {
        operation,
        path: first,
        new_path: two.then(|| path(1)),
        mode: has_mode.then_some(change.mode),
        result: change.result,
        sha256_before: None,
        sha256_after: None,
        path_source: if change.kernel_path { PathSource::Kernel } else { PathSource::User },
    }))
}

/// A capability that was asked for.
pub fn capability(number: i32, result: i32) -> event::Body {
    let known = usize::try_from(number).ok().and_then(|number| Capabilities::NAMES.get(number));
    event::Body::Capability(event::CapabilityUse {
        capability: known.map_or_else(|| format!("CAP_{number}"), |name| (*name).to_owned()),
        granted: result == 0,
    })
}

/// A message from or to a name server, with its id.
pub fn dns(dns: &record::Dns<'_>) -> Option<(u16, event::Dns)> {
    let message = crate::dns::parse(dns.message)?;
    // What comes to a port 53 here is a question to a server of this machine, told by who asked it.
    if message.is_answer == dns.outgoing {
        return None;
    }
    let server = endpoint(dns.server.remote_ip(), dns.server.remote_port);
    Some((message.id, event::Dns { server, ..message.dns }))
}

/// A request in an `io_uring`, as a call of its own.
pub fn uring(uring: &record::Uring) -> event::Body {
    let mut args = model::Extra::new();
    args.insert("operation".into(), calls::uring_operation(uring.opcode).into());
    args.insert("opcode".into(), uring.opcode.into());
    args.insert("fd".into(), uring.fd.into());
    event::Body::IoUring(event::Call { call: "io_uring_submit".into(), args, result: 0 })
}

/// A signal to another process, of which the name is told where it is known.
pub fn signal(signal: &record::SignalSent, target: Option<&str>) -> event::Body {
    let mut args = model::Extra::new();
    args.insert("sig".into(), signal.number.into());
    args.insert("pid".into(), signal.target.into());
    if let Some(target) = target {
        args.insert("target".into(), target.into());
    }
    event::Body::Signal(event::Call { call: "kill".into(), args, result: 0 })
}

fn endpoint(ip: Option<std::net::IpAddr>, port: u16) -> Option<Endpoint> {
    ip.filter(|ip| port != 0 || !ip.is_unspecified()).map(|ip| Endpoint { ip, port })
}

/// By `IPPROTO_*` (`include/uapi/linux/in.h`).
fn protocol(address: Address) -> Option<&'static str> {
    Some(match (address.family, address.protocol) {
        (AF_UNIX, _) => "unix",
        (AF_INET | AF_INET6, 6) => "tcp",
        (AF_INET | AF_INET6, 17) => "udp",
        (AF_INET | AF_INET6, 1 | 58) => "icmp",
        (AF_INET | AF_INET6, 132) => "sctp",
        (AF_INET | AF_INET6, _) => "raw",
        _ => return None,
    })
}

/// A path as the caller gave it, made absolute, with `.` and `..` resolved as text: it was not followed, so that
/// symbolic links in it are not.
pub fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { directory };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join() {
        let check = |directory, path, expected: &str| assert_eq!(join(directory, path), expected, "{directory} {path}");
        check("/etc", "shadow", "/etc/shadow");
        check("/etc/ssl", "../shadow", "/etc/shadow");
        check("/etc", "/usr/./bin//ls", "/usr/bin/ls");
        check("/", "../../x", "/x");
        check("/a", "", "/a");
        check("", "", "/");
    }

    #[test]
    fn wait_codes_are_taken_apart() {
        let check = |code, expected: (i32, i32)| {
            let event::Body::Exit(exit) = exit(code, 2_500_000) else { panic!("an exit") };
            assert_eq!(((exit.code, exit.signal), exit.duration_ms), (expected, 2));
        };
        check(0, (0, 0));
        check(0x0300, (3, 0));
        check(9, (0, 9));
        check(0x8b, (0, 11));
    }

    #[test]
    fn sockets_name_both_ends() {
        let mut address =
            Address { family: AF_INET, protocol: 6, local_port: 0, remote_port: 443, ..Address::default() };
        address.remote[..4].copy_from_slice(&[192, 0, 2, 1]);
        let call = Socket { result: -115, fd: 3, call: SocketCall::Connect, address, path: b"" };
        let Some(event::Body::Connect(network)) = socket(&call) else { panic!("a connect") };
        assert_eq!((network.protocol.as_str(), network.local, network.result), ("tcp", None, -115));
        assert_eq!(network.remote, Some(Endpoint { ip: [192, 0, 2, 1].into(), port: 443 }));

        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        let six = Address { family: AF_INET6, remote: mapped, ..address };
        let Some(event::Body::Accept(network)) = socket(&Socket { call: SocketCall::Accept, address: six, ..call })
        else {
            panic!("an accept")
        };
        assert_eq!(
            network.remote,
            Some(Endpoint { ip: [192, 0, 2, 1].into(), port: 443 }),
            "mapped addresses are IPv4"
        );

        let netlink = Address { family: 16, ..address };
        assert_eq!(socket(&Socket { address: netlink, ..call }), None);
    }

    #[test]
    fn a_duplicated_socket_says_what_it_is() {
        let check = |family: u16, remote: [u8; 16], expected: serde_json::Value| {
            let mut bytes = Vec::new();
            for half in [family, 40_000, 4444, 6] {
                bytes.extend(half.to_ne_bytes());
            }
            bytes.extend([10, 0, 0, 2].iter().chain(&[0; 12]));
            bytes.extend(remote);
            let call = record::Call { result: 0, args: [7, 0, 0, 0, 0, 0], number: 33, text: &bytes };
            let Some(event::Body::Dup(dup)) = super::call(Signal::Dup, &call) else { panic!("a dup") };
            let told = ["fd_type", "fd_protocol", "fd_name"].map(|name| dup.args.get(name).cloned());
            assert_eq!(serde_json::json!(told), expected);
        };
        let mut remote = [0; 16];
        remote[..4].copy_from_slice(&[192, 0, 2, 7]);
        check(AF_INET, remote, serde_json::json!(["ipv4", "tcp", "10.0.0.2:40000->192.0.2.7:4444"]));
        check(AF_UNIX, [0; 16], serde_json::json!(["unix", "unix", null]));
        let six = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
        check(AF_INET6, six, serde_json::json!(["ipv6", "tcp", "a00:2:::40000->2001:db8::1:4444"]));
    }

    #[test]
    fn a_failed_open_is_what_the_caller_said() {
        let call = Open {
            result: -2,
            inode: 0,
            flags: 0,
            mode: 0,
            user_path: true,
            unjudged: false,
            path: b"/etc",
            raw: b"./shadow",
        };
        let event::Body::FileOpen(open) = open(&call) else { panic!("an open") };
        assert_eq!((open.path.as_str(), open.path_source, open.inode), ("/etc/shadow", PathSource::User, None));
        assert_eq!(open.raw_path.as_deref(), Some("./shadow"));
    }
}
