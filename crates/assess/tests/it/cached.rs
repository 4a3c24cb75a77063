//! The layer cache: what it saves, and what it must not believe.

use std::path::Path;
use std::sync::Arc;

use assess::cache::DEFAULT_LIMIT_BYTES;
use assess::{Cache, Options, Outcome};
use feeds::Database;
use testkit::image::{TestImage, TestLayer, digest, write_blob};

use crate::support::{assess, base, image, layout, names, python};

fn cached(dir: &Path) -> Options {
    let cache = Cache::open(dir, DEFAULT_LIMIT_BYTES).unwrap();
    Options { cache: Some(Arc::new(cache)), ..Options::default() }
}

async fn scan(image: &TestImage, cache: &Path) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    image.write_layout(dir.path(), "x");
    // The same name for all, so that results can be compared.
    let mut outcome = assess(&layout(dir.path()), Database::empty(), cached(cache)).await.unwrap();
    outcome.images.iter_mut().for_each(|image| image.inventory.artifact.reference = None);
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scan_reads_nothing_and_says_the_same() {
    let cache = tempfile::tempdir().unwrap();
    let cold = scan(&image(), cache.path()).await;
    let warm = scan(&image(), cache.path()).await;
    assert_eq!((cold.images[0].stats.layers_known, warm.images[0].stats.layers_known), (0, 3));
    assert_eq!(warm.images[0].stats.blob_bytes, 0);
    assert_eq!(cold.images[0].inventory, warm.images[0].inventory);

    // A base layer is known to every image that has it.
    let other = TestImage::new(vec![TestLayer::gzip(base()), TestLayer::gzip(python("flask", "3.0"))]);
    let outcome = scan(&other, cache.path()).await;
    assert_eq!(outcome.images[0].stats.layers_known, 1);
    assert_eq!(names(&outcome), ["openssl", "flask"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_cannot_poison_another() {
    let cache = tempfile::tempdir().unwrap();
    let honest = image();
    let harmless = TestLayer::gzip(python("harmless", "1.0"));

    // Its configuration claims the plain digests of the honest image for layers of its own.
    let claims = TestImage::new(
        honest.layers.iter().map(|layer| TestLayer { diff_id: layer.diff_id.clone(), ..harmless.clone() }).collect(),
    );
    assert_eq!(names(&scan(&claims, cache.path()).await), ["harmless"]);

    // Its manifest names the honest blobs, its registry serves others under their digests.
    let dir = tempfile::tempdir().unwrap();
    honest.write_layout(dir.path(), "x");
    for layer in &honest.layers {
        let path = write_blob(dir.path(), &layer.blob);
        let mut lie = harmless.blob.clone();
        lie.resize(layer.blob.len().max(lie.len()), 0);
        lie.truncate(layer.blob.len());
        std::fs::write(path, lie).unwrap();
    }
    let outcome = assess(&layout(dir.path()), Database::empty(), cached(cache.path())).await.unwrap();
    assert!(outcome.images[0].inventory.layers.iter().all(|layer| !layer.complete));

    let outcome = scan(&honest, cache.path()).await;
    assert_eq!(outcome.images[0].stats.layers_known, 0, "nothing that lied was kept");
    assert_eq!(names(&outcome), ["openssl", "jinja2"]);
}

/// Endings of the files in a cache, with how many there are of each.
fn kept(cache: &Path) -> Vec<(String, usize)> {
    let mut endings = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(cache).unwrap() {
        let ending = entry.unwrap().path().extension().unwrap_or_default().to_string_lossy().into_owned();
        *endings.entry(ending).or_default() += 1;
    }
    endings.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_inventories_are_what_merging_gives() {
    let cache = tempfile::tempdir().unwrap();
    let cold = scan(&image(), cache.path()).await;
    assert_eq!(kept(cache.path()), [("inventory".to_owned(), 1), ("layer".to_owned(), 3)]);
    let path = |ending: &str| {
        let mut paths = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|found| found == ending)).unwrap()
    };
    // Without any record of a layer the inventory is still known; without it the records make it again.
    let inventory = testkit::read(path("inventory"));
    for _ in 0..3 {
        std::fs::remove_file(path("layer")).unwrap();
    }
    assert_eq!(scan(&image(), cache.path()).await.images[0].inventory, cold.images[0].inventory);
    // A damaged one is dropped and made again.
    std::fs::write(path("inventory"), &inventory[..inventory.len() / 2]).unwrap();
    let again = scan(&image(), cache.path()).await;
    assert_eq!((again.images[0].stats.layers_known, &again.images[0].inventory), (0, &cold.images[0].inventory));
    assert!(testkit::read(path("inventory")) == inventory);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_says_of_itself_is_its_own() {
    // The same layers with another history, platform or claimed digest: the layers are known, the inventory is not.
    let cache = tempfile::tempdir().unwrap();
    let first = scan(&image(), cache.path()).await;
    let other = TestImage::for_platform("linux/arm64", image().layers);
    let outcome = scan(&other, cache.path()).await;
    assert_eq!(outcome.images[0].inventory.artifact.platform.architecture, "arm64");
    assert_ne!(outcome.images[0].inventory.id, first.images[0].inventory.id);
    let mut layers = image().layers;
    layers[0].diff_id = digest(b"another");
    let outcome = scan(&TestImage::new(layers), cache.path()).await;
    assert_eq!(outcome.images[0].inventory.layers[0].diff_id, digest(b"another"));
    assert_eq!(kept(cache.path()), [("inventory".to_owned(), 3), ("layer".to_owned(), 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_could_not_be_read_is_read_again() {
    let cache = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let image = image();
    image.write_layout(dir.path(), "x");
    let path = write_blob(dir.path(), &image.layers[2].blob);
    std::fs::write(&path, b"damaged").unwrap();
    let reference = layout(dir.path());
    let assess_once = || assess(&reference, Database::empty(), cached(cache.path()));
    let outcome = assess_once().await.unwrap();
    assert!(!outcome.complete());
    assert_eq!(kept(cache.path()), [("layer".to_owned(), 2)]);
    std::fs::write(&path, &image.layers[2].blob).unwrap();
    let outcome = assess_once().await.unwrap();
    assert!(outcome.complete());
    assert_eq!(names(&outcome), ["openssl", "jinja2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_digests_are_computed_when_a_record_has_none() {
    let cache = tempfile::tempdir().unwrap();
    scan(&image(), cache.path()).await;
    let dir = tempfile::tempdir().unwrap();
    image().write_layout(dir.path(), "x");
    let wanted = |options: Options| Options { plain_digests: true, ..options };
    for expected in [1, 3] {
        // The plain layer's digest is its blob's, so only that record will do at first.
        let options = wanted(cached(cache.path()));
        let outcome = assess(&layout(dir.path()), Database::empty(), options).await.unwrap();
        assert_eq!(outcome.images[0].stats.layers_known, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_is_known_by_its_plain_digest_where_that_was_computed() {
    let packed = TestImage::new(vec![TestLayer::gzip(base())]);
    let plain = TestImage::new(vec![TestLayer::plain(base())]);
    for (computed, known) in [(false, 0), (true, 1)] {
        let (cache, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        packed.write_layout(dir.path(), "x");
        let options = Options { plain_digests: computed, ..cached(cache.path()) };
        assess(&layout(dir.path()), Database::empty(), options).await.unwrap();
        let outcome = scan(&plain, cache.path()).await;
        assert_eq!(outcome.images[0].stats.layers_known, known);
        assert_eq!(names(&outcome), ["openssl"]);
        let layer = &outcome.images[0].inventory.layers[0];
        assert_eq!((&layer.digest, layer.size_bytes), (&plain.layers[0].diff_id, plain.layers[0].blob.len() as u64));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_scans_at_once_do_not_disturb_each_other() {
    let (cache, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layers = (0..20).map(|number| TestLayer::gzip(python(&format!("p{number}"), "1.0"))).collect();
    let image = TestImage::new(layers);
    image.write_layout(dir.path(), "x");
    let reference = layout(dir.path());
    let scans: Vec<_> = (0..4)
        .map(|_| {
            let (reference, options) = (reference.clone(), cached(cache.path()));
            tokio::spawn(async move { assess(&reference, Database::empty(), options).await.unwrap() })
        })
        .collect();
    for scan in scans {
        assert_eq!(scan.await.unwrap().images[0].inventory.packages.len(), 20);
    }
    let left: Vec<String> = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left.len(), 20 + 1, "one file per layer and one of the image, no remains: {left:?}");
    assert!(left.iter().any(|name| name.contains(&digest(&image.layers[0].blob)[7..])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_cannot_be_written_costs_no_result() {
    let cache = tempfile::tempdir().unwrap();
    let options = cached(cache.path());
    std::fs::remove_dir(cache.path()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    image().write_layout(dir.path(), "x");
    let outcome = assess(&layout(dir.path()), Database::empty(), options).await.unwrap();
    assert_eq!(names(&outcome), ["openssl", "jinja2"]);
}
