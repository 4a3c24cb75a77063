//! Segments: immutable advisory files, read in place.

use model::SegmentRef;

/// A segment over bytes that live elsewhere (a map, a buffer). Cheap to copy around.
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    bytes: &'a [u8],
    reference: SegmentRef,
}

/// Bytes that are not a segment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SegmentError {
    /// The file does not begin as a segment does.
    #[error("not a segment: it does not begin with the segment magic")]
    Magic,
}

/// First bytes of every segment.
pub const MAGIC: &[u8; 8] = b"SWSEG\0\0\x01";

impl<'a> Segment<'a> {
    /// Opens a segment in place. `reference` is what the manifest says of it.
    pub fn open(bytes: &'a [u8], reference: SegmentRef) -> Result<Self, SegmentError> {
        if !bytes.starts_with(MAGIC) {
            return Err(SegmentError::Magic);
        }
        Ok(Self { bytes, reference })
    }

    /// Name, date and hash by the manifest.
    pub fn reference(&self) -> &SegmentRef {
        &self.reference
    }

    /// Size in bytes.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}
