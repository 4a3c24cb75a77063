//! The conductor.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::{Database, DatabaseError};
use futures_util::StreamExt as _;
use images::{FailedImage, ImageHandle, OpenError, Reference};
use imagescan::{LayerRecord, LayerScanner};
use limits::inflate::{Caps, Inflater};
use model::{Assessment, Coverage, CoverageState, Diagnostic, Inventory, Layer, Level, Subject};

use crate::cache::{Cache, Entry, Key};
use crate::directory;
use crate::layer::{self, Reading, ScannedLayer};
use crate::progress::{LayerDone, Progress};
use crate::room::{ImageRoom, MEMORY_BYTES, Memory};

/// What a scan may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// How to open references.
    pub source: images::Options,
    /// Limits of the analysers.
    pub scan: imagescan::Options,
    /// Limits of decompression.
    pub caps: Caps,
    /// Layers read at the same time.
    pub parallel_layers: usize,
    /// Memory for files that have to be held as a whole, of all images that are read at one time; what exceeds it goes
    /// through temporary files.
    pub memory_bytes: u64,
    /// Compute the digest of plain archives and compare it with the configuration, although the blob's digest already
    /// proves the bytes. Costs about a third more time.
    pub plain_digests: bool,
    /// Where records of layers are kept; without it every layer is read. Records are those of the limits in `scan`, so
    /// use one cache with one set of limits.
    pub cache: Option<Arc<Cache>>,
    /// What the matcher is told.
    pub judge: vuln::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: images::Options::default(),
            scan: imagescan::Options::default(),
            caps: Caps::LAYER,
            parallel_layers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            memory_bytes: MEMORY_BYTES,
            plain_digests: false,
            cache: None,
            judge: vuln::Options::default(),
        }
    }
}

/// A scan that gives no result at all.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// The reference could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The directory could not be read.
    #[error("the directory could not be read: {reason}")]
    Directory {
        /// Why, with the path.
        reason: String,
    },
    /// The file of an SBOM could not be read.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// The SBOM could not be understood.
    #[error(transparent)]
    Sbom(#[from] imagescan::sbom::SbomError),
    /// The advisory database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A task of ours died.
    #[error("a part of the scan stopped")]
    Stopped(#[from] tokio::task::JoinError),
}

impl AssessError {
    /// The command or the step that helps.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            _ => None,
        }
    }
}

/// What a scan did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Layers of the image.
    pub layers: usize,
    /// Of these, layers whose record was known.
    pub layers_known: usize,
    /// Of these, layers that could not be read.
    pub layers_failed: usize,
    /// Compressed bytes that were read.
    pub blob_bytes: u64,
    /// Plain bytes that they became.
    pub plain_bytes: u64,
    /// Bytes that were written to temporary files, where what had to be held as a whole exceeded the memory for it.
    pub temporary_bytes: u64,
    /// From the start of the layers to the inventory.
    pub elapsed: Duration,
}

/// An image that was assessed.
#[derive(Debug, Clone)]
pub struct AssessedImage {
    /// What it contains.
    pub inventory: Inventory,
    /// What is wrong with it.
    pub assessment: Assessment,
    /// What it cost.
    pub stats: Stats,
}

impl AssessedImage {
    /// Whether all of it could be read.
    pub fn complete(&self) -> bool {
        self.inventory.layers.iter().all(|layer| layer.complete)
    }
}

/// What is behind a reference, assessed.
#[derive(Debug)]
pub struct Outcome {
    /// The images, in the order of their index.
    pub images: Vec<AssessedImage>,
    /// Images of an index that could not be opened although others could.
    pub failed: Vec<FailedImage>,
}

impl Outcome {
    /// Whether all of it could be read.
    pub fn complete(&self) -> bool {
        self.failed.is_empty() && self.images.iter().all(AssessedImage::complete)
    }
}

/// Records of layers that this scan read already: images of one index share layers.
type Known = HashMap<images::Digest, Result<ScannedLayer, String>>;

