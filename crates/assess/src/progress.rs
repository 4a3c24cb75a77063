//! What a scan tells while it runs. Nothing here is needed for its result.

use model::Artifact;

/// How a layer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerDone {
    /// It was read.
    Read,
    /// Its record was known.
    Cached,
    /// It could not be read.
    Failed,
}

/// Watches a scan. Called from several threads; must not block.
pub trait Progress: Send + Sync {
    /// An image was opened; `bytes` is the compressed size of the layers that will be read.
    fn opened(&self, _artifact: &Artifact, _layers: usize, _bytes: u64) {}
    /// So many more compressed bytes were read.
    fn read(&self, _bytes: u64) {}
    /// A layer is done.
    fn layer(&self, _digest: &str, _outcome: LayerDone) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
