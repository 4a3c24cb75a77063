//! Reading a batch from a sender that may be hostile: every limit of contract §7, and what each is called in an answer.

use std::io;

use bytes::Bytes;
use limits::LimitExceeded;
use limits::inflate::{Caps, Inflater};
use limits::json::{self, JsonError, JsonLimits};
use model::BatchHeader;
use model::wire::{
    MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_PLAIN_BYTES, MAX_BATCH_RATIO, MAX_BATCH_RECORDS, WIRE_VERSION,
};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::MAX_RECORD_BYTES;
use crate::problem::Problem;
use crate::streams;

/// Gaps in one header: a spool keeps at most this many (it merges the oldest beyond).
pub const MAX_GAPS: usize = 256;
/// Signals that a header may count: there are about forty kinds of events.
pub const MAX_SIGNALS: usize = 512;

/// What a batch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Bytes of the body.
    pub compressed_bytes: usize,
    /// Bytes of the JSON lines.
    pub plain_bytes: usize,
    /// Plain bytes for each compressed one.
    pub ratio: usize,
    /// Records.
    pub records: usize,
    /// Bytes of one line.
    pub record_bytes: usize,
    /// Nested arrays and objects of one line: the contract's values stay under 12, audit objects under 40.
    pub depth: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            compressed_bytes: MAX_BATCH_COMPRESSED_BYTES,
            plain_bytes: MAX_BATCH_PLAIN_BYTES,
            ratio: MAX_BATCH_RATIO,
            records: MAX_BATCH_RECORDS,
            record_bytes: MAX_RECORD_BYTES,
            depth: 64,
        }
    }
}

/// A batch whose limits, header and lines were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its first line.
    pub header: BatchHeader,
    /// Its records in order; sequence numbers follow on without holes.
    pub records: Vec<Record>,
}

/// One record: a JSON value that is well-formed and not too deep; what it means is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number in the sender's stream.
    pub seq: u64,
    /// Its text, UTF-8, without the line's end.
    pub json: Bytes,
}

/// Why a body is not a batch.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A limit of contract §7.
    #[error("the batch has more than {limit} {what}")]
    TooBig {
        /// What is counted, plural.
        what: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
    /// It is not zstd, or cut off.
    #[error("the body is not whole zstd: {0}")]
    Compression(io::Error),
    /// It has no first line, or that is no header.
    #[error("the first line is not a batch header: {0}")]
    Header(String),
    /// It is of a version that this program does not know.
    #[error("the batch is of wire version {got}; this hub speaks {WIRE_VERSION}")]
    Version {
        /// What it says.
        got: u32,
    },
    /// The header contradicts itself or its lines.
    #[error("the header does not fit the batch: {0}")]
    Mismatch(String),
    /// A record is not JSON, or too deep or too long.
    #[error("record {seq} was refused: {reason}")]
    Record {
        /// Its number.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
}

impl DecodeError {
    /// The answer to the sender. 413 and 422 mean that this content will never be taken (the sender leaves out the
    /// record at fault), 400 and 505 that sender and hub do not understand each other (the sender keeps it).
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::TooBig { limit, .. } => Problem {
                limit: Some(u64::try_from(*limit).unwrap_or(u64::MAX)),
                ..Problem::new(413, "batch-too-big", "The batch is too big", detail)
            },
            Self::Record { seq, .. } => {
                Problem { seq: Some(*seq), ..Problem::new(422, "record-refused", "A record was refused", detail) }
            }
            Self::Version { .. } => Problem::new(505, "wire-version", "The wire version is not supported", detail),
            Self::Compression(_) | Self::Header(_) | Self::Mismatch(_) => {
                Problem::new(400, "not-a-batch", "The body is not a batch", detail)
            }
        }
    }
}

/// Reads the body of `POST /v1/streams/{stream}/batches`.
pub fn decode_batch(body: &[u8], limits: &BatchLimits) -> Result<Batch, DecodeError> {
    if body.len() > limits.compressed_bytes {
        return Err(DecodeError::TooBig { what: "compressed bytes", limit: limits.compressed_bytes });
    }
    let plain = inflate(body, limits)?;
    let mut lines = Lines { plain: Bytes::from(plain), position: 0 };
    let first = lines.next().ok_or_else(|| DecodeError::Header("the batch is empty".into()))?;
    let header = read_header(&first, limits)?;
    let mut records = Vec::with_capacity(usize::try_from(header.records).unwrap_or(0).min(limits.records));
    for (seq, json) in (header.first_seq..).zip(lines) {
        if records.len() as u64 == header.records {
            return Err(DecodeError::Mismatch(format!("more lines follow than the {} it says", header.records)));
        }
        check_record(seq, &json, limits)?;
        records.push(Record { seq, json });
    }
    if records.len() as u64 != header.records {
        let reason = format!("it says {} records, {} lines follow", header.records, records.len());
        return Err(DecodeError::Mismatch(reason));
    }
    Ok(Batch { header, records })
}