/// Turns references into assessments. Cheap to clone, usable from many tasks.
#[derive(Debug, Clone)]
pub struct Assessor {
    database: Arc<Database>,
    options: Arc<Options>,
    memory: Arc<Memory>,
}

impl Assessor {
    /// With an advisory database ([`Database::empty`] makes every answer "no feed").
    pub fn new(database: Arc<Database>, options: Options) -> Self {
        let memory = Memory::new(options.memory_bytes);
        Self { database, options: Arc::new(options), memory }
    }

    /// Opens, reads and judges. Needs a Tokio runtime with blocking threads.
    pub async fn assess(&self, reference: &Reference, progress: Arc<dyn Progress>) -> Result<Outcome, AssessError> {
        if let Reference::Sbom(path) = reference {
            return self.sbom(path);
        }
        let opened = images::open(reference, &self.options.source).await?;
        let mut known = Known::new();
        let mut assessed = Vec::with_capacity(opened.images.len());
        let mut temporary_bytes = opened.temporary_bytes;
        for handle in &opened.images {
            let (inventory, mut stats) = self.inventory(handle, &mut known, &progress).await?;
            // What opening took is told with the first image.
            stats.temporary_bytes += std::mem::take(&mut temporary_bytes);
            let assessment = self.judge(&inventory)?;
            assessed.push(AssessedImage { inventory, assessment, stats });
        }
        if let Some(cache) = &self.options.cache {
            cache.shrink();
        }
        Ok(Outcome { images: assessed, failed: opened.failed })
    }

    /// Reads and judges another tool's list of packages.
    fn sbom(&self, path: &std::path::Path) -> Result<Outcome, AssessError> {
        let started = Instant::now();
        let name = path.display().to_string();
        let failed = |source| limits::ReadError::Io { what: name.clone(), source };
        let opened = std::fs::File::open(path).and_then(|file| Inflater::new(file, Caps::LAYER)).map_err(failed)?;
        let bytes = limits::read_capped(opened, imagescan::sbom::MAX_SBOM_BYTES as u64, &name)?;
        let inventory = imagescan::sbom::read(&bytes, &name)?;
        let assessment = self.judge(&inventory)?;
        let stats = Stats { elapsed: started.elapsed(), ..Stats::default() };
        Ok(Outcome { images: vec![AssessedImage { inventory, assessment, stats }], failed: Vec::new() })
    }

    /// Judges an inventory by the database, also one that was stored earlier.
    pub fn judge(&self, inventory: &Inventory) -> Result<Assessment, AssessError> {
        let segments = self.database.segments_for(inventory)?;
        let mut assessment = vuln::assess(inventory, &segments, &self.options.judge);
        assessment.coverage.extend(unread_layers(inventory));
        Ok(assessment)
    }

    async fn inventory(
        &self,
        handle: &ImageHandle,
        known: &mut Known,
        progress: &Arc<dyn Progress>,
    ) -> Result<(Inventory, Stats), AssessError> {
        let started = Instant::now();
        let mut stats = Stats { layers: handle.layers.len(), ..Stats::default() };
        let kept = self.options.cache.as_ref().zip(Key::of(handle, self.options.plain_digests));
        if let Some(inventory) = kept.as_ref().and_then(|(cache, key)| cache.inventory(key, &handle.artifact)) {
            known_already(handle, progress);
            stats.layers_known = stats.layers;
            stats.elapsed = started.elapsed();
            return Ok((inventory, stats));
        }
        let room = ImageRoom::new(&self.memory);
        let scanner = LayerScanner::new(&imagescan::Options { room: Some(room.clone()), ..self.options.scan.clone() });
        let layers = match handle.directory() {
            Some(path) => vec![directory(path.clone(), scanner, &mut stats).await?],
            None => self.layers(handle, scanner, known, progress, &mut stats).await,
        };
        stats.temporary_bytes = room.temporary_bytes();
        let mut diagnostics = handle.diagnostics.clone();
        diagnostics.extend(layers.iter().filter_map(|(layer, _)| contradiction(layer)));
        let layers = layers.into_iter().map(|(layer, record)| (layer.layer, record)).collect();
        let mut inventory = imagescan::merge(layers, handle.artifact.clone());
        inventory.diagnostics.extend(diagnostics);
        if let Some((cache, key)) = kept.filter(|_| inventory.layers.iter().all(|layer| layer.complete)) {
            cache.put_inventory(&key, &inventory);
        }
        stats.elapsed = started.elapsed();
        Ok((inventory, stats))
    }

