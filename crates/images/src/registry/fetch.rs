//! Getting documents and blobs.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{RegistryError, Request, Session};
use crate::blob::{Blob, BlobError, Check, Expectation, Verified};
use crate::digest::{Digest, Hasher};
use crate::manifest::{DOCKER_LIST, DOCKER_MANIFEST, MAX_MANIFEST_BYTES, OCI_INDEX, OCI_MANIFEST};
use crate::pipe::{self, CHUNK_BYTES};

/// Progress that counts as such when a blob's connection keeps breaking, in bytes: less, and we would be at it for ever.
const MIN_PROGRESS_BYTES: u64 = 1 << 20;

/// A manifest or an index.
#[derive(Debug, Clone)]
pub struct Document {
    /// The bytes as sent.
    pub bytes: Bytes,
    /// Computed digest.
    pub digest: Digest,
    /// What the registry called it, without parameters.
    pub content_type: Option<String>,
}

/// How a stretch of a body ended.
enum Stretch {
    Complete,
    Broken(Option<reqwest::Error>),
    Stalled,
}

impl Session {
    /// The manifest or index behind the session's reference.
    pub async fn root_document(&self) -> Result<Document, RegistryError> {
        self.document(&self.reference.selector(), self.reference.digest.as_ref()).await
    }

