//! Opening a reference: the images behind it, each with its identity and its layers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use limits::ReadError;
use model::{Artifact, Diagnostic, Level, Platform};

use crate::archive::Archive;
use crate::blob::{self, Blob, Expectation};
use crate::containerd;
use crate::digest::Digest;
use crate::docker_archive::{self, SavedImage, SavedLayer};
use crate::layout::Layout;
use crate::manifest::{self, Descriptor, Document, ImageConfig, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest};
use crate::platform::PlatformFilter;
use crate::reference::Reference;
use crate::registry::{self, Session};

mod error;

pub use error::OpenError;

/// Indexes within indexes: the specification allows them, nobody nests deeper.
pub const MAX_INDEX_DEPTH: usize = 3;

/// How to open a reference.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only images of this platform; all without it.
    pub platform: Option<PlatformFilter>,
    /// How to talk to registries.
    pub registry: registry::Options,
    /// Where containerd keeps its state.
    pub containerd_root: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        let registry = registry::Options::default();
        Self { platform: None, registry, containerd_root: containerd::DEFAULT_ROOT.into() }
    }
}

/// What is behind a reference.
#[derive(Debug)]
pub struct Opened {
    /// The images, in the order of their index.
    pub images: Vec<ImageHandle>,
    /// Images of an index that could not be opened although others could.
    pub failed: Vec<FailedImage>,
    /// Bytes that were written to temporary files to open them.
    pub temporary_bytes: u64,
}

/// An image that could not be opened.
#[derive(Debug)]
pub struct FailedImage {
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its platform by the index.
    pub platform: Option<Platform>,
    /// Why.
    pub error: OpenError,
}

/// A layer before it is read.
#[derive(Debug, Clone)]
pub struct LayerHandle {
    /// Digest of the blob by the manifest; absent where there is no manifest.
    pub digest: Option<Digest>,
    /// Digest of the plain archive that the configuration claims.
    pub claimed_diff_id: Option<String>,
    /// Size of the blob in bytes, 0 where it is not known beforehand.
    pub size_bytes: u64,
    /// Media type by the manifest.
    pub media_type: String,
    /// The history line that made it.
    pub created_by: Option<String>,
}

/// Where the bytes of an image's layers are.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Registry(Arc<Session>),
    Layout(Layout),
}

/// Where the files of an image are.
#[derive(Debug, Clone)]
enum Files {
    Layers(Store),
    Saved(Archive, Vec<SavedLayer>),
    Directory(PathBuf),
}

/// An image: what it is, and a way to its layers.
#[derive(Debug, Clone)]
pub struct ImageHandle {
    /// Its names.
    pub artifact: Artifact,
    /// Its layers, base first. A root file system has none; see [`Self::directory`].
    pub layers: Vec<LayerHandle>,
    /// What is odd about it.
    pub diagnostics: Vec<Diagnostic>,
    files: Files,
}

impl ImageHandle {
    /// Starts reading a layer. `None` for a number that there is no layer of.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn open_layer(&self, index: usize) -> Option<Blob> {
        let layer = self.layers.get(index)?;
        match (&self.files, &layer.digest) {
            (Files::Layers(store), Some(digest)) => Some(store.blob(digest, layer.size_bytes)),
            (Files::Saved(archive, layers), _) => layers.get(index).map(|layer| layer.blob(archive)),
            _ => None,
        }
    }

    /// The root file system, for references of that kind.
    pub fn directory(&self) -> Option<&PathBuf> {
        match &self.files {
            Files::Directory(path) => Some(path),
            Files::Layers(_) | Files::Saved(..) => None,
        }
    }
}

/// Opens a reference: reads its manifests and configurations, no layers.
pub async fn open(reference: &Reference, options: &Options) -> Result<Opened, OpenError> {
    let mut resolver = Resolver {
        reference: reference.to_string(),
        options,
        images: Vec::new(),
        failed: Vec::new(),
        seen: Vec::new(),
        temporary_bytes: 0,
    };
    match reference {
        Reference::Registry(registry_reference) => {
            let session = Session::new(registry_reference, &options.registry)?;
            let root = session.root_document().await?;
            let store = Store::Registry(session);
            let place = Place { index: None, depth: 0, platform: None };
            resolver.document(&store, &root.digest, &root.bytes, root.content_type.as_deref(), place).await?;
        }
        Reference::OciLayout(text) => resolver.layout(Layout::open(text)?).await,
        Reference::OciArchive(text) => {
            let text = text.clone();
            let layout = blocking(move || Layout::open_archive(&text).map_err(OpenError::from)).await?;
            resolver.layout(layout).await;
        }
        Reference::DockerArchive(text) => {
            let text = text.clone();
            resolver.saved(blocking(move || docker_archive::open(&text).map_err(OpenError::from)).await?);
        }
        Reference::Containerd(name) => resolver.layout(containerd::open(&options.containerd_root, name)?).await,
        Reference::Directory(path) => return open_directory(path, resolver.reference),
        Reference::Sbom(_) => return Err(OpenError::Unsupported { reference: resolver.reference }),
    }
    resolver.finish()
}