    /// Takes the records of layers that earlier scans read.
    fn recall(&self, handle: &ImageHandle, known: &mut Known, progress: &Arc<dyn Progress>) {
        let Some(cache) = &self.options.cache else { return };
        for digest in handle.layers.iter().filter_map(|layer| layer.digest.as_ref()) {
            if known.contains_key(digest) {
                continue;
            }
            let Some(entry) = cache.get(digest) else { continue };
            if self.options.plain_digests && entry.plain_digest.is_none() {
                continue;
            }
            progress.layer(&digest.to_string(), LayerDone::Cached);
            known.insert(digest.clone(), Ok(entry.into()));
        }
    }

    /// Keeps the record of a layer under the digest that was computed for it.
    fn keep(&self, scanned: &ScannedLayer) {
        if let Some(cache) = &self.options.cache {
            cache.put(&Entry {
                digest: scanned.verified.digest.clone(),
                size_bytes: scanned.verified.size_bytes,
                plain_digest: scanned.plain_digest.clone(),
                plain_bytes: scanned.plain_bytes,
                record: scanned.record.clone(),
            });
        }
    }

    /// The layers of an image with their records, base first.
    async fn layers(
        &self,
        handle: &ImageHandle,
        scanner: LayerScanner,
        known: &mut Known,
        progress: &Arc<dyn Progress>,
        stats: &mut Stats,
    ) -> Vec<(ReadLayer, LayerRecord)> {
        self.recall(handle, known, progress);
        let missing = missing_layers(handle, known);
        let bytes = missing.iter().map(|index| handle.layers[*index].size_bytes).sum();
        progress.opened(&handle.artifact, handle.layers.len(), bytes);
        stats.layers_known = handle.layers.len() - missing.len();
        let reading = Reading { scanner, caps: self.options.caps, plain_digests: self.options.plain_digests };
        let scans = missing.into_iter().map(|index| {
            let (reading, progress) = (reading.clone(), Arc::clone(progress));
            async move {
                let result = layer::scan(handle, index, reading, Arc::clone(&progress)).await;
                let digest = handle.layers[index].digest.clone();
                let outcome = if result.is_ok() { LayerDone::Read } else { LayerDone::Failed };
                progress.layer(&name_of(digest.as_ref(), index), outcome);
                (index, digest, result)
            }
        });
        let mut scans = futures_util::stream::iter(scans).buffer_unordered(self.options.parallel_layers.max(1));
        let mut without_digest = HashMap::new();
        while let Some((index, digest, result)) = scans.next().await {
            match &result {
                Ok(layer) => {
                    self.keep(layer);
                    stats.blob_bytes += layer.verified.size_bytes;
                    stats.plain_bytes += layer.plain_bytes;
                }
                Err(_) => stats.layers_failed += 1,
            }
            match digest {
                Some(digest) => drop(known.insert(digest, result)),
                None => drop(without_digest.insert(index, result)),
            }
        }
        (0..handle.layers.len())
            .map(|index| {
                let digest = handle.layers[index].digest.as_ref();
                let result = digest.and_then(|digest| known.get(digest)).or_else(|| without_digest.get(&index));
                read_layer(handle, index, result)
            })
            .collect()
    }
}

/// The record of a root file system.
async fn directory(
    root: std::path::PathBuf,
    scanner: LayerScanner,
    stats: &mut Stats,
) -> Result<(ReadLayer, LayerRecord), AssessError> {
    let record = tokio::task::spawn_blocking(move || directory::scan(&root, &scanner)).await?;
    let record = record.map_err(|reason| AssessError::Directory { reason })?;
    stats.layers = 1;
    // A directory has no blob. What was found in it is its identity, so that equal trees have equal inventories.
    let content = serde_json::to_vec(&record).unwrap_or_default();
    let digest = images::Digest::of(&content).to_string();
    let layer = Layer { digest, diff_id: String::new(), size_bytes: 0, created_by: None, complete: true };
    Ok((ReadLayer { layer, claimed: None, computed: None }, record))
}

