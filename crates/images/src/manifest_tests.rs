//! Documents as registries really serve them, and those that try to be two things.

use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn descriptor(media_type: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{HEX}","size":2}}"#)
}

fn manifest(config: &str, layers: &str) -> String {
    format!(r#"{{"schemaVersion":2,"config":{},"layers":{layers}}}"#, descriptor(config))
}

#[test]
fn reads_both_families() {
    for (config, layer) in [
        (OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+zstd"),
        (DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    ] {
        let text = manifest(config, &format!("[{}]", descriptor(layer)));
        let Document::Image(image) = parse_document(text.as_bytes(), None).unwrap() else { panic!("{text}") };
        assert_eq!(image.layers.len(), 1);
        assert!(is_known_layer(&image.layers[0].media_type));
    }
    let text =
        format!(r#"{{"schemaVersion":2,"mediaType":"{DOCKER_LIST}","manifests":[{}]}}"#, descriptor(DOCKER_MANIFEST));
    assert!(matches!(parse_document(text.as_bytes(), Some(DOCKER_LIST)), Ok(Document::Index(list)) if list.len() == 1));
    let none = manifest(OCI_CONFIG, "null");
    assert!(matches!(parse_document(none.as_bytes(), None), Ok(Document::Image(image)) if image.layers.is_empty()));
}

#[test]
fn refuses_what_is_no_image() {
    let image = manifest(OCI_CONFIG, "[]");
    let both = format!(r#"{{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}}"#, descriptor(OCI_CONFIG));
    let disguised = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","manifests":[]}}"#);
    let chart = manifest("application/vnd.cncf.helm.config.v1+json", "[]");
    let bad_digest = image.replace(HEX, "../../../etc/passwd");
    let many = manifest(OCI_CONFIG, &format!("[{}]", vec![descriptor("x"); MAX_LAYERS + 1].join(",")));
    let entries = vec![descriptor("x"); MAX_INDEX_ENTRIES + 1].join(",");
    let many_images = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (text, content_type, part) in [
        (both.as_str(), None, "both layers and manifests"),
        (&disguised, None, "ambiguous"),
        (
            &image.replace("\"schema", &format!("\"mediaType\":\"{OCI_MANIFEST}\",\"schema")),
            Some(OCI_INDEX),
            "ambiguous",
        ),
        (&image, Some(OCI_INDEX), "ambiguous"),
        (&chart, None, "no image but an artifact of type application/vnd.cncf.helm"),
        (&bad_digest, None, "not a readable"),
        (&many, None, "more than 1000 layers"),
        (&many_images, None, "more than 512 entries"),
        (&deep, None, "not a readable"),
        (r#"{"schemaVersion":1,"fsLayers":[]}"#, None, "schema 1"),
        ("{}", Some("text/html"), "neither an image index"),
        ("<html>", Some("text/html"), "not a readable"),
    ] {
        let error = parse_document(text.as_bytes(), content_type).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let huge = format!("{image}{}", " ".repeat(usize::try_from(MAX_MANIFEST_BYTES).unwrap()));
    assert!(parse_document(huge.as_bytes(), None).is_err());
}

#[test]
fn history_lines_belong_to_layers() {
    let config = ImageConfig::parse(
        br#"{"os":"linux","architecture":"arm64","variant":"v8","created":"2026-01-02T03:04:05Z",
             "config":{"Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":["x","y"]},
             "history":[{"created_by":"ADD"},{"created_by":"ENV","empty_layer":true},{"created_by":"RUN"}]}"#,
    )
    .unwrap();
    assert_eq!(config.platform().to_string(), "linux/arm64/v8");
    assert_eq!(config.created().unwrap().to_string(), "2026-01-02T03:04:05.000000000Z");
    assert_eq!((config.created_by(0), config.created_by(1), config.created_by(2)), (Some("ADD"), Some("RUN"), None));
    assert_eq!((config.claimed_diff_id(1), config.claimed_diff_id(2), config.layer_count()), (Some("y"), None, 2));
    assert_eq!(config.labels().get("a").map(String::as_str), Some("b"));
}

#[test]
fn nulls_and_absences_are_empty() {
    let config = ImageConfig::parse(br#"{"config":null,"history":null,"rootfs":{"diff_ids":null},"created":"then"}"#);
    let config = config.unwrap();
    assert_eq!((config.layer_count(), config.created(), config.created_by(0)), (0, None, None));
    let huge = format!("{{}}{}", " ".repeat(usize::try_from(MAX_CONFIG_BYTES).unwrap()));
    assert!(ImageConfig::parse(huge.as_bytes()).unwrap_err().to_string().contains("image configuration"));
}
