//! zlib streams (RFC 1950) in memory, with a cap on their plain size: data within programs and databases, no layers.

use crate::CappedReader;

/// Reads the stream that `bytes` begin with; what follows it is not looked at. `what` names it in errors.
pub fn reader<'a>(bytes: &'a [u8], limit: u64, what: &str) -> CappedReader<flate2::bufread::ZlibDecoder<&'a [u8]>> {
    CappedReader::new(flate2::bufread::ZlibDecoder::new(bytes), limit, what)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::read_capped;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn reads_one_stream_up_to_the_limit() {
        let bytes = [packed(b"hello"), b"rest".to_vec()].concat();
        assert_eq!(read_capped(reader(&bytes, 5, "x"), 100, "x").unwrap(), b"hello");
        assert!(read_capped(reader(&bytes, 4, "x"), 100, "x").is_err());
        assert!(read_capped(reader(b"none", 4, "x"), 100, "x").is_err());
    }
}