/// Tells that every layer was read before.
fn known_already(handle: &ImageHandle, progress: &Arc<dyn Progress>) {
    progress.opened(&handle.artifact, handle.layers.len(), 0);
    for (index, layer) in handle.layers.iter().enumerate() {
        progress.layer(&name_of(layer.digest.as_ref(), index), LayerDone::Cached);
    }
}

/// Numbers of the layers whose record is not known yet, largest first: the longest chain should start first.
fn missing_layers(handle: &ImageHandle, known: &Known) -> Vec<usize> {
    let mut seen = std::collections::HashSet::new();
    let mut missing: Vec<usize> = (0..handle.layers.len())
        .filter(|index| match &handle.layers[*index].digest {
            Some(digest) => !known.contains_key(digest) && seen.insert(digest.clone()),
            None => true,
        })
        .collect();
    missing.sort_by_key(|index| std::cmp::Reverse(handle.layers[*index].size_bytes));
    missing
}

/// A layer and the two accounts of its plain digest.
struct ReadLayer {
    layer: Layer,
    claimed: Option<String>,
    computed: Option<String>,
}

fn name_of(digest: Option<&images::Digest>, index: usize) -> String {
    digest.map_or_else(|| format!("layer {index}"), ToString::to_string)
}

fn read_layer(
    handle: &ImageHandle,
    index: usize,
    result: Option<&Result<ScannedLayer, String>>,
) -> (ReadLayer, LayerRecord) {
    let description = &handle.layers[index];
    let claimed = description.claimed_diff_id.clone();
    let mut layer = Layer {
        digest: name_of(description.digest.as_ref(), index),
        diff_id: claimed.clone().unwrap_or_default(),
        size_bytes: description.size_bytes,
        created_by: description.created_by.clone(),
        complete: true,
    };
    match result {
        Some(Ok(scanned)) => {
            layer.digest = scanned.verified.digest.to_string();
            layer.size_bytes = scanned.verified.size_bytes;
            let computed = scanned.plain_digest.as_ref().map(ToString::to_string);
            if let Some(computed) = &computed {
                layer.diff_id.clone_from(computed);
                layer.complete = claimed.as_ref().is_none_or(|claimed| claimed == computed);
            }
            (ReadLayer { layer, claimed, computed }, scanned.record.clone())
        }
        other => {
            let reason = match other {
                Some(Err(reason)) => reason.as_str(),
                _ => "it was not read",
            };
            let record = LayerRecord::unreadable(&layer.digest, reason);
            layer.complete = false;
            (ReadLayer { layer, claimed, computed: None }, record)
        }
    }
}

/// A configuration that claims another plain digest than the layer has: runtimes refuse to unpack such an image, and what
/// was found in the layer is not what the image's author put there.
fn contradiction(read: &ReadLayer) -> Option<Diagnostic> {
    let (claimed, computed) = (read.claimed.as_ref()?, read.computed.as_ref()?);
    (claimed != computed).then(|| {
        let message = format!("the configuration claims the plain digest {claimed}, the layer has {computed}");
        Diagnostic::new("image/diff-id-mismatch", Level::Error, &read.layer.digest, message)
            .with_fix("runtimes will refuse this image; build and push it again")
    })
}

/// What is not known because a layer could not be read.
fn unread_layers(inventory: &Inventory) -> impl Iterator<Item = Coverage> {
    inventory.layers.iter().filter(|layer| !layer.complete).map(|layer| {
        let reason = inventory
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.level == Level::Error && diagnostic.span.source.starts_with(&layer.digest))
            .map_or_else(|| "the layer could not be read".to_owned(), |diagnostic| diagnostic.message.clone());
        Coverage::new(Subject::Layer { digest: layer.digest.clone() }, "layer", CoverageState::Unseen, reason)
    })
}
