//! Layers that cannot be read: the others' results stand, the bad one is marked, and the reason names it.

use assess::{AssessedImage, Options, Outcome};
use feeds::Database;
use limits::inflate::Caps;
use model::{CoverageState, Subject};
use testkit::image::{Tar, TestImage, TestLayer, digest, gzip, write_blob};

use crate::support::{assess, base, layout, names, python};

fn layer_of(blob: Vec<u8>) -> TestLayer {
    TestLayer { diff_id: digest(&blob), blob, media_type: "application/vnd.oci.image.layer.v1.tar+gzip" }
}

/// An image whose middle layer is bad.
fn around(bad: TestLayer) -> TestImage {
    TestImage::new(vec![TestLayer::gzip(base()), bad, TestLayer::gzip(python("jinja2", "3.1.2"))])
}

fn small_caps() -> Options {
    let caps = Caps { plain_bytes: 8 << 20, ratio: 50, ratio_free_bytes: 1 << 20 };
    Options { caps, ..Options::default() }
}

/// The others are whole, the middle one is marked, and coverage says so.
fn check_marked(outcome: &Outcome, parts: &[&str]) {
    let AssessedImage { inventory, assessment, stats } = &outcome.images[0];
    assert!(!outcome.complete());
    assert_eq!(names(outcome), ["openssl", "jinja2"], "the other layers' packages stand");
    assert_eq!(inventory.layers.iter().map(|layer| layer.complete).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!((stats.layers, stats.layers_failed), (3, 1));
    let bad = &inventory.layers[1].digest;
    let note = inventory.diagnostics.iter().find(|note| note.code == "layer/unreadable").unwrap();
    assert_eq!(&note.span.source, bad);
    for part in parts {
        assert!(note.message.contains(part), "{part}: {}", note.message);
    }
    let coverage = assessment
        .coverage
        .iter()
        .find(|coverage| matches!(&coverage.subject, Subject::Layer { digest } if digest == bad));
    let coverage = coverage.expect("coverage speaks of the layer");
    assert_eq!(coverage.state, CoverageState::Unseen);
    assert_eq!(coverage.reason, note.message);
}

/// The layer is what its digest says, and still cannot be read.
async fn check(bad: TestLayer, options: Options, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    around(bad).write_layout(dir.path(), "x");
    let outcome = assess(&layout(dir.path()), Database::empty(), options).await.unwrap();
    check_marked(&outcome, parts);
}

/// The layer is stored as other bytes than its digest says.
async fn check_stored(bytes: impl Fn(&[u8]) -> Vec<u8>, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let bad = TestLayer::gzip(
        python("requests", "2.0").file("data", (0..60_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()),
    );
    let image = around(bad.clone());
    image.write_layout(dir.path(), "x");
    let path = write_blob(dir.path(), &bad.blob);
    std::fs::write(path, bytes(&bad.blob)).unwrap();
    let outcome = assess(&layout(dir.path()), Database::empty(), Options::default()).await.unwrap();
    check_marked(&outcome, parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_on_the_way_is_told_from_damage_at_the_source() {
    let flip = |at: usize| {
        move |blob: &[u8]| {
            let mut blob = blob.to_vec();
            blob[at] ^= 0x10;
            blob
        }
    };
    // In the gzip header, in the data, and where only the digest can tell.
    for at in [0, 3, 4, 50, 20_000] {
        check_stored(flip(at), &["layer not read", "changed on the way or where they are stored"]).await;
    }
    check_stored(|blob| blob[..blob.len() / 2].to_vec(), &["ends after"]).await;
    check_stored(|blob| [blob, b"more"].concat(), &["larger than"]).await;
    check_stored(|_| Vec::new(), &["ends after 0 of"]).await;

    let whole = python("requests", "2.0").gzip();
    check(layer_of(whole[..whole.len() - 9].to_vec()), Options::default(), &["in its gzip stream"]).await;
    check(
        layer_of(gzip(b"this is no archive, however long it may be".repeat(50).as_slice())),
        Options::default(),
        &["in its gzip stream", "byte 0"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_stopped() {
    let zeros = gzip(&vec![0; 32 << 20]);
    check(layer_of(zeros), small_caps(), &["more than 50 plain bytes per compressed byte"]).await;
    let noise: Vec<u8> =
        (0..3_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = Tar::new().file("large", noise);
    check(TestLayer::gzip(large), small_caps(), &["more than 8388608 plain bytes"]).await;

    let many = (0..200).fold(Tar::new(), |tar, number| tar.file(&format!("f{number}"), ""));
    let mut options = Options::default();
    options.scan.max_entries = 100;
    check(TestLayer::gzip(many), options, &["more than 100 entries"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_layer_may_fail() {
    let dir = tempfile::tempdir().unwrap();
    let image = TestImage::new(vec![layer_of(b"junk".to_vec())]);
    image.write_layout(dir.path(), "x");
    let outcome = assess(&layout(dir.path()), Database::empty(), Options::default()).await.unwrap();
    assert!(!outcome.complete());
    assert!(outcome.images[0].inventory.packages.is_empty());
    assert!(
        outcome.images[0].assessment.coverage.iter().any(|coverage| matches!(coverage.subject, Subject::Layer { .. }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_type_is_not_believed() {
    let typed = |media_type| TestLayer { media_type, ..TestLayer::gzip(python("requests", "2.0")) };
    let outcome = async |bad: TestLayer| {
        let dir = tempfile::tempdir().unwrap();
        around(bad).write_layout(dir.path(), "x");
        assess(&layout(dir.path()), Database::empty(), Options::default()).await.unwrap()
    };
    let code = |outcome: &Outcome| outcome.images[0].inventory.diagnostics.first().map(|note| note.code.clone());
    for (media_type, found, expected) in [
        ("application/vnd.oci.image.layer.v1.tar+zstd", true, None),
        ("application/octet-stream", true, Some("image/media-type")),
        ("application/vnd.in-toto+json", false, Some("image/not-a-file-system")),
    ] {
        let outcome = outcome(typed(media_type)).await;
        assert!(outcome.complete(), "{media_type}");
        assert_eq!(names(&outcome).contains(&"requests".to_owned()), found, "{media_type}");
        assert_eq!(code(&outcome).as_deref(), expected, "{media_type}");
    }
    let junk = TestLayer { media_type: "application/octet-stream", ..layer_of(b"no archive".to_vec()) };
    check_marked(&outcome(junk).await, &["the archive ends"]);
    let encrypted = typed("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
    check_marked(&outcome(encrypted).await, &["it is encrypted"]);
}

/// In an archive of `docker save` only the configuration says what a layer should be.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_layer_of_a_docker_archive_is_told() {
    let (good, other) = (python("jinja2", "3.1.2"), python("jinja2", "3.1.3"));
    let config = TestImage::new(vec![TestLayer::gzip(base()), TestLayer::gzip(good.clone())]).config;
    let manifest = r#"[{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a.tar", "b.tar"]}]"#;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("saved.tar");
    for (second, changed) in [(good.clone().finish(), false), (good.gzip(), false), (other.clone().gzip(), true)] {
        let saved = Tar::new().file("c.json", &config).file("a.tar", base().finish()).file("b.tar", second);
        std::fs::write(&file, saved.file("manifest.json", manifest).finish()).unwrap();
        let reference = format!("docker-archive:{}", file.display());
        let outcome = assess(&reference, Database::empty(), Options::default()).await.unwrap();
        assert_eq!(outcome.complete(), !changed);
        let layers = &outcome.images[0].inventory.layers;
        assert_eq!(layers.iter().map(|layer| layer.complete).collect::<Vec<_>>(), [true, !changed]);
        assert_eq!(names(&outcome), ["openssl", "jinja2"]);
    }
}
