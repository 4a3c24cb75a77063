//! Archives that skopeo writes, and the store of a real containerd.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use testkit::image::{Tar, digest, gzip};
use testkit::need;
use testkit::registry::Registry;

use crate::support::{image, impatient, layer, open, text};

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_skopeo_saves_is_read() {
    need!(registry, skopeo);
    let registry = Registry::start();
    let image = image("linux/amd64");
    let from = format!("docker://{}", registry.push("app", "1", &image));
    let dir = tempfile::tempdir().unwrap();
    for transport in ["oci-archive", "docker-archive"] {
        let file = dir.path().join(transport);
        let to = format!("{transport}:{}:app:1", file.display());
        run("skopeo", &["copy", "--quiet", "--src-tls-verify=false", "--insecure-policy", &from, &to]);
        for reference in [to, format!("{transport}:{}", file.display())] {
            let opened = open(&reference, &impatient()).await.unwrap();
            let handle = &opened.images[0];
            assert_eq!(handle.artifact.platform.to_string(), "linux/amd64", "{reference}");
            assert_eq!(handle.layers[0].claimed_diff_id.as_deref(), Some(image.layers[0].diff_id.as_str()));
            for index in 0..2 {
                let (bytes, verdict) = layer(handle, index).await;
                assert_eq!(digest(&bytes.unwrap()), verdict.unwrap().digest.to_string());
            }
        }
        let error = open(&format!("{transport}:{}:app:2", file.display()), &impatient()).await.unwrap_err();
        assert!(error.to_string().contains("has no image"), "{error}");
    }
}

/// An archive as Docker before version 25 wrote it: layers by id, one a link to another.
fn old_docker_archive(layers: &[(&str, &[u8])], config: &str) -> Vec<u8> {
    let names: Vec<String> = layers.iter().map(|(name, _)| format!("{name}/layer.tar")).collect();
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": ["app:latest"], "Layers": names}]);
    let mut tar = Tar::new().file("config.json", config).file("manifest.json", manifest.to_string());
    for (name, content) in layers {
        tar = match std::str::from_utf8(content).ok().and_then(|text| text.strip_prefix("link:")) {
            Some(target) => tar.symlink(&format!("{name}/layer.tar"), target),
            None => tar.file(&format!("{name}/layer.tar"), content),
        };
    }
    tar.finish()
}

#[tokio::test]
async fn what_docker_saves_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("saved.tar");
    let config = r#"{"os":"linux","architecture":"arm64","rootfs":{"diff_ids":[]}}"#;
    std::fs::write(&file, old_docker_archive(&[("a", b"first"), ("b", b"link:../a/layer.tar")], config)).unwrap();
    let opened = open(&format!("docker-archive:{}:app", file.display()), &impatient()).await.unwrap();
    let handle = &opened.images[0];
    assert_eq!(handle.artifact.config_digest, Some(digest(config.as_bytes())));
    for index in 0..2 {
        let (bytes, verdict) = layer(handle, index).await;
        assert_eq!(bytes.unwrap(), b"first");
        assert_eq!(verdict.unwrap().digest.to_string(), digest(b"first"), "computed, since nothing was promised");
    }
    let mut options = impatient();
    options.platform = Some("linux/amd64".parse().unwrap());
    let error = open(&format!("docker-archive:{}", file.display()), &options).await.unwrap_err();
    assert!(error.to_string().contains("it has: linux/arm64"), "{error}");
}

/// All but the end.
fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 12);
    bytes
}

#[tokio::test]
async fn archives_that_were_compressed_are_unpacked_aside() {
    let dir = tempfile::tempdir().unwrap();
    let layer = Tar::new().file("a", "x").finish();
    let plain = old_docker_archive(&[("one", &layer)], "{}");
    for (name, bytes, unpacked) in [("x.tar", plain.clone(), 0), ("x.tar.gz", gzip(&plain), plain.len() as u64)] {
        let file = dir.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let opened = open(&format!("docker-archive:{}", file.display()), &impatient()).await.unwrap();
        assert_eq!(opened.temporary_bytes, unpacked);
        assert_eq!(crate::support::layer(&opened.images[0], 0).await.0.unwrap(), layer);
    }
}

