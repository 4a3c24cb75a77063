//! What the tests share: a small image, impatient options, reading a layer to its verdict.

use std::time::Duration;

use images::{BlobError, Credentials, ImageHandle, OpenError, Opened, Options, Verified, registry};
use testkit::image::{Tar, TestImage, TestLayer};

pub fn image(platform: &str) -> TestImage {
    let base = Tar::new().directory("etc").file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    let own = Tar::new().file("app/hello", format!("hello from {platform}"));
    TestImage::for_platform(platform, vec![TestLayer::gzip(base), TestLayer::plain(own)])
}

/// Options whose waits are over soon.
pub fn impatient() -> Options {
    let registry = registry::Options {
        stall_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(1),
        max_wait: Duration::from_secs(2),
        ..registry::Options::default()
    };
    Options { registry, ..Options::default() }
}

pub fn with_logins(json: &str, options: Options) -> (tempfile::TempDir, Options) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    std::fs::write(&file, json).unwrap();
    let registry = registry::Options { credentials: Credentials::from_files(vec![file]), ..options.registry };
    (dir, Options { registry, ..options })
}

pub async fn open(reference: &str, options: &Options) -> Result<Opened, OpenError> {
    images::open(&reference.parse().unwrap(), options).await
}

/// An error with its causes, as programs print it.
pub fn text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The bytes of a layer and the verdict on them.
pub async fn layer(image: &ImageHandle, index: usize) -> (Result<Vec<u8>, String>, Result<Verified, BlobError>) {
    let blob = image.open_layer(index).unwrap();
    let bytes = tokio::task::spawn_blocking(move || {
        limits::read_capped(blob.reader, 64 << 20, "layer").map_err(|error| text(&error))
    });
    (bytes.await.unwrap(), blob.verdict.wait().await)
}
