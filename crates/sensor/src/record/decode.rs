//! Bytes → [`Record`], field by field in the order of `src/bpf/record.h`.

use super::{
    Address, Body, Call, Cgroup, Change, Dns, Fork, HEADER_SIZE, Header, Open, Record, RecordError, SignalSent, Socket,
    SocketCall, Task, Uring,
};

/// A reader that remembers the length for its errors.
struct Cursor<'a> {
    rest: &'a [u8],
    size: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, size: bytes.len() }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(RecordError::Short { size: self.size, needed: self.size - self.rest.len() + N })?;
        self.rest = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, RecordError> {
        Ok(u16::from_ne_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        Ok(u32::from_ne_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32, RecordError> {
        Ok(i32::from_ne_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        Ok(u64::from_ne_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, RecordError> {
        Ok(i64::from_ne_bytes(self.array()?))
    }

    /// Text may be cut: what is there is better than nothing.
    fn text(&mut self, size: u16) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(usize::from(size).min(self.rest.len()));
        self.rest = rest;
        head
    }

    fn address(&mut self) -> Result<Address, RecordError> {
        Ok(Address {
            family: self.u16()?,
            local_port: self.u16()?,
            remote_port: self.u16()?,
            protocol: self.u16()?,
            local: self.array()?,
            remote: self.array()?,
        })
    }

    fn header(&mut self) -> Result<Header, RecordError> {
        self.u32()?;
        Ok(Header {
            kind: self.u16()?,
            signal: self.u16()?,
            time: self.u64()?,
            start_time: self.u64()?,
            cgroup_id: self.u64()?,
            caps_effective: self.u64()?,
            caps_permitted: self.u64()?,
            pid: self.u32()?,
            tid: self.u32()?,
            uid: self.u32()?,
            gid: self.u32()?,
            login_uid: self.u32()?,
            mnt_ns: self.u32()?,
            comm: self.array()?,
            exec_id: self.u64()?,
        })
    }

    fn task(&mut self) -> Result<Box<Task<'a>>, RecordError> {
        let mut task = Task {
            parent_start: self.u64()?,
            exe_inode: self.u64()?,
            ppid: self.u32()?,
            tty: self.u32()?,
            sid: self.u32()?,
            pgid: self.u32()?,
            vpid: self.u32()?,
            pid_ns: self.u32()?,
            net_ns: self.u32()?,
            user_ns: self.u32()?,
            exe_flags: self.u32()?,
            ..Task::default()
        };
        self.u32()?;
        let sizes = [self.u16()?, self.u16()?, self.u16()?, self.u16()?, self.u16()?];
        task.argv_truncated = self.u16()? & 1 == 1;
        task.stdio = self.array()?;
        self.array::<1>()?;
        task.peers = [self.address()?, self.address()?, self.address()?];
        task.exe_changed = self.u64()?;
        task.exe_modified = self.u64()?;
        let [argv, exe, cwd, script, env] = sizes.map(|size| self.text(size));
        Ok(Box::new(Task { argv, exe, cwd, script, env, ..task }))
    }

    fn open(&mut self) -> Result<Open<'a>, RecordError> {
        let (result, inode, flags, bits) = (self.i64()?, self.u64()?, self.u32()?, self.u32()?);
        let mode = self.u32()?;
        let (path, raw) = (self.u16()?, self.u16()?);
        Ok(Open {
            result,
            inode,
            flags,
            mode,
            user_path: bits & 1 == 1,
            unjudged: bits & 2 == 2,
            path: self.text(path),
            raw: self.text(raw),
        })
    }

    fn fork(&mut self) -> Result<Fork, RecordError> {
        Ok(Fork { start_time: self.u64()?, flags: self.u64()?, pid: self.u32()?, vpid: self.u32()? })
    }

    fn cgroup(&mut self) -> Result<Cgroup<'a>, RecordError> {
        let (id, removed, path) = (self.u64()?, self.u32()? != 0, self.u16()?);
        self.u16()?;
        Ok(Cgroup { id, removed, path: self.text(path) })
    }

    fn call(&mut self) -> Result<Call<'a>, RecordError> {
        let result = self.i64()?;
        let args = [self.u64()?, self.u64()?, self.u64()?, self.u64()?, self.u64()?, self.u64()?];
        let (number, text) = (self.u32()?, self.u16()?);
        self.u16()?;
        Ok(Call { result, args, number, text: self.text(text) })
    }

    fn change(&mut self) -> Result<Change<'a>, RecordError> {
        let (result, number, mode) = (self.i64()?, self.u32()?, self.u32()?);
        let bases = [self.u16()?, self.u16()?];
        let paths = [self.u16()?, self.u16()?];
        let kernel_path = self.u32()? & 1 == 1;
        self.u32()?;
        let (first_base, first_path) = (self.text(bases[0]), self.text(paths[0]));
        let (second_base, second_path) = (self.text(bases[1]), self.text(paths[1]));
        let (bases, paths) = ([first_base, second_base], [first_path, second_path]);
        Ok(Change { result, number, mode, kernel_path, bases, paths })
    }

    fn dns(&mut self) -> Result<Dns<'a>, RecordError> {
        let (family, remote_port, size, outgoing) = (self.u16()?, self.u16()?, self.u16()?, self.u16()? != 0);
        let server = Address { family, remote_port, protocol: 17, remote: self.array()?, ..Address::default() };
        Ok(Dns { outgoing, server, message: self.text(size) })
    }

    fn uring(&mut self) -> Result<Uring, RecordError> {
        Ok(Uring { opcode: self.u32()?, fd: self.i32()?, submitter: self.u32()? })
    }

    fn signal(&mut self) -> Result<SignalSent, RecordError> {
        Ok(SignalSent { number: self.i32()?, target: self.i32()?, result: self.i32()? })
    }

    fn socket(&mut self) -> Result<Socket<'a>, RecordError> {
        let (result, fd, path, how) = (self.i64()?, self.i32()?, self.u16()?, self.u16()?);
        let call = match how {
            1 => SocketCall::Accept,
            2 => SocketCall::Listen,
            3 => SocketCall::Bind,
            4 => SocketCall::Send,
            5 => SocketCall::ConnectAtCgroup,
            _ => SocketCall::Connect,
        };
        Ok(Socket { result, fd, call, address: self.address()?, path: self.text(path) })
    }
}

