//! OCI layout directories, whole and damaged.

use std::path::Path;

use testkit::image::{TestImage, digest, write_blob, write_layout};
use testkit::need;

use crate::support::{image, impatient, layer, open, text};

fn reference(dir: &Path) -> String {
    format!("oci:{}", dir.display())
}

#[tokio::test]
async fn images_by_name_digest_and_all() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (image("linux/amd64"), image("linux/arm64"));
    let named = |image: &TestImage, name: &str| {
        let mut descriptor = image.descriptor();
        descriptor["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": name});
        descriptor
    };
    write_layout(dir.path(), &[&one, &two], &[named(&one, "app:1"), named(&two, "app:2")]);
    let base = reference(dir.path());
    for (suffix, expected) in [
        (String::new(), vec![one.digest(), two.digest()]),
        (":app:2".to_owned(), vec![two.digest()]),
        (format!(":@{}", one.digest()), vec![one.digest()]),
    ] {
        let opened = open(&format!("{base}{suffix}"), &impatient()).await.unwrap();
        let found: Vec<_> = opened.images.iter().filter_map(|image| image.artifact.manifest_digest.clone()).collect();
        assert_eq!(found, expected, "{suffix}");
    }
    let error = open(&format!("{base}:app:3"), &impatient()).await.unwrap_err();
    assert!(error.to_string().contains("has no image \"app:3\"; it has: app:1, app:2"), "{error}");
}

#[tokio::test]
async fn an_index_keeps_its_identity_and_what_is_missing_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (here, elsewhere) = (image("linux/amd64"), image("linux/s390x"));
    let index = testkit::image::index(&[&here, &elsewhere]);
    let entry = serde_json::json!({
        "mediaType": testkit::image::INDEX_TYPE, "digest": digest(&index), "size": index.len(),
    });
    write_layout(dir.path(), &[&here], &[entry]);
    write_blob(dir.path(), &index);
    let opened = open(&reference(dir.path()), &impatient()).await.unwrap();
    assert_eq!(opened.images.len(), 1);
    assert_eq!(opened.images[0].artifact.index_digest, Some(digest(&index)));
    assert_eq!(opened.failed.len(), 1);
    assert_eq!(opened.failed[0].platform.as_ref().unwrap().to_string(), "linux/s390x");
    assert!(text(&opened.failed[0].error).contains("No such file"), "{}", text(&opened.failed[0].error));
}

