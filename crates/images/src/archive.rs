//! Tar files that hold images: an index of their members, and readers of single members.
//!
//! The file is read at offsets, never as a whole, so that the layers in it can be read side by side. What it is not: a
//! reader of layers; that is `imagescan`. Formats: POSIX ustar and PAX paths and sizes (IEEE Std 1003.1, `pax`), GNU
//! long names; what `docker save`, `skopeo` and `podman save` write.

mod header;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use header::{BLOCK_BYTES, Header, Kind};
use limits::ReadError;
use limits::inflate::{Caps, Format, Inflater};

/// Members of an archive: an image of 1,000 layers has about 4,000.
pub const MAX_MEMBERS: usize = 100_000;
/// Longest extended header, in bytes: a path and a few times.
const MAX_EXTENDED_BYTES: u64 = 64 << 10;
/// Links that are followed from one member to another: old `docker save` uses one.
const MAX_LINKS: usize = 8;

/// An archive that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It could not be opened or read.
    #[error("reading {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is compressed, and could not be unpacked.
    #[error("unpacking {}", path.display())]
    Unpack {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not a tar file, or damaged.
    #[error("{} is not a readable tar file: {reason} at byte {offset}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
        /// Where.
        offset: u64,
    },
    /// It has too many members.
    #[error("{} has more than {MAX_MEMBERS} members", path.display())]
    TooMany {
        /// Which.
        path: PathBuf,
    },
}

/// Where a member's content is.
#[derive(Debug, Clone)]
enum Member {
    Content { offset: u64, size: u64 },
    Link(String),
}

/// An archive whose members are known.
#[derive(Debug, Clone)]
pub struct Archive {
    path: PathBuf,
    file: Arc<File>,
    members: Arc<HashMap<String, Member>>,
    unpacked_bytes: u64,
}

/// A reader of one member.
#[derive(Debug)]
pub struct MemberReader {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Archive {
    /// Reads the headers of an archive. One that is compressed as a whole (`docker save | gzip`) is unpacked first, into a
    /// temporary file without a name: its members have to be read at their places.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let read = |source| ArchiveError::Read { path: path.to_owned(), source };
        let mut file = crate::file::open_regular(path).map_err(read)?;
        let mut start = [0; 4];
        let count = file.read_at(&mut start, 0).map_err(read)?;
        let mut unpacked_bytes = 0;
        if Format::sniff(&start[..count]) != Format::Plain {
            let unpacked = unpack(&file).map_err(|source| ArchiveError::Unpack { path: path.to_owned(), source })?;
            (file, unpacked_bytes) = unpacked;
        }
        let members = index(&file, path)?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), members: Arc::new(members), unpacked_bytes })
    }

    /// Bytes that were written to a temporary file to read it.
    pub const fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size of a member in bytes; `None` when there is none of that name.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.find(name).map(|(_, size)| size)
    }

    /// A reader of a member.
    pub fn member(&self, name: &str) -> io::Result<MemberReader> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{} has no {name}", self.path.display()));
        let (offset, left) = self.find(name).ok_or_else(missing)?;
        Ok(MemberReader { file: Arc::clone(&self.file), offset, left })
    }

    /// A member as a whole.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let what = format!("{name} in {}", self.path.display());
        let member = self.member(name).map_err(|source| ReadError::Io { what: what.clone(), source })?;
        limits::read_capped(member, limit, &what)
    }

    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = normal(name);
        for _ in 0..=MAX_LINKS {
            match self.members.get(&name)? {
                Member::Content { offset, size } => return Some((*offset, *size)),
                Member::Link(target) => name.clone_from(target),
            }
        }
        None
    }
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..room], self.offset)?;
        if count == 0 {
            let message = format!("the archive ends {} bytes before the end of its member", self.left);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// The plain archive in a temporary file, and its size in bytes.
fn unpack(file: &File) -> io::Result<(File, u64)> {
    let mut plain = tempfile::tempfile()?;
    let count = io::copy(&mut Inflater::new(io::BufReader::new(file), Caps::LAYER)?, &mut plain)?;
    Ok((plain, count))
}

/// A path without `./` and doubled slashes, `..` resolved within the archive.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

fn index(file: &File, path: &Path) -> Result<HashMap<String, Member>, ArchiveError> {
    let damaged = |reason, offset| ArchiveError::Damaged { path: path.to_owned(), reason, offset };
    let read = |source| ArchiveError::Read { path: path.to_owned(), source };
    let end = file.metadata().map_err(read)?.len();
    let mut members = HashMap::new();
    let (mut offset, mut long_name, mut long_link, mut pax) = (0, None, None, header::Pax::default());
    while offset + BLOCK_BYTES <= end {
        let mut block = [0; header::BLOCK_LENGTH];
        file.read_exact_at(&mut block, offset).map_err(read)?;
        let Some(header) = Header::parse(&block).map_err(|reason| damaged(reason, offset))? else { break };
        let content = offset + BLOCK_BYTES;
        let size = pax.size.unwrap_or(header.size);
        let after = size.checked_next_multiple_of(BLOCK_BYTES).and_then(|size| content.checked_add(size));
        let after =
            after.filter(|_| size <= end - content).ok_or_else(|| damaged("a member goes beyond the end", offset))?;
        let text = || -> Result<Vec<u8>, ArchiveError> {
            let room = usize::try_from(size.min(MAX_EXTENDED_BYTES)).unwrap_or(0);
            if size > MAX_EXTENDED_BYTES {
                return Err(damaged("an extended header is too long", offset));
            }
            let mut bytes = vec![0; room];
            file.read_exact_at(&mut bytes, content).map_err(read)?;
            Ok(bytes)
        };
        match header.kind {
            Kind::LongName => long_name = Some(header::text(&text()?)),
            Kind::LongLink => long_link = Some(header::text(&text()?)),
            Kind::Pax => pax = header::Pax::parse(&text()?),
            Kind::GlobalPax => {}
            Kind::File | Kind::Link(_) | Kind::Other => {
                let name = pax.path.take().or(long_name.take()).unwrap_or(header.name);
                let target = pax.link.take().or(long_link.take()).unwrap_or(header.link);
                pax = header::Pax::default();
                let name = normal(&name);
                let member = match header.kind {
                    Kind::File => Some(Member::Content { offset: content, size }),
                    // A symbolic link is relative to its directory, a hard link to the archive.
                    Kind::Link(true) => Some(Member::Link(normal(&format!("{name}/../{target}")))),
                    Kind::Link(false) => Some(Member::Link(normal(&target))),
                    _ => None,
                };
                if members.len() >= MAX_MEMBERS {
                    return Err(ArchiveError::TooMany { path: path.to_owned() });
                }
                if let Some(member) = member {
                    members.insert(name, member);
                }
            }
        }
        offset = after;
    }
    if members.is_empty() {
        return Err(damaged("no members", 0));
    }
    Ok(members)
}