/// The ends of a socket, which follow the record of a call instead of a string.
pub fn address(bytes: &[u8]) -> Result<Address, RecordError> {
    Cursor::new(bytes).address()
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    let mut cursor = Cursor::new(bytes);
    let header = cursor.header()?;
    let body = match header.kind {
        1 => Body::Exec(cursor.task()?),
        2 => Body::Exit { code: cursor.u32()? },
        3 => Body::Open(cursor.open()?),
        4 => Body::Socket(cursor.socket()?),
        5 => Body::Fork(cursor.fork()?),
        6 => Body::Call(cursor.call()?),
        7 => Body::Change(cursor.change()?),
        9 => Body::Dns(cursor.dns()?),
        11 => Body::Capability { capability: cursor.i32()?, result: cursor.i32()? },
        12 => Body::Fpu { hits: cursor.u32()?, window_ms: cursor.u32()? },
        13 => Body::Uring(cursor.uring()?),
        14 => Body::Signal(cursor.signal()?),
        8 => Body::Cgroup(cursor.cgroup()?),
        10 => Body::Task(cursor.task()?),
        other => return Err(RecordError::Kind(other)),
    };
    Ok(Record { header, body })
}

/// Splits a stream of records, as the snapshot's iterator gives it, by the size that each begins with.
pub fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let size = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk::<4>()?)).ok()?;
        let (record, rest) = bytes.split_at_checked(size.max(HEADER_SIZE))?;
        bytes = rest;
        Some(record)
    })
}