#[tokio::test]
async fn damaged_archives_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.tar");
    let manifest = |text: &str| Tar::new().file("manifest.json", text);
    let lying = format!("blobs/sha256/{}", &digest(b"other")[7..]);
    let by_digest = serde_json::json!([{"Config": "c", "Layers": [lying]}]).to_string();
    for (bytes, transport, part, hint) in [
        (Tar::new().file("a", "").finish(), "docker-archive", "has no manifest.json", Some("oci-archive:")),
        (Tar::new().file("a", "").finish(), "oci-archive", "is not an OCI image layout", Some("docker-archive:")),
        (Tar::new().file("a", "").gzip(), "docker-archive", "has no manifest.json", Some("oci-archive:")),
        (cut(Tar::new().file("a", "").gzip()), "docker-archive", "unpacking ", Some("TMPDIR")),
        (Tar::new().file("a", "").finish(), "dir", "is not a directory", Some("oci-archive:")),
        (b"junk".repeat(400), "oci-archive", "is not a readable tar file", None),
        (manifest("{").finish(), "docker-archive", "manifest.json in", None),
        (manifest(r#"[{"Config":"none"}]"#).finish(), "docker-archive", "has no none", None),
        (manifest(r#"[{"Config":"c"}]"#).file("c", "[").finish(), "docker-archive", "c in", None),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let error = open(&format!("{transport}:{}", file.display()), &impatient()).await.unwrap_err();
        assert!(text(&error).contains(part), "{part}: {}", text(&error));
        assert!(text(&error).contains("x.tar"), "{}", text(&error));
        if let Some(hint) = hint {
            assert!(error.hint().unwrap().contains(hint));
        }
    }
    std::fs::write(&file, manifest(&by_digest).file("c", "{}").file(&lying, "this").finish()).unwrap();
    let opened = open(&format!("docker-archive:{}", file.display()), &impatient()).await.unwrap();
    let error = layer(&opened.images[0], 0).await.1.unwrap_err();
    assert!(error.to_string().contains("changed on the way"), "a path that is a digest is a promise: {error}");
    let missing = manifest(r#"[{"Config":"c","Layers":["gone/layer.tar"]}]"#).file("c", "{}").finish();
    std::fs::write(&file, missing).unwrap();
    let opened = open(&format!("docker-archive:{}", file.display()), &impatient()).await.unwrap();
    assert!(text(&layer(&opened.images[0], 0).await.1.unwrap_err()).contains("has no gone/layer.tar"));
}

/// A containerd of its own, with its own root. It ends with the value.
struct Containerd {
    child: Child,
    address: String,
}

impl Containerd {
    fn start(dir: &Path) -> Self {
        let address = dir.join("c.sock").display().to_string();
        let config = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \
             \"io.containerd.internal.v1.opt\"]\n[grpc]\naddress = {address:?}\n",
            dir.join("root").display(),
            dir.join("state").display(),
        );
        let file = dir.join("config.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new("containerd")
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("successfully booted")).collect();
        std::thread::spawn(move || lines.for_each(drop));
        assert!(child.try_wait().unwrap().is_none(), "containerd did not start: {said:?}");
        Self { child, address }
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn the_store_of_a_real_containerd_is_read() {
    need!(registry, cri);
    let registry = Registry::start();
    let (amd, arm) = (image("linux/amd64"), image("linux/arm64"));
    let reference = registry.push_index("app", "1", &[&amd, &arm]);
    let dir = tempfile::tempdir().unwrap();
    let containerd = Containerd::start(dir.path());
    let ctr = |arguments: &[&str]| {
        run("ctr", &[&["--address", &containerd.address, "--namespace", "k8s.io"], arguments].concat());
    };
    ctr(&["content", "fetch", "--plain-http", "--all-platforms", &reference]);
    // A store with many images has a tree of several pages.
    for number in 0..200 {
        ctr(&["images", "tag", &reference, &format!("registry.example/some/longer/name/to/fill/pages:{number}")]);
    }
    let mut options = impatient();
    options.containerd_root = dir.path().join("root");
    for name in [reference.as_str(), "registry.example/some/longer/name/to/fill/pages:117"] {
        let opened = open(&format!("containerd:{name}"), &options).await.unwrap();
        let digests: Vec<_> = opened.images.iter().filter_map(|image| image.artifact.manifest_digest.clone()).collect();
        assert_eq!(digests, [amd.digest(), arm.digest()]);
        assert!(layer(&opened.images[1], 1).await.1.is_ok());
    }
    let error = open("containerd:absent:1", &options).await.unwrap_err();
    assert!(error.to_string().contains("containerd has no image \"absent:1\"; it has: "), "{error}");
}