    /// A manifest or index by tag or digest. With `digest` its bytes must have it.
    pub async fn document(&self, selector: &str, digest: Option<&Digest>) -> Result<Document, RegistryError> {
        let what = format!("manifest {selector} of {}", self.name());
        let accept = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&accept) {
            headers.insert(header::ACCEPT, value);
        }
        let response = self.get(&Request { path: format!("manifests/{selector}"), what: &what, headers }).await?;
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let content_type = text("content-type").map(|text| text.split(';').next().unwrap_or("").trim().to_owned());
        let announced = text("docker-content-digest");
        if let Some(found) = content_type.as_deref().filter(|found| is_page(found)) {
            let found = found.to_owned();
            return Err(RegistryError::ContentType { registry: self.registry(), what, found });
        }
        let bytes = self.read_whole(response, &what, MAX_MANIFEST_BYTES).await?;
        let expected = match (digest, announced) {
            (Some(digest), _) => Some(digest.clone()),
            // An announced digest of an algorithm that cannot be checked says nothing.
            (None, announced) => announced.and_then(|text| text.parse().ok()),
        };
        let mut hasher = Hasher::new(expected.as_ref().map_or(crate::digest::Algorithm::Sha256, Digest::algorithm));
        hasher.update(&bytes);
        let found = hasher.finish();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let (found, expected) = (found.to_string(), expected.to_string());
            return Err(RegistryError::Digest { registry: self.registry(), what, found, expected });
        }
        Ok(Document { bytes, digest: found, content_type })
    }

    /// A small blob (a configuration) as a whole. The caller checks its digest.
    pub async fn small_blob(&self, digest: &Digest, limit: u64) -> Result<Bytes, RegistryError> {
        let what = self.blob_name(digest);
        let request = Request { path: format!("blobs/{digest}"), what: &what, headers: HeaderMap::new() };
        let response = self.get(&request).await?;
        self.read_whole(response, &what, limit).await
    }

    /// A blob as a stream, checked and resumed on the way.
    pub fn blob(self: &Arc<Self>, digest: &Digest, size_bytes: u64) -> Blob {
        let session = Arc::clone(self);
        let expectation = Expectation { digest: Some(digest.clone()), size_bytes: Some(size_bytes) };
        Blob::from_task(move |mut sender| async move {
            let result = session.pump(&expectation, &mut sender).await;
            sender.finish(result.as_ref().map(|_| ()).map_err(ToString::to_string)).await;
            result
        })
    }

    fn blob_name(&self, digest: &Digest) -> String {
        format!("blob {digest} of {}", self.name())
    }

    async fn read_whole(
        &self,
        mut response: reqwest::Response,
        what: &str,
        limit: u64,
    ) -> Result<Bytes, RegistryError> {
        let (registry, what) = (self.registry(), what.to_owned());
        let mut body = BytesMut::new();
        loop {
            match tokio::time::timeout(self.options.stall_timeout, response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(body.freeze()),
                Ok(Err(source)) => {
                    let (received, source) = (body.len() as u64, Some(source.without_url()));
                    return Err(RegistryError::Broken { registry, what, received, source });
                }
                Err(_) => {
                    let seconds = self.options.stall_timeout.as_secs();
                    return Err(RegistryError::Stalled { registry, what, seconds });
                }
            }
            if body.len() as u64 > limit {
                return Err(RegistryError::TooBig { registry, what, limit });
            }
        }
    }

    /// Streams a blob into the pipe, going on where a connection broke.
    async fn pump(&self, expectation: &Expectation, sender: &mut pipe::Sender) -> Result<Verified, BlobError> {
        let mut check = Check::new(expectation)?;
        let Some(digest) = &expectation.digest else { return check.finish() };
        let what = self.blob_name(digest);
        let size = expectation.size_bytes.unwrap_or(0);
        let mut pending = sender.buffer();
        let (mut failures, mut last_failure_at) = (0, 0);
        loop {
            let response = self.open_from(digest, &what, check.count(), size).await?;
            let ended = self.stretch(response, &mut check, &mut pending, sender).await?;
            // A body that ends early is a broken connection, whatever HTTP said about its length.
            let broken = match ended {
                Stretch::Complete if check.count() >= size => {
                    sender.send(pending.freeze()).await?;
                    return check.finish();
                }
                Stretch::Complete => self.broken(&what, check.count(), None),
                Stretch::Broken(source) => self.broken(&what, check.count(), source),
                Stretch::Stalled => RegistryError::Stalled {
                    registry: self.registry(),
                    what: what.clone(),
                    seconds: self.options.stall_timeout.as_secs(),
                },
            };
            if check.count() - last_failure_at >= MIN_PROGRESS_BYTES {
                failures = 0;
            }
            last_failure_at = check.count();
            failures += 1;
            if failures >= self.options.attempts {
                return Err(broken.into());
            }
            tracing::debug!(error = %broken, at = check.count(), "going on with the blob");
            tokio::time::sleep(self.options.backoff.saturating_mul(1 << (failures - 1).min(6))).await;
        }
    }

    fn broken(&self, what: &str, received: u64, source: Option<reqwest::Error>) -> RegistryError {
        let source = source.map(reqwest::Error::without_url);
        RegistryError::Broken { registry: self.registry(), what: what.to_owned(), received, source }
    }

    /// Asks for the blob from an offset on; the answer's body begins there, or the whole blob was sent and is skipped.
    async fn open_from(
        &self,
        digest: &Digest,
        what: &str,
        offset: u64,
        size: u64,
    ) -> Result<(reqwest::Response, u64), RegistryError> {
        let mut headers = HeaderMap::new();
        if offset > 0
            && let Ok(value) = HeaderValue::from_str(&format!("bytes={offset}-"))
        {
            headers.insert(header::RANGE, value);
        }
        let response = self.get(&Request { path: format!("blobs/{digest}"), what, headers }).await?;
        let skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { offset };
        let expected = size - offset + skip;
        if let Some(announced) = response.content_length().filter(|announced| *announced != expected) {
            return Err(RegistryError::Length {
                registry: self.registry(),
                what: what.to_owned(),
                announced,
                expected,
            });
        }
        Ok((response, skip))
    }

    /// Reads one connection's body into the pipe.
    async fn stretch(
        &self,
        (mut response, mut skip): (reqwest::Response, u64),
        check: &mut Check,
        pending: &mut BytesMut,
        sender: &mut pipe::Sender,
    ) -> Result<Stretch, BlobError> {
        loop {
            let mut chunk = match tokio::time::timeout(self.options.stall_timeout, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(Stretch::Complete),
                Ok(Err(error)) => return Ok(Stretch::Broken(Some(error))),
                Err(_) => return Ok(Stretch::Stalled),
            };
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
            skip -= skipped as u64;
            drop(chunk.split_to(skipped));
            if chunk.is_empty() {
                continue;
            }
            check.update(&chunk)?;
            // Small pieces of the network become large chunks: a wake-up costs more than a copy.
            pending.extend_from_slice(&chunk);
            if pending.len() >= CHUNK_BYTES / 2 {
                let full = std::mem::replace(pending, sender.buffer());
                sender.send(full.freeze()).await?;
            }
        }
    }
}

/// What proxies and login forms send.
fn is_page(content_type: &str) -> bool {
    content_type.starts_with("text/html") || content_type.starts_with("application/xhtml")
}
