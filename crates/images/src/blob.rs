//! A blob under way: its bytes as a blocking reader, and beside it the verdict whether they are what was promised.
//!
//! The digest is computed over the stream by the producer, while the reader already works on it. So whoever uses the
//! bytes must ask for the [`Verdict`] before believing what was made of them.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::digest::{Algorithm, Digest, Hasher};
use crate::pipe::{self, Closed, pipe};
use crate::registry::RegistryError;

/// Largest blob that is read: beyond any real layer (the largest public ones are under 30 GiB), so only a lie has more.
pub const MAX_BLOB_BYTES: u64 = 64 << 30;

/// What the bytes should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Digest by the manifest; absent for sources without manifests (a root file system, `docker save`).
    pub digest: Option<Digest>,
    /// Size by the manifest, in bytes.
    pub size_bytes: Option<u64>,
}

/// What the bytes were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Computed digest, equal to the expected one where there was one.
    pub digest: Digest,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// Why a blob cannot be believed. The blob itself is named by whoever asked for it.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes are others than promised.
    #[error("its bytes have the digest {found}, not {expected}: changed on the way or where they are stored")]
    Digest {
        /// By the manifest.
        expected: Digest,
        /// Computed.
        found: Digest,
    },
    /// It ended early.
    #[error("it ends after {found} of {expected} bytes")]
    Short {
        /// Size by the manifest, in bytes.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// It goes on beyond its size.
    #[error("it is larger than the {expected} bytes that its manifest says")]
    Long {
        /// Size by the manifest, in bytes, or [`MAX_BLOB_BYTES`].
        expected: u64,
    },
    /// It could not be read from this machine.
    #[error("reading it failed")]
    Read {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The registry did not deliver.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Whoever read it stopped before its end.
    #[error("reading it was given up")]
    Cancelled,
}

impl From<Closed> for BlobError {
    fn from(_: Closed) -> Self {
        Self::Cancelled
    }
}

/// The judgement on a blob, known when its last byte has been handed over.
#[derive(Debug)]
pub struct Verdict(JoinHandle<Result<Verified, BlobError>>);

impl Verdict {
    /// Waits for it. The reader must have been read or dropped, else this never ends.
    pub async fn wait(self) -> Result<Verified, BlobError> {
        self.0.await.unwrap_or_else(|error| Err(BlobError::Read { source: io::Error::other(error) }))
    }
}

/// A blob under way.
#[derive(Debug)]
pub struct Blob {
    /// Its bytes; blocks, so use it on a thread that may.
    pub reader: pipe::Receiver,
    /// Whether they are what was promised.
    pub verdict: Verdict,
}

impl Blob {
    /// A blob whose producer is an asynchronous task.
    pub(crate) fn from_task<F>(produce: impl FnOnce(pipe::Sender) -> F) -> Self
    where
        F: Future<Output = Result<Verified, BlobError>> + Send + 'static,
    {
        let (sender, reader) = pipe();
        Self { reader, verdict: Verdict(tokio::spawn(produce(sender))) }
    }

    /// A blob read from something on this machine, on a blocking thread.
    pub(crate) fn from_reader<R: Read + Send + 'static>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        expectation: Expectation,
    ) -> Self {
        let (sender, reader) = pipe();
        let verdict = tokio::task::spawn_blocking(move || pump(open, sender, &expectation));
        Self { reader, verdict: Verdict(verdict) }
    }
}

fn pump<R: Read>(
    open: impl FnOnce() -> io::Result<R>,
    mut sender: pipe::Sender,
    expectation: &Expectation,
) -> Result<Verified, BlobError> {
    let result = open().map_err(|source| BlobError::Read { source }).and_then(|mut reader| {
        let mut check = Check::new(expectation)?;
        loop {
            let mut buffer = sender.filled_buffer();
            let count = fill(&mut reader, &mut buffer).map_err(|source| BlobError::Read { source })?;
            if count == 0 {
                return check.finish();
            }
            buffer.truncate(count);
            check.update(&buffer)?;
            sender.blocking_send(buffer.freeze())?;
        }
    });
    sender.blocking_finish(result.as_ref().map(|_| ()).map_err(ToString::to_string));
    result
}

/// Reads until the buffer is full or the source ends: full chunks keep the number of wake-ups low.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Digest and size of a stream against what was promised.
pub(crate) struct Check {
    hasher: Hasher,
    count: u64,
    expectation: Expectation,
}

impl Check {
    pub(crate) fn new(expectation: &Expectation) -> Result<Self, BlobError> {
        if expectation.size_bytes.is_some_and(|size| size > MAX_BLOB_BYTES) {
            return Err(BlobError::Long { expected: MAX_BLOB_BYTES });
        }
        let algorithm = expectation.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        Ok(Self { hasher: Hasher::new(algorithm), count: 0, expectation: expectation.clone() })
    }

    /// Bytes so far.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.count += bytes.len() as u64;
        let most = self.expectation.size_bytes.unwrap_or(MAX_BLOB_BYTES);
        if self.count > most {
            return Err(BlobError::Long { expected: most });
        }
        self.hasher.update(bytes);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Verified, BlobError> {
        let found = self.hasher.finish();
        if let Some(expected) = self.expectation.size_bytes.filter(|size| *size != self.count) {
            return Err(BlobError::Short { expected, found: self.count });
        }
        match self.expectation.digest {
            Some(expected) if expected != found => Err(BlobError::Digest { expected, found }),
            _ => Ok(Verified { digest: found, size_bytes: self.count }),
        }
    }
}

/// Checks bytes that were read whole (manifests, configurations).
pub(crate) fn check_whole(bytes: &Bytes, expectation: &Expectation) -> Result<Verified, BlobError> {
    let mut check = Check::new(expectation)?;
    check.update(bytes)?;
    check.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn run(bytes: &'static [u8], digest_of: &[u8], size: u64) -> (Vec<u8>, Result<Verified, BlobError>) {
        let expectation = Expectation { digest: Some(Digest::of(digest_of)), size_bytes: Some(size) };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let blob = runtime.block_on(async { Blob::from_reader(move || Ok(Cursor::new(bytes)), expectation) });
        let read = limits::read_capped(blob.reader, 1 << 20, "blob").unwrap_or_default();
        (read, runtime.block_on(blob.verdict.wait()))
    }

    #[test]
    fn the_right_bytes_are_verified() {
        let (bytes, verdict) = run(b"layer", b"layer", 5);
        assert_eq!(bytes, b"layer");
        assert_eq!(verdict.unwrap(), Verified { digest: Digest::of(b"layer"), size_bytes: 5 });
    }

    #[test]
    fn each_lie_has_its_own_error() {
        for (digest_of, size, part) in [
            (&b"other"[..], 5, "not sha256:"),
            (b"layer", 6, "ends after 5 of 6 bytes"),
            (b"layer", 4, "larger than the 4 bytes"),
            (b"layer", MAX_BLOB_BYTES + 1, "larger than the 68719476736 bytes"),
        ] {
            let (bytes, verdict) = run(b"layer", digest_of, size);
            assert_eq!(bytes, b"", "a reader must not see a whole blob that is wrong");
            let error = verdict.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