/// Runs what may take as long as unpacking an archive.
async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    // It only fails where the work itself panicked, or the runtime ends.
    tokio::task::spawn_blocking(open).await.unwrap_or_else(|error| Err(OpenError::Stopped(error)))
}

fn open_directory(path: &Path, reference: String) -> Result<Opened, OpenError> {
    if !path.is_dir() {
        return Err(OpenError::NotADirectory { path: path.to_owned() });
    }
    let artifact = Artifact { reference: Some(reference), ..Artifact::default() };
    let files = Files::Directory(path.to_owned());
    let image = ImageHandle { artifact, layers: Vec::new(), diagnostics: Vec::new(), files };
    Ok(Opened { images: vec![image], failed: Vec::new(), temporary_bytes: 0 })
}

impl Store {
    async fn document(&self, descriptor: &Descriptor) -> Result<Bytes, OpenError> {
        let what = || format!("manifest {}", descriptor.digest);
        match self {
            Self::Registry(session) => {
                let digest = &descriptor.digest;
                Ok(session.document(&digest.to_string(), Some(digest)).await?.bytes)
            }
            Self::Layout(layout) => {
                checked(layout.small_blob(&descriptor.digest, MAX_MANIFEST_BYTES), &descriptor.digest, what)
            }
        }
    }

    async fn config(&self, descriptor: &Descriptor) -> Result<Bytes, OpenError> {
        let what = || format!("configuration {}", descriptor.digest);
        let bytes = match self {
            Self::Registry(session) => Ok(session.small_blob(&descriptor.digest, MAX_CONFIG_BYTES).await?),
            Self::Layout(layout) => layout.small_blob(&descriptor.digest, MAX_CONFIG_BYTES),
        };
        checked(bytes, &descriptor.digest, what)
    }

    fn blob(&self, digest: &Digest, size_bytes: u64) -> Blob {
        match self {
            Self::Registry(session) => session.blob(digest, size_bytes),
            Self::Layout(layout) => layout.blob(digest, size_bytes),
        }
    }
}

/// Bytes whose digest is right.
fn checked(bytes: Result<Bytes, ReadError>, digest: &Digest, what: impl Fn() -> String) -> Result<Bytes, OpenError> {
    let bytes = bytes.map_err(|source| OpenError::Read { what: what(), source })?;
    let expectation = Expectation { digest: Some(digest.clone()), size_bytes: None };
    blob::check_whole(&bytes, &expectation).map_err(|source| OpenError::Untrusted { what: what(), source })?;
    Ok(bytes)
}

/// Where in a tree of indexes a document is.
#[derive(Debug, Clone)]
struct Place {
    /// The outermost index.
    index: Option<Digest>,
    depth: usize,
    /// What the index says of it.
    platform: Option<Platform>,
}

struct Resolver<'a> {
    reference: String,
    options: &'a Options,
    images: Vec<ImageHandle>,
    failed: Vec<FailedImage>,
    /// Platforms that were passed over.
    seen: Vec<String>,
    temporary_bytes: u64,
}

