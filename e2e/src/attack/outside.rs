//! What an attacker has outside of the container: a machine that answers shells, downloads, names and metadata calls.
//!
//! All of it listens in a network namespace of ours, on addresses of RFC 5737 and the metadata service's own; nothing of
//! it is reachable from anywhere else, and no packet leaves the machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, poll};

use crate::parts::lab::Network;

/// The attacker's machine: shells at ports 4444 and 443, downloads at 80 and 8080.
pub const ATTACKER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
/// A mining pool, which names of pools lead to.
pub const POOL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 33);
/// The server of names.
pub const NAMES: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
/// The metadata service of clouds.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The address of the threat list that is there for tests.
pub const LISTED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 66);

/// How long a peer may be silent before a connection is closed.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a thread waits for a peer before it looks whether it should end, in milliseconds.
const TURN: u8 = 50;

/// What a controlled shell is told.
const ORDERS: &[u8] = b"id\nexit\n";

/// The services; dropping them ends their threads.
#[derive(Debug)]
pub struct Outside {
    /// The network, to put containers into.
    pub network: Network,
    ended: Arc<AtomicBool>,
}

type Serve = fn(TcpStream) -> std::io::Result<()>;

impl Outside {
    /// Starts all services in a new network namespace.
    pub fn start(name: &str) -> Result<Self> {
        let addresses: Vec<IpAddr> = [ATTACKER, POOL, NAMES, METADATA, LISTED].map(IpAddr::from).to_vec();
        let network = Network::new(name, &addresses)?;
        let ended = Arc::new(AtomicBool::new(false));
        let services: [(Ipv4Addr, u16, Serve); 9] = [
            (ATTACKER, 4444, command),
            (ATTACKER, 443, command),
            (ATTACKER, 80, hand_out),
            (ATTACKER, 8080, hand_out),
            (POOL, 3333, swallow),
            (POOL, 14444, swallow),
            (ATTACKER, 22, swallow),
            (LISTED, 80, hand_out),
            (METADATA, 80, hand_out),
        ];
        for (address, port, serve) in services {
            let listener = network.inside(|| {
                let at = SocketAddr::from((address, port));
                TcpListener::bind(at).with_context(|| format!("listening at {at}"))
            })?;
            listener.set_nonblocking(true).context("making a listener not block")?;
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || accept(&listener, serve, &ended));
        }
        let names = network.inside(|| UdpSocket::bind((NAMES, 53)).context("listening for names"))?;
        names.set_read_timeout(Some(Duration::from_millis(TURN.into()))).context("limiting the wait for names")?;
        let until = Arc::clone(&ended);
        std::thread::spawn(move || answer_names(&names, &until));
        Ok(Self { network, ended })
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, serve: Serve, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let mut waited = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        // Interrupted or too long: whether to end is looked at, then it is waited for again.
        poll(&mut waited, TURN).ok();
        let Ok((stream, _)) = listener.accept() else { continue };
        std::thread::spawn(move || {
            // What goes wrong with one victim is its own affair; the scenario's alerts are what is judged.
            drop(stream.set_nonblocking(false).and_then(|()| serve(stream)));
        });
    }
}

/// Tells a shell what to do and reads what it says.
fn command(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.write_all(ORDERS)?;
    swallow(stream)
}

/// Reads until the other side ends or is silent.
fn swallow(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Serves a script, a program or a token over HTTP, by the ending of the path.
fn hand_out(stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let body = match path.rsplit('.').next().unwrap_or_default() {
        "sh" => b"#!/bin/sh\nid\n".to_vec(),
        "py" => b"import os\nos.getuid()\n".to_vec(),
        "elf" => testkit::read("/bin/busybox"),
        "b64" => b"aWQK\n".to_vec(),
        _ => b"{\"access_token\":\"not-a-token\"}\n".to_vec(),
    };
    let mut stream = stream;
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// Answers questions for addresses until it should end.
fn answer_names(socket: &UdpSocket, ended: &AtomicBool) {
    let mut buffer = [0; 1500];
    while !ended.load(Ordering::Relaxed) {
        let Ok((count, peer)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(answer) = answer(&buffer[..count]) {
            // A lost datagram is asked for again.
            drop(socket.send_to(&answer, peer));
        }
    }
}

/// An answer to a query (RFC 1035 §4.1): a name that is made up for one run (a long label right below `example`, RFC 2606)
/// does not exist; names of pools are the pool's, all others the attacker's.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(end)?);
        if length == 0 {
            break;
        }
        labels.push(std::str::from_utf8(query.get(end + 1..end + 1 + length)?).ok()?.to_ascii_lowercase());
        end += length + 1;
    }
    let kind = query.get(end + 1..end + 3)?;
    let question = query.get(12..end + 5)?;
    let name = labels.join(".");
    let missing = name.strip_suffix(".example").is_some_and(|label| label.len() >= 10 && !label.contains('.'));
    let is_address = kind == [0, 1] && !missing;
    let pool = [".minexmr.com", ".nanopool.org", ".moneroocean.stream"].iter().any(|pool| name.ends_with(pool));
    let mut out = Vec::new();
    out.extend(query.get(..2)?);
    out.extend([0x81, if missing { 0x83 } else { 0x80 }, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    out.extend(question);
    if is_address {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        out.extend(if pool { POOL } else { ATTACKER }.octets());
    }
    Some(out)
}
