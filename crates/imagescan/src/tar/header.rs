//! One 512-byte header: fields, numbers, checksum.

use super::{EntryKind, TarError};

/// Size of a block.
pub const BLOCK: usize = 512;
/// A block.
pub type Block = [u8; BLOCK];

/// Zeros after content of this size, up to a whole block.
pub const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

pub fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// A field's text: up to the first NUL.
pub fn until_nul(field: &[u8]) -> &[u8] {
    memchr::memchr(0, field).map_or(field, |end| &field[..end])
}

/// The fields of a header that matter here.
#[derive(Debug)]
pub struct Header {
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub mode: u32,
    pub size: u64,
    pub flag: u8,
}

impl Header {
    pub fn parse(block: &Block, offset: u64) -> Result<Self, TarError> {
        let refuse = |reason| TarError::Header { offset, reason };
        let sum = number(&block[148..156]).ok_or(refuse("its checksum is no number"))?;
        if !is_sum(block, sum) {
            return Err(refuse("its checksum is wrong"));
        }
        let size = number(&block[124..136]).ok_or(refuse("its size is no number"))?;
        // The largest offset that a file can have; also keeps all sums below in range.
        if i64::try_from(size).is_err() || size > i64::MAX as u64 - BLOCK as u64 {
            return Err(refuse("its size is beyond what a file can have"));
        }
        // A mode that is no number is as good as none: it only helps to choose what to read.
        let mode = number(&block[100..108]).map_or(0, |mode| u32::try_from(mode & 0o7777).unwrap_or(0));
        let name = until_nul(&block[..100]);
        // The prefix field exists in POSIX headers only; GNU headers (`ustar  `) keep times there.
        let prefix = if &block[257..263] == b"ustar\0" { until_nul(&block[345..500]) } else { &[] };
        let path = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        Ok(Self { path, link: until_nul(&block[157..257]).to_vec(), mode, size, flag: block[156] })
    }

    /// What the entry is. In V7 archives a directory is a file whose name ends with a slash.
    pub fn kind(&self, path: &[u8]) -> EntryKind {
        match self.flag {
            0 if path.ends_with(b"/") => EntryKind::Directory,
            0 | b'0' | b'7' | b'S' => EntryKind::File,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::Symlink,
            b'5' => EntryKind::Directory,
            _ => EntryKind::Other,
        }
    }

    /// Types that this program does not know have content, if their size says so; devices and pipes have none.
    pub const fn has_unknown_content(&self) -> bool {
        !matches!(self.flag, 0 | b'0'..=b'6')
    }
}

/// Whether a checksum is the sum of all bytes with its own field as spaces: of unsigned bytes (POSIX), or of signed ones
/// (old Suns).
fn is_sum(block: &Block, sum: u64) -> bool {
    let unsigned = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    // What a first bit that is no sign counts more.
    let signs = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(byte >> 7)).sum::<u64>() * 256;
    let field = &block[148..156];
    let expected = unsigned(block) - unsigned(field) + 8 * u64::from(b' ');
    sum == expected || Some(sum) == expected.checked_sub(signs(block) - signs(field))
}

/// A number: octal text, or base 256 when the first bit is set (GNU). `None` for negative and malformed ones.
pub fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        if first & 0x40 != 0 {
            return None;
        }
        return rest.iter().try_fold(u64::from(first & 0x3f), |value, byte| {
            value.checked_mul(256).map(|value| value | u64::from(*byte))
        });
    }
    let text = until_nul(field).trim_ascii();
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8).map(|value| value | u64::from(byte - b'0')),
        _ => None,
    })
}