impl Resolver<'_> {
    async fn layout(&mut self, (layout, descriptors): (Layout, Vec<Descriptor>)) {
        self.temporary_bytes = layout.unpacked_bytes();
        let store = Store::Layout(layout);
        for descriptor in &descriptors {
            self.child(&store, descriptor, None, 0).await;
        }
    }

    /// The images of a `docker save` archive.
    fn saved(&mut self, (archive, images): (Archive, Vec<SavedImage>)) {
        self.temporary_bytes = archive.unpacked_bytes();
        for image in images {
            let platform = image.config.platform();
            if self.options.platform.as_ref().is_some_and(|wanted| !wanted.matches(&platform)) {
                self.seen.push(platform.to_string());
                continue;
            }
            let layers = image.layers.iter().enumerate().map(|(index, layer)| LayerHandle {
                digest: layer.digest.clone(),
                claimed_diff_id: image.config.claimed_diff_id(index).map(str::to_owned),
                size_bytes: layer.size_bytes,
                media_type: String::new(),
                created_by: image.config.created_by(index).map(str::to_owned),
            });
            let artifact = Artifact {
                reference: Some(self.reference.clone()),
                config_digest: Some(image.config_digest.to_string()),
                platform,
                created: image.config.created(),
                labels: image.config.labels(),
                ..Artifact::default()
            };
            let layers = layers.collect();
            let files = Files::Saved(archive.clone(), image.layers);
            self.images.push(ImageHandle { artifact, layers, diagnostics: Vec::new(), files });
        }
    }

    /// An entry of an index. What fails is noted and the others go on: layouts and mirrors often lack some platforms.
    async fn child(&mut self, store: &Store, descriptor: &Descriptor, index: Option<Digest>, depth: usize) {
        let platform = descriptor.platform.clone().map(Platform::from);
        if is_attestation(descriptor) {
            return;
        }
        if let (Some(wanted), Some(platform)) = (&self.options.platform, &platform)
            && !wanted.matches(platform)
        {
            self.seen.push(platform.to_string());
            return;
        }
        let place = Place { index, depth, platform: platform.clone() };
        let result = match store.document(descriptor).await {
            Ok(bytes) => {
                let media_type = (!descriptor.media_type.is_empty()).then_some(descriptor.media_type.as_str());
                Box::pin(self.document(store, &descriptor.digest, &bytes, media_type, place)).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.failed.push(FailedImage { digest: descriptor.digest.clone(), platform, error });
        }
    }

    async fn document(
        &mut self,
        store: &Store,
        digest: &Digest,
        bytes: &Bytes,
        media_type: Option<&str>,
        place: Place,
    ) -> Result<(), OpenError> {
        let document = manifest::parse_document(bytes, media_type)
            .map_err(|source| OpenError::Document { what: format!("manifest {digest}"), source })?;
        match document {
            Document::Index(_) if place.depth >= MAX_INDEX_DEPTH => Err(OpenError::TooDeep { digest: digest.clone() }),
            Document::Index(descriptors) => {
                let index = place.index.unwrap_or_else(|| digest.clone());
                for descriptor in &descriptors {
                    self.child(store, descriptor, Some(index.clone()), place.depth + 1).await;
                }
                Ok(())
            }
            Document::Image(manifest) => self.image(store, digest, &manifest, place).await,
        }
    }

    async fn image(
        &mut self,
        store: &Store,
        digest: &Digest,
        manifest: &Manifest,
        place: Place,
    ) -> Result<(), OpenError> {
        let bytes = store.config(&manifest.config).await?;
        let config = ImageConfig::parse(&bytes).map_err(|source| OpenError::Document {
            what: format!("configuration {}", manifest.config.digest),
            source,
        })?;
        let mut platform = config.platform();
        if platform.os.is_empty()
            && let Some(by_index) = place.platform
        {
            platform = by_index;
        }
        if let Some(wanted) = &self.options.platform
            && !wanted.matches(&platform)
        {
            self.seen.push(platform.to_string());
            return Ok(());
        }
        let claimed = config.layer_count();
        if claimed != 0 && claimed != manifest.layers.len() {
            let layers = manifest.layers.len();
            return Err(OpenError::LayerCount { manifest: digest.clone(), layers, diff_ids: claimed });
        }
        let (layers, diagnostics) = layers_of(manifest, &config);
        let artifact = Artifact {
            reference: Some(self.reference.clone()),
            index_digest: place.index.map(|digest| digest.to_string()),
            manifest_digest: Some(digest.to_string()),
            config_digest: Some(manifest.config.digest.to_string()),
            platform,
            created: config.created(),
            labels: config.labels(),
        };
        self.images.push(ImageHandle { artifact, layers, diagnostics, files: Files::Layers(store.clone()) });
        Ok(())
    }

    fn finish(mut self) -> Result<Opened, OpenError> {
        if !self.images.is_empty() {
            let Self { images, failed, temporary_bytes, .. } = self;
            return Ok(Opened { images, failed, temporary_bytes });
        }
        // Nothing to go on with: the first failure is the answer.
        if !self.failed.is_empty() {
            return Err(self.failed.swap_remove(0).error);
        }
        match &self.options.platform {
            Some(wanted) => {
                self.seen.dedup();
                let wanted = wanted.to_string();
                Err(OpenError::NoSuchPlatform { reference: self.reference, wanted, found: self.seen })
            }
            None => Err(OpenError::NoImages { reference: self.reference }),
        }
    }
}

/// Attestations and signatures lie in indexes beside the images that they are about.
fn is_attestation(descriptor: &Descriptor) -> bool {
    let unknown = descriptor.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    unknown || descriptor.artifact_type.is_some() || descriptor.annotations.contains_key("vnd.docker.reference.type")
}

fn layers_of(manifest: &Manifest, config: &ImageConfig) -> (Vec<LayerHandle>, Vec<Diagnostic>) {
    let (mut layers, mut diagnostics) = (Vec::new(), Vec::new());
    for (index, descriptor) in manifest.layers.iter().enumerate() {
        let (media_type, source) = (&descriptor.media_type, descriptor.digest.to_string());
        if !manifest::can_be_file_system(media_type) {
            let message = format!("layer {index} of type {media_type:?} holds no files and was not read");
            diagnostics.push(Diagnostic::new("image/not-a-file-system", Level::Warning, &source, message));
            continue;
        }
        if !manifest::is_known_layer(media_type) {
            let message =
                format!("layer {index} has the type {media_type:?}, which runtimes do not unpack; it was read");
            diagnostics.push(Diagnostic::new("image/media-type", Level::Warning, &source, message));
        }
        layers.push(LayerHandle {
            digest: Some(descriptor.digest.clone()),
            claimed_diff_id: config.claimed_diff_id(index).map(str::to_owned),
            size_bytes: descriptor.size,
            media_type: descriptor.media_type.clone(),
            created_by: config.created_by(index).map(str::to_owned),
        });
    }
    (layers, diagnostics)
}
