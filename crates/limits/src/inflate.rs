//! Decompression with a cap on the plain size and on the ratio: what a bomb can cost is known beforehand.
//!
//! Formats: gzip (RFC 1952, several members in a row as one stream), zstd (RFC 8878, several frames), bzip2 (several
//! streams; OVAL feeds and old layers use it), plain.

use std::io::{self, BufRead, BufReader, Read};

use crate::LimitExceeded;

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
}

impl Format {
    /// By the first bytes of a stream (at least four).
    pub const fn sniff(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            // Skippable frames, with which zstd:chunked layers may begin (RFC 8878 §3.1.2).
            [kind, 0x2a, 0x4d, 0x18, ..] if *kind & 0xf0 == 0x50 => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// What a stream may become.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Most plain bytes.
    pub plain_bytes: u64,
    /// Most plain bytes per compressed byte. gzip cannot exceed 1,032; honest layers stay under 200 except for files
    /// of zeros, so the ratio only counts beyond [`Caps::ratio_free_bytes`].
    pub ratio: u64,
    /// Plain bytes before the ratio counts: a small file of zeros is no bomb.
    pub ratio_free_bytes: u64,
}

impl Caps {
    /// For a layer of an image: 64 GiB plain (the largest layers of public registries are under 30), ratio 1,100
    /// (above what gzip can reach, so only zstd bombs meet it) beyond 1 GiB.
    pub const LAYER: Self = Self { plain_bytes: 64 << 30, ratio: 1_100, ratio_free_bytes: 1 << 30 };
}

/// zstd window: 128 MiB, `zstd --long=27`'s; larger ones would let a 20-byte frame reserve gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Input buffer: large enough that system calls do not show, small enough for many layers at once.
const BUFFER_BYTES: usize = 256 << 10;

enum Decoder<R: BufRead> {
    Plain(Counting<R>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Counting<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Counting<R>>>),
    Bzip2(Box<bzip2::bufread::MultiBzDecoder<Counting<R>>>),
}

/// A reader of plain bytes.
pub struct Inflater<R: BufRead> {
    decoder: Decoder<R>,
    format: Format,
    caps: Caps,
    plain: u64,
}

impl<R: Read> Inflater<BufReader<R>> {
    /// Looks at the first bytes of `source` to tell the format; registries' media types are not to be trusted.
    pub fn new(source: R, caps: Caps) -> io::Result<Self> {
        Self::buffered(BufReader::with_capacity(BUFFER_BYTES, source), caps)
    }
}

impl<R: BufRead> Inflater<R> {
    /// The same of a source with a buffer of its own, the first filling of which tells the format.
    pub fn buffered(source: R, caps: Caps) -> io::Result<Self> {
        let mut reader = Counting { inner: source, count: 0 };
        let format = Format::sniff(reader.fill_buf()?);
        let decoder = match format {
            Format::Plain => Decoder::Plain(reader),
            Format::Gzip => Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(reader))),
            Format::Bzip2 => Decoder::Bzip2(Box::new(bzip2::bufread::MultiBzDecoder::new(reader))),
            Format::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Decoder::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { decoder, format, caps, plain: 0 })
    }

    /// The format that was found.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Plain bytes so far.
    pub const fn plain_bytes(&self) -> u64 {
        self.plain
    }

    /// Compressed bytes taken from the source so far.
    pub fn compressed_bytes(&self) -> u64 {
        match &self.decoder {
            Decoder::Plain(reader) => reader.count,
            Decoder::Gzip(decoder) => decoder.get_ref().count,
            Decoder::Zstd(decoder) => decoder.get_ref().count,
            Decoder::Bzip2(decoder) => decoder.get_ref().count,
        }
    }

    fn check(&self) -> Result<(), LimitExceeded> {
        if self.plain > self.caps.plain_bytes {
            return Err(LimitExceeded { what: "plain bytes".into(), limit: self.caps.plain_bytes });
        }
        let compressed = self.compressed_bytes().max(1);
        if self.plain > self.caps.ratio_free_bytes && self.plain / compressed > self.caps.ratio {
            return Err(LimitExceeded { what: "plain bytes per compressed byte".into(), limit: self.caps.ratio });
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Inflater<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::Plain(reader) => reader.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
        }?;
        self.plain += count as u64;
        self.check()?;
        Ok(count)
    }
}

/// Counts what is consumed.
struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const CAPS: Caps = Caps { plain_bytes: 1 << 20, ratio: 50, ratio_free_bytes: 4 << 10 };

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(plain: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(bytes: &[u8], caps: Caps) -> Result<Vec<u8>, String> {
        let inflater = Inflater::new(bytes, caps).map_err(|error| error.to_string())?;
        let mut plain = Vec::new();
        io::copy(&mut { inflater }, &mut plain).map_err(|error| error.to_string())?;
        Ok(plain)
    }

    #[test]
    fn every_format_gives_the_plain_bytes() {
        let plain: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        let two_members = [gzip(&plain[..100]), gzip(&plain[100..])].concat();
        let zstd = zstd::encode_all(&plain[..], 3).unwrap();
        let two_streams = [bzip2(&plain[..100]), bzip2(&plain[100..])].concat();
        for bytes in [plain.clone(), gzip(&plain), two_members, zstd, two_streams] {
            assert_eq!(inflate(&bytes, CAPS).unwrap(), plain);
        }
        assert_eq!(inflate(b"", CAPS).unwrap(), b"");
    }

    #[test]
    fn bombs_hit_the_ratio_and_the_size() {
        let zeros = vec![0; 1 << 19];
        for bomb in [gzip(&zeros), zstd::encode_all(&zeros[..], 3).unwrap(), bzip2(&zeros)] {
            assert_eq!(inflate(&bomb, CAPS).unwrap_err(), "more than 50 plain bytes per compressed byte");
        }
        let plain = vec![7; (1 << 20) + 1];
        assert_eq!(inflate(&plain, CAPS).unwrap_err(), "more than 1048576 plain bytes");
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for whole in [gzip(&vec![b'x'; 10_000]), bzip2(&vec![b'x'; 10_000])] {
            assert!(inflate(&whole[..whole.len() - 5], CAPS).is_err());
        }
    }
}
