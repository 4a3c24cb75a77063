//! What works: registry, layouts, directories, platforms that share layers, a database.

use std::sync::Arc;

use assess::{Assessor, LayerDone, Options};
use feeds::Database;
use model::{CoverageState, Timestamp};
use testkit::image::{Tar, TestImage, TestLayer, digest, write_blob, write_layout};
use testkit::need;
use testkit::registry::Registry;

use crate::support::{Watch, assess, assess_layout, base, image, layout, names, python};

#[tokio::test(flavor = "multi_thread")]
async fn from_a_registry_to_no_feed() {
    need!(registry);
    let registry = Registry::start();
    let reference = registry.push("app", "1", &image());
    let outcome = assess(&reference, Database::empty(), Options::default()).await.unwrap();
    assert!(outcome.complete());
    assert_eq!(names(&outcome), ["openssl", "jinja2"]);
    let image = &outcome.images[0];
    assert_eq!(image.inventory.os.as_ref().unwrap().id, "debian");
    assert_eq!(image.inventory.artifact.reference.as_deref(), Some(reference.as_str()));
    assert_eq!(image.inventory.packages[1].layer, Some(image.inventory.layers[2].digest.clone()));
    assert_eq!(image.inventory.layers[2].created_by.as_deref(), Some("step 2"));
    assert!(image.assessment.findings.is_empty());
    let unseen = image.assessment.coverage.iter().filter(|coverage| coverage.state == CoverageState::Unseen);
    assert!(unseen.clone().count() >= 2, "silence is never health: {:?}", image.assessment.coverage);
    assert!(unseen.into_iter().all(|coverage| coverage.reason.contains("no feed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_gives_findings_that_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let (records, database) = (dir.path().join("osv/PyPI"), dir.path().join("db"));
    std::fs::create_dir_all(&records).unwrap();
    let record = r#"{"schema_version": "1.6.0", "id": "PYSEC-2024-1", "modified": "2024-05-01T00:00:00Z",
        "aliases": ["CVE-2024-34064"], "summary": "made for a test",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"},
                      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}]}]}"#;
    std::fs::write(records.join("PYSEC-2024-1.json"), record).unwrap();
    feeds::build(dir.path(), &database, Timestamp::from_seconds(1_700_000_000), &mut |_| {}).unwrap();

    let path = dir.path().join("layout");
    image().write_layout(&path, "x");
    let database = Database::open(&database).unwrap();
    let outcome = assess(&layout(&path), database, Options::default()).await.unwrap();
    let [finding] = outcome.images[0].assessment.findings.as_slice() else { panic!("one finding") };
    assert_eq!((finding.id.as_str(), finding.installed.as_str()), ("CVE-2024-34064", "3.1.2"));
    assert_eq!(finding.because.record, "PYSEC-2024-1");
    assert_eq!(finding.layer, Some(outcome.images[0].inventory.layers[2].digest.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_share_layers_and_read_them_once() {
    let dir = tempfile::tempdir().unwrap();
    let shared = TestLayer::gzip(base());
    let own = |name: &str| TestLayer::gzip(python(name, "1.0"));
    let amd = TestImage::for_platform("linux/amd64", vec![shared.clone(), own("one")]);
    let arm = TestImage::for_platform("linux/arm64", vec![shared, own("two")]);
    let index = testkit::image::index(&[&amd, &arm]);
    let entry =
        serde_json::json!({"digest": digest(&index), "size": index.len(), "mediaType": testkit::image::INDEX_TYPE});
    write_layout(dir.path(), &[&amd, &arm], &[entry]);
    write_blob(dir.path(), &index);

    let watch = Arc::new(Watch::default());
    let assessor = Assessor::new(Arc::new(Database::empty()), Options::default());
    let outcome = assessor.assess(&layout(dir.path()).parse().unwrap(), watch.clone()).await.unwrap();
    let packages: Vec<Vec<&str>> = outcome
        .images
        .iter()
        .map(|image| image.inventory.packages.iter().map(|package| package.name.as_str()).collect())
        .collect();
    assert_eq!(packages, [["openssl", "one"], ["openssl", "two"]]);
    assert_eq!(*watch.layers.lock().unwrap(), [LayerDone::Read; 3]);
    assert_eq!((outcome.images[0].stats.layers_known, outcome.images[1].stats.layers_known), (0, 1));
    let read = outcome.images.iter().map(|image| image.stats.blob_bytes).sum::<u64>();
    assert_eq!(*watch.bytes.lock().unwrap(), read);
    assert_eq!(outcome.images[1].inventory.artifact.index_digest, Some(digest(&index)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_an_image_too() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    std::fs::write(root.join("etc/os-release"), "ID=debian\nVERSION_ID=12\n").unwrap();
    std::fs::write(root.join("var/lib/dpkg/status"), crate::support::STATUS).unwrap();
    // A link out of the directory must not bring in what is there.
    std::os::unix::fs::symlink("/usr/lib", root.join("lib")).unwrap();
    let reference = format!("dir:{}", root.display());
    let first = assess(&reference, Database::empty(), Options::default()).await.unwrap();
    assert_eq!(names(&first), ["openssl"]);
    assert!(first.complete());
    let again = assess(&reference, Database::empty(), Options::default()).await.unwrap();
    assert_eq!(first.images[0].inventory, again.images[0].inventory, "the same tree is the same inventory");
    let error = assess("dir:/nonexistent/of/a/test", Database::empty(), Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/of/a/test is not a directory"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn claimed_plain_digests_are_compared_when_computed() {
    let mut image = image();
    let claimed = image.layers[0].diff_id.clone();
    let computed = Options { plain_digests: true, ..Options::default() };
    let outcome = assess_layout(&image, computed.clone()).await;
    assert_eq!(outcome.images[0].inventory.layers[0].diff_id, claimed);
    assert!(outcome.images[0].inventory.diagnostics.is_empty(), "{:?}", outcome.images[0].inventory.diagnostics);

    image.layers[0].diff_id = digest(b"a lie");
    let lying = TestImage::new(image.layers);
    let outcome = assess_layout(&lying, computed).await;
    assert_eq!(outcome.images[0].inventory.layers[0].diff_id, claimed, "what was computed wins");
    let [note] = outcome.images[0].inventory.diagnostics.as_slice() else { panic!("one diagnostic") };
    assert_eq!(note.code, "image/diff-id-mismatch");
    assert!(!outcome.complete(), "what runtimes refuse is no clean image");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_layers_is_no_clean_bill() {
    let outcome = assess_layout(&TestImage::new(vec![]), Options::default()).await;
    assert!(outcome.complete());
    assert_eq!(outcome.images[0].inventory.diagnostics[0].code, "image/nothing-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_goes_through_a_temporary_file_that_is_counted() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let pom = b"groupId=g\nartifactId=large\nversion=1.2\n".to_vec();
    for (name, content) in [("filling", vec![0; 2 << 20]), ("META-INF/maven/g/large/pom.properties", pom)] {
        writer.start_file(name, stored).unwrap();
        std::io::Write::write_all(&mut writer, &content).unwrap();
    }
    let jar = writer.finish().unwrap().into_inner();
    let image = TestImage::new(vec![TestLayer::gzip(Tar::new().file("opt/large-1.2.jar", &jar))]);
    for (memory_bytes, expected) in [(0, jar.len() as u64), (assess::MEMORY_BYTES, 0)] {
        let outcome = assess_layout(&image, Options { memory_bytes, ..Options::default() }).await;
        assert_eq!(names(&outcome), ["g:large"]);
        assert_eq!(outcome.images[0].stats.temporary_bytes, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_wait_for_each_other_where_memory_is_short() {
    let lock = |name: &str| {
        let text =
            format!(r#"{{"lockfileVersion": 3, "packages": {{"node_modules/{name}": {{"version": "1.0.0"}}}}}}"#);
        text + &" ".repeat(2 << 20)
    };
    let expected = ["a", "b", "c", "d"];
    let layer =
        |name: &&str| TestLayer::gzip(Tar::new().file(&format!("{name}/package-lock.json"), lock(name).as_bytes()));
    let image = TestImage::new(expected.iter().map(layer).collect());
    let options = Options { memory_bytes: 3 << 20, parallel_layers: 4, ..Options::default() };
    let outcome = assess_layout(&image, options).await;
    assert_eq!(names(&outcome), expected);
    assert_eq!(outcome.images[0].stats.temporary_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_packages_may_be_compressed() {
    let text = br#"{"bomFormat":"CycloneDX","components":[{"name":"a","version":"1","purl":"pkg:npm/a@1"}]}"#;
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("plain.json", text.to_vec()), ("packed.json.gz", testkit::image::gzip(text))] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let outcome = assess(&format!("sbom:{}", path.display()), Database::empty(), Options::default()).await.unwrap();
        assert_eq!(names(&outcome), ["a"]);
    }
    let folder = format!("sbom:{}", dir.path().display());
    let error = assess(&folder, Database::empty(), Options::default()).await.unwrap_err();
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
}