impl Record {
    /// The record as a value of a known type; refused ones are the sender's fault (422).
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let limits = JsonLimits { bytes: MAX_RECORD_BYTES, depth: BatchLimits::default().depth };
        json::from_slice(&self.json, &limits)
            .map_err(|error| DecodeError::Record { seq: self.seq, reason: error.to_string() })
    }
}

fn inflate(body: &[u8], limits: &BatchLimits) -> Result<Vec<u8>, DecodeError> {
    // The size of the whole body is known, so the ratio is a cap on the plain size, exact and independent of the order
    // in which a decoder happens to consume its input.
    let by_ratio = body.len().saturating_mul(limits.ratio);
    let cap = by_ratio.min(limits.plain_bytes);
    let caps = Caps { plain_bytes: cap as u64, ratio: u64::MAX, ratio_free_bytes: u64::MAX };
    if limits::inflate::Format::sniff(body) != limits::inflate::Format::Zstd {
        return Err(DecodeError::Compression(io::Error::new(
            io::ErrorKind::InvalidData,
            "it does not begin like zstd",
        )));
    }
    let failed = |error: io::Error| {
        if LimitExceeded::in_io(&error).is_none() {
            DecodeError::Compression(error)
        } else if by_ratio < limits.plain_bytes {
            DecodeError::TooBig { what: "plain bytes per compressed byte", limit: limits.ratio }
        } else {
            DecodeError::TooBig { what: "plain bytes", limit: limits.plain_bytes }
        }
    };
    let mut inflater = Inflater::new(body, caps).map_err(failed)?;
    let mut plain = Vec::new();
    // The reader fails beyond its caps, so the copy is bounded by them.
    io::copy(&mut inflater, &mut plain).map_err(failed)?;
    Ok(plain)
}

fn read_header(line: &[u8], limits: &BatchLimits) -> Result<BatchHeader, DecodeError> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    let json_limits = JsonLimits { bytes: limits.record_bytes, depth: limits.depth };
    let bad = |error: JsonError| DecodeError::Header(error.to_string());
    // The version first: a header of another version may differ in everything else.
    let version: Version = json::from_slice(line, &json_limits).map_err(bad)?;
    if version.v != WIRE_VERSION {
        return Err(DecodeError::Version { got: version.v });
    }
    let header: BatchHeader = json::from_slice(line, &json_limits).map_err(bad)?;
    check_header(&header, limits)?;
    Ok(header)
}

fn check_header(header: &BatchHeader, limits: &BatchLimits) -> Result<(), DecodeError> {
    let mismatch = |reason: String| Err(DecodeError::Mismatch(reason));
    if header.records > limits.records as u64 {
        return Err(DecodeError::TooBig { what: "records", limit: limits.records });
    }
    if header.gaps.len() > MAX_GAPS {
        return Err(DecodeError::TooBig { what: "gaps", limit: MAX_GAPS });
    }
    if header.counters.len() > MAX_SIGNALS {
        return Err(DecodeError::TooBig { what: "counted signals", limit: MAX_SIGNALS });
    }
    if !streams::is_name(&header.stream) {
        return mismatch(format!("{:?} is not the name of a stream", header.stream));
    }
    if header.sender.cluster.is_empty() {
        return mismatch("the sender has no cluster".into());
    }
    // Numbers start at 1, so 0 can mean "nothing acknowledged".
    if header.first_seq == 0 || header.first_seq.checked_add(header.records) != header.last_seq.checked_add(1) {
        let (first, last, records) = (header.first_seq, header.last_seq, header.records);
        return mismatch(format!("first_seq {first}, last_seq {last} and {records} records do not agree"));
    }
    let mut least = 1;
    for gap in &header.gaps {
        if gap.from < least || gap.to < gap.from || gap.to >= header.first_seq {
            return mismatch(format!("the gap {} to {} is out of order", gap.from, gap.to));
        }
        least = gap.to + 1;
    }
    Ok(())
}

fn check_record(seq: u64, line: &[u8], limits: &BatchLimits) -> Result<(), DecodeError> {
    let json_limits = JsonLimits { bytes: limits.record_bytes, depth: limits.depth };
    json::from_slice::<IgnoredAny>(line, &json_limits)
        .map(|_| ())
        .map_err(|error| DecodeError::Record { seq, reason: error.to_string() })
}

/// Lines without their ends; the last one may lack its end.
struct Lines {
    plain: Bytes,
    position: usize,
}

impl Iterator for Lines {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let rest = self.plain.get(self.position..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = self.plain.slice(self.position..self.position + length);
        self.position += length + 1;
        Some(line)
    }
}
