//! One layer: from the source's bytes to a record that can be believed, or the reason why there is none.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use images::digest::{Algorithm, Hasher};
use images::{Blob, BlobError, Digest, ImageHandle, Verified, pipe};
use imagescan::{LayerRecord, LayerScanner, ScanError};
use limits::inflate::{Caps, Format, Inflater};

use crate::Progress;
use crate::cache::Entry;
use crate::reason;

/// A layer that was read and whose bytes are what was promised.
#[derive(Debug, Clone)]
pub(crate) struct ScannedLayer {
    pub record: LayerRecord,
    /// The blob as it was verified.
    pub verified: Verified,
    /// Digest of the plain archive, where it was computed.
    pub plain_digest: Option<Digest>,
    /// Size of the plain archive in bytes.
    pub plain_bytes: u64,
}

impl From<Entry> for ScannedLayer {
    fn from(entry: Entry) -> Self {
        let verified = Verified { digest: entry.digest, size_bytes: entry.size_bytes };
        let Entry { record, plain_digest, plain_bytes, .. } = entry;
        Self { record, verified, plain_digest, plain_bytes }
    }
}

/// What the reading side came to.
struct Inside {
    record: Result<LayerRecord, ScanError>,
    format: Format,
    plain_digest: Option<Digest>,
    plain_bytes: u64,
}

/// How to read layers.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub scanner: LayerScanner,
    pub caps: Caps,
    /// Compute the digest of the plain archive even where the blob's is verified.
    pub plain_digests: bool,
}

/// Reads a layer of an image. The error is one line for people; the digest is the caller's to add.
pub(crate) async fn scan(
    handle: &ImageHandle,
    index: usize,
    mut reading: Reading,
    progress: Arc<dyn Progress>,
) -> Result<ScannedLayer, String> {
    let description = &handle.layers[index];
    if description.media_type.ends_with("+encrypted") {
        return Err(format!("it is encrypted ({})", description.media_type));
    }
    // Where no manifest says what the blob should be, the configuration's claim is all that there is to compare with.
    reading.plain_digests |= description.digest.is_none() && description.claimed_diff_id.is_some();
    let Some(Blob { reader, verdict }) = handle.open_layer(index) else { return Err("it has no content".into()) };
    let inside = tokio::task::spawn_blocking(move || read(reader, &reading, &*progress)).await;
    let verdict = verdict.wait().await;
    let inside = match inside.map_err(|error| error.to_string())? {
        Ok(Inside { record: Err(error), format, .. }) => Err(describe(&error, format)),
        Ok(Inside { record: Ok(record), format, plain_digest, plain_bytes }) => {
            Ok((record, format, plain_digest, plain_bytes))
        }
        Err(error) => Err(format!("it cannot be decompressed: {}", reason::chain(&error))),
    };
    match (verdict, inside) {
        // The bytes are right, or the reader gave up on them: its reason is the reason.
        (Ok(_) | Err(BlobError::Cancelled), Err(reason)) => Err(reason),
        // The source's own error comes first: damaged bytes also make a damaged archive, and only the first says why.
        (Err(error), _) => Err(reason::chain(&error)),
        (Ok(verified), Ok((record, format, plain_digest, plain_bytes))) => {
            // What was not compressed is its own plain archive.
            let plain_digest = plain_digest.or_else(|| {
                let same = format == Format::Plain && verified.digest.algorithm() == Algorithm::Sha256;
                same.then(|| verified.digest.clone())
            });
            Ok(ScannedLayer { record, verified, plain_digest, plain_bytes })
        }
    }
}

fn describe(error: &ScanError, format: Format) -> String {
    let text = reason::chain(error);
    match format {
        Format::Plain => text,
        Format::Gzip => format!("in its gzip stream: {text}"),
        Format::Zstd => format!("in its zstd stream: {text}"),
        Format::Bzip2 => format!("in its bzip2 stream: {text}"),
    }
}

/// Runs on a thread that may block.
fn read(source: pipe::Receiver, reading: &Reading, progress: &dyn Progress) -> io::Result<Inside> {
    let mut source = Watched { inner: source, progress };
    let result = read_from(&mut source, reading);
    let failure: Option<&(dyn std::error::Error + 'static)> = match &result {
        Ok(Inside { record: Err(error), .. }) => Some(error),
        Err(error) => Some(error),
        Ok(_) => None,
    };
    // The rest decides whether the bytes or their author are to blame. A bomb's author is known already.
    if failure.is_some_and(|error| !reason::is_limit(error)) {
        source.inner.drain();
    }
    result
}

fn read_from(source: &mut impl BufRead, reading: &Reading) -> io::Result<Inside> {
    // Chunks of the pipe are large; another buffer would be another copy.
    let inflater = Inflater::buffered(source, reading.caps)?;
    let format = inflater.format();
    let mut plain = Plain {
        inner: inflater,
        hasher: (reading.plain_digests && format != Format::Plain).then(|| Hasher::new(Algorithm::Sha256)),
    };
    let record = reading.scanner.scan(&mut plain);
    let plain_bytes = plain.inner.plain_bytes();
    Ok(Inside { record, format, plain_digest: plain.hasher.map(Hasher::finish), plain_bytes })
}

/// Tells how much was read.
struct Watched<'a> {
    inner: pipe::Receiver,
    progress: &'a dyn Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.read(count as u64);
        Ok(count)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.progress.read(amount as u64);
    }
}

/// The plain archive, hashed on the way where that is wanted.
struct Plain<R: BufRead> {
    inner: Inflater<R>,
    hasher: Option<Hasher>,
}

impl<R: BufRead> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}
