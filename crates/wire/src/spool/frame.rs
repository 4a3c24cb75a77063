//! Records in a segment file: 16 bytes of header and the record, all little-endian:
//! `length: u32, crc: u32, seq: u64, payload[length]`. The CRC-32 (IEEE) is over length, seq and payload.
//!
//! A reader that meets damage looks for the next whole frame. JSON text has no zero bytes and a sequence number below
//! 2^56 always has one, so no content of a record can pass for a frame.

use crate::MAX_RECORD_BYTES;

/// Bytes before each payload.
pub(super) const HEADER_BYTES: usize = 16;

/// One whole frame of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Its number.
    pub seq: u64,
    /// Its record.
    pub payload: &'a [u8],
    /// Offset of the byte after it.
    pub end: usize,
}

/// A record as it stands in the file.
pub(super) fn encode(seq: u64, payload: &[u8]) -> Vec<u8> {
    // Callers bound payloads by MAX_RECORD_BYTES, far below u32::MAX.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&checksum(length, seq, payload).to_le_bytes());
    frame.extend_from_slice(&seq.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The whole frames of a buffer, in order, whatever lies between them.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Frames<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The number in what follows the last whole frame, when a header's worth of it is there: the record whose writing
    /// was cut short.
    pub(super) fn torn(&self) -> Option<u64> {
        self.bytes.get(self.position..).and_then(header).map(|(_, _, seq)| seq)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let start = self.position;
        for position in start..self.bytes.len().saturating_sub(HEADER_BYTES) {
            if let Some(frame) = whole(self.bytes, position) {
                self.position = frame.end;
                return Some(frame);
            }
        }
        None
    }
}

fn header(bytes: &[u8]) -> Option<(u32, u32, u64)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let (seq, _) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*length), u32::from_le_bytes(*crc), u64::from_le_bytes(*seq)))
}

fn whole(bytes: &[u8], position: usize) -> Option<Frame<'_>> {
    let (length, crc, seq) = header(bytes.get(position..)?)?;
    let size = usize::try_from(length).ok().filter(|size| (1..=MAX_RECORD_BYTES).contains(size))?;
    let end = position + HEADER_BYTES + size;
    let payload = bytes.get(position + HEADER_BYTES..end)?;
    (checksum(length, seq, payload) == crc).then_some(Frame { seq, payload, end })
}

fn checksum(length: u32, seq: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        Frames::new(bytes).map(|frame| frame.seq).collect()
    }

    fn three() -> (Vec<u8>, [usize; 3]) {
        let frames = [encode(7, br#"{"a":1}"#), encode(8, b"\"two\""), encode(9, b"3")];
        let ends = [frames[0].len(), frames[0].len() + frames[1].len(), frames.concat().len()];
        (frames.concat(), ends)
    }

    #[test]
    fn frames_read_back_with_their_ends() {
        let (bytes, ends) = three();
        let found: Vec<_> = Frames::new(&bytes).collect();
        assert_eq!(found.iter().map(|frame| frame.end).collect::<Vec<_>>(), ends);
        assert_eq!(found[1].payload, b"\"two\"");
    }

    #[test]
    fn cut_anywhere_the_whole_frames_remain() {
        let (bytes, ends) = three();
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let mut frames = Frames::new(&bytes[..cut]);
            assert_eq!(frames.by_ref().count(), whole, "cut at {cut}");
            let start = if whole == 0 { 0 } else { ends[whole - 1] };
            let expected = (cut - start >= HEADER_BYTES).then_some(7 + whole as u64);
            assert_eq!(frames.torn(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn one_flipped_bit_costs_one_frame() {
        let (bytes, ends) = three();
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[byte] ^= 1 << bit;
                let hit = ends.iter().filter(|end| **end <= byte).count();
                let expected: Vec<u64> = (0..3).filter(|index| *index != hit).map(|index| 7 + index as u64).collect();
                assert_eq!(numbers(&damaged), expected, "bit {bit} of byte {byte}");
            }
        }
    }
}
