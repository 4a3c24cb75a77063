//! One header block of a tar file.

/// Size of a block.
pub(super) const BLOCK_LENGTH: usize = 512;
/// The same as a number of bytes in a file.
pub(super) const BLOCK_BYTES: u64 = BLOCK_LENGTH as u64;

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A link; true: symbolic.
    Link(bool),
    LongName,
    LongLink,
    Pax,
    GlobalPax,
    Other,
}

#[derive(Debug)]
pub(super) struct Header {
    pub name: String,
    pub link: String,
    pub size: u64,
    pub kind: Kind,
}

impl Header {
    /// `None` for the block of zeros that ends an archive.
    pub(super) fn parse(block: &[u8; BLOCK_LENGTH]) -> Result<Option<Self>, &'static str> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if number(&block[148..156]) != Some(sum) {
            return Err("a header with a wrong checksum");
        }
        let kind = match block[156] {
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::Link(false),
            b'2' => Kind::Link(true),
            b'L' => Kind::LongName,
            b'K' => Kind::LongLink,
            b'x' => Kind::Pax,
            b'g' => Kind::GlobalPax,
            _ => Kind::Other,
        };
        let has_content = matches!(kind, Kind::File | Kind::LongName | Kind::LongLink | Kind::Pax | Kind::GlobalPax);
        let size = number(&block[124..136]).ok_or("a header with an unreadable size")?;
        let mut name = text(&block[..100]);
        if block[257..263] == *b"ustar\0" {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                name = format!("{prefix}/{name}");
            }
        }
        Ok(Some(Self { name, link: text(&block[157..257]), size: if has_content { size } else { 0 }, kind }))
    }
}

/// Up to the first NUL; what is not UTF-8 is replaced (such names are not those of images' files).
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Octal digits between blanks, or GNU's base 256 for large sizes.
fn number(bytes: &[u8]) -> Option<u64> {
    if bytes[0] & 0x80 != 0 {
        let mut value = u64::from(bytes[0] & 0x7f);
        for byte in &bytes[1..] {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let mut value = 0_u64;
    for byte in bytes.iter().skip_while(|byte| **byte == b' ') {
        match byte {
            b'0'..=b'7' => value = value.checked_mul(8)?.checked_add(u64::from(byte - b'0'))?,
            b' ' | 0 => break,
            _ => return None,
        }
    }
    Some(value)
}

/// What an extended header overrides.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub path: Option<String>,
    pub link: Option<String>,
    pub size: Option<u64>,
}

impl Pax {
    /// Records of `LENGTH KEY=VALUE\n`. Damage ends the list: the plain header still holds.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut pax = Self::default();
        while let Some(space) = bytes.iter().position(|byte| *byte == b' ') {
            let length = std::str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse::<usize>().ok());
            let Some(record) = length.and_then(|length| bytes.get(space + 1..length)) else { break };
            bytes = &bytes[length.unwrap_or(bytes.len())..];
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else { continue };
            let value = || String::from_utf8_lossy(&record[equals + 1..]).into_owned();
            match &record[..equals] {
                b"path" => pax.path = Some(value()),
                b"linkpath" => pax.link = Some(value()),
                b"size" => pax.size = value().parse().ok(),
                _ => {}
            }
        }
        pax
    }
}