#[tokio::test]
async fn damaged_blobs_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let image = image("linux/amd64");
    image.write_layout(dir.path(), "x");
    let path = write_blob(dir.path(), &image.layers[0].blob);
    let whole = image.layers[0].blob.clone();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let longer = [whole.as_slice(), b"more"].concat();
    for (bytes, part) in [
        (flipped.as_slice(), "changed on the way or where they are stored"),
        (&whole[..10], "ends after 10 of"),
        (&longer, "larger than"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let opened = open(&reference(dir.path()), &impatient()).await.unwrap();
        let (bytes, verdict) = layer(&opened.images[0], 0).await;
        assert!(bytes.is_err(), "the reader must not see a whole layer");
        let error = verdict.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(layer(&opened.images[0], 1).await.1.is_ok(), "the other layer is as good as ever");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let opened = open(&reference(dir.path()), &impatient()).await.unwrap();
    assert!(text(&layer(&opened.images[0], 0).await.1.unwrap_err()).contains("is not a regular file"));
}

#[tokio::test]
async fn damaged_documents_are_named() {
    let check = async |spoil: &dyn Fn(&Path, &TestImage), parts: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let image = image("linux/amd64");
        image.write_layout(dir.path(), "x");
        spoil(dir.path(), &image);
        let error = open(&reference(dir.path()), &impatient()).await.unwrap_err();
        for part in parts {
            assert!(text(&error).contains(part), "{part}: {}", text(&error));
        }
    };
    let spoil_blob = |dir: &Path, blob: &[u8], with: &[u8]| std::fs::write(write_blob(dir, blob), with).unwrap();
    check(&|dir, image| spoil_blob(dir, &image.manifest, b"{}"), &["manifest sha256:", "cannot be trusted"]).await;
    check(&|dir, image| spoil_blob(dir, &image.config, b"{}"), &["configuration sha256:", "cannot be trusted"]).await;
    check(&|dir, _| std::fs::write(dir.join("index.json"), "[").unwrap(), &["index.json cannot be used"]).await;
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    check(&|dir, _| std::fs::write(dir.join("index.json"), empty).unwrap(), &["has no images"]).await;
    check(&|dir, _| std::fs::remove_file(dir.join("oci-layout")).unwrap(), &["is not an OCI image layout"]).await;
    check(
        &|dir, image| {
            // A configuration for another number of layers.
            let other = TestImage::new(image.layers[..1].to_vec());
            let config = serde_json::json!({"digest": digest(&other.config), "size": other.config.len()});
            let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
            manifest["config"] = config;
            let manifest = manifest.to_string().into_bytes();
            write_blob(dir, &manifest);
            write_blob(dir, &other.config);
            let entry = serde_json::json!({"digest": digest(&manifest), "size": manifest.len()});
            std::fs::write(
                dir.join("index.json"),
                serde_json::json!({"schemaVersion": 2, "manifests": [entry]}).to_string(),
            )
            .unwrap();
        },
        &["has 2 layers, its configuration 1"],
    )
    .await;
}

#[tokio::test]
async fn indexes_within_indexes_end() {
    let dir = tempfile::tempdir().unwrap();
    let image = image("linux/amd64");
    image.write_layout(dir.path(), "x");
    let wrap = |inner: &[u8], media_type: &str| {
        serde_json::json!({"schemaVersion": 2, "manifests": [
            {"mediaType": media_type, "digest": digest(inner), "size": inner.len()},
        ]})
        .to_string()
        .into_bytes()
    };
    let mut outer = wrap(&image.manifest, testkit::image::MANIFEST_TYPE);
    for depth in 1..=images::source::MAX_INDEX_DEPTH + 1 {
        write_blob(dir.path(), &outer);
        std::fs::write(dir.path().join("index.json"), wrap(&outer, testkit::image::INDEX_TYPE)).unwrap();
        let opened = open(&reference(dir.path()), &impatient()).await;
        assert_eq!(opened.is_ok(), depth <= images::source::MAX_INDEX_DEPTH, "{depth}");
        outer = wrap(&outer, testkit::image::INDEX_TYPE);
    }
}

#[tokio::test]
async fn what_skopeo_writes_is_read() {
    need!(registry, skopeo);
    let registry = testkit::registry::Registry::start();
    let image = image("linux/amd64");
    let pushed = registry.push("app", "1", &image);
    let dir = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let output = std::process::Command::new("skopeo")
            .args([
                "copy",
                "--quiet",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                "--insecure-policy",
                from,
                to,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let target = format!("oci:{}:app:1", dir.path().display());
    copy(&format!("docker://{pushed}"), &target);
    let opened = open(&target, &impatient()).await.unwrap();
    assert_eq!(opened.images[0].layers.len(), 2);
    assert!(layer(&opened.images[0], 0).await.1.is_ok());

    // And back, as Docker's own kind of manifest.
    let docker = format!("docker://{}/app:docker", registry.host());
    let output = std::process::Command::new("skopeo")
        .args(["copy", "--quiet", "--dest-tls-verify=false", "--insecure-policy", "--format", "v2s2", &target, &docker])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let opened = open(&docker, &impatient()).await.unwrap();
    assert!(opened.images[0].layers[0].media_type.starts_with("application/vnd.docker.image.rootfs.diff"));
    assert!(layer(&opened.images[0], 0).await.1.is_ok());
}
