//! The plain files of a tar archive, one after the other: how Red Hat ships its VEX documents.
//!
//! What it is: ustar and GNU long names, as much as feeds use (POSIX.1-2024, pax(1), "ustar Interchange Format").
//! What it is not: a reader of image layers; that is `imagescan`, with all that layers may contain.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;
/// Most entries; Red Hat's archive has 60,000 files.
pub const MAX_ENTRIES: u64 = 2_000_000;
/// Longest name.
const NAME_MAX_BYTES: u64 = 4096;

/// An archive that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A file could not be read whole.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// A header is not what it should be.
    #[error("damaged tar archive: {reason} in entry {entry}")]
    Damaged {
        /// Number of the entry, from 1.
        entry: u64,
        /// What.
        reason: &'static str,
    },
    /// Too many entries.
    #[error(transparent)]
    Limit(#[from] limits::LimitExceeded),
}

/// Calls `visit` with name and content of each plain file of at most `file_max_bytes`.
pub fn each_file(
    mut reader: impl Read,
    file_max_bytes: u64,
    mut visit: impl FnMut(&str, &[u8]),
) -> Result<(), TarError> {
    let mut long_name: Option<String> = None;
    for entry in 1.. {
        if entry > MAX_ENTRIES {
            return Err(limits::LimitExceeded { what: "entries of a tar archive".into(), limit: MAX_ENTRIES }.into());
        }
        let mut header = [0_u8; BLOCK];
        if !fill(&mut reader, &mut header)? || header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let damaged = |reason| TarError::Damaged { entry, reason };
        if Some(checksum(&header)) != octal(&header[148..156]) {
            return Err(damaged("wrong checksum"));
        }
        let size = octal(&header[124..136]).ok_or_else(|| damaged("no size"))?;
        let padded = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| damaged("impossible size"))?;
        match header[156] {
            b'0' | 0 => {
                let bytes = content(&mut reader, size, file_max_bytes)?;
                let name = long_name.take().unwrap_or_else(|| name(&header));
                visit(&name, &bytes);
                skip(&mut reader, padded - size)?;
            }
            b'L' => {
                let bytes = content(&mut reader, size, NAME_MAX_BYTES)?;
                long_name = Some(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned());
                skip(&mut reader, padded - size)?;
            }
            _ => {
                long_name = None;
                skip(&mut reader, padded)?;
            }
        }
    }
    Ok(())
}

/// Appends a file with a name of at most 100 bytes, which ours are.
pub(crate) fn append(out: &mut impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = [0_u8; BLOCK];
    if name.len() > 100 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name of over 100 bytes"));
    }
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum = checksum(&header);
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.write_all(&header)?;
    out.write_all(content)?;
    let padding = content.len().next_multiple_of(BLOCK) - content.len();
    out.write_all(&[0; BLOCK][..padding])
}

/// Ends an archive.
pub(crate) fn finish(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

fn content(reader: &mut impl Read, size: u64, limit: u64) -> Result<Vec<u8>, TarError> {
    if size > limit {
        return Err(limits::LimitExceeded { what: "bytes of a file in the archive".into(), limit }.into());
    }
    let bytes = limits::read_capped(reader.by_ref().take(size), size, "archive")?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
}

fn skip(reader: &mut impl Read, bytes: u64) -> Result<(), TarError> {
    if io::copy(&mut reader.take(bytes), &mut io::sink())? == bytes {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }
}

/// Fills a block; `false` at the end of the stream.
fn fill(reader: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match reader.read(&mut block[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(true)
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// The sum of the header's bytes, its own field counted as blanks.
fn checksum(header: &[u8; BLOCK]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&header[..148]) + 8 * u64::from(b' ') + sum(&header[156..])
}

fn name(header: &[u8; BLOCK]) -> String {
    let text = |field: &[u8]| String::from_utf8_lossy(field).trim_end_matches('\0').to_owned();
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    if prefix.is_empty() || !header[257..].starts_with(b"ustar") { name } else { format!("{prefix}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut header = [0_u8; BLOCK];
        header[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = kind;
        let sum = checksum(&header);
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut out = header.to_vec();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    fn files(archive: &[u8], limit: u64) -> Result<Vec<(String, usize)>, TarError> {
        let mut files = Vec::new();
        each_file(archive, limit, |name, bytes| files.push((name.to_owned(), bytes.len())))?;
        Ok(files)
    }

    #[test]
    fn reads_files_and_long_names() {
        let long = "d/".repeat(80) + "f.json";
        let archive = [
            entry("dir/", b'5', b""),
            entry("a.json", b'0', b"12345"),
            entry("././@LongLink", b'L', long.as_bytes()),
            entry(&long, b'0', b"x"),
            vec![0; 2 * BLOCK],
        ]
        .concat();
        assert_eq!(files(&archive, 100).unwrap(), [("a.json".to_owned(), 5), (long, 1)]);
    }

    #[test]
    fn bad_archives_are_errors() {
        let good = entry("a", b'0', &[7; 600]);
        assert!(matches!(files(&good, 599), Err(TarError::Limit(_))));
        assert!(files(&good[..1000], 1000).is_err(), "cut in a file");
        assert!(files(&good[..100], 1000).is_err(), "cut in a header");
        let mut flipped = good;
        flipped[0] ^= 1;
        assert!(files(&flipped, 1000).unwrap_err().to_string().contains("wrong checksum in entry 1"));
    }
}
