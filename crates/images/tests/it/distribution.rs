//! Against distribution 3, built from its Go module: what skopeo pushes is pulled by us.

use std::path::Path;
use std::process::Command;

use testkit::image::{TestImage, digest};
use testkit::need;
use testkit::registry::Registry;

use crate::support::{image, impatient, layer, open, text, with_logins};

/// `config.json` with the registry's user, as `docker login` writes it.
fn logins(host: &str) -> String {
    format!(r#"{{"auths": {{"{host}": {{"auth": "c2Vhd2FsbDpvcGVuIHNlc2FtZQ=="}}}}}}"#)
}

fn push(layout: &Path, target: &str, login: bool) {
    let mut command = Command::new("skopeo");
    command.args(["copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--dest-tls-verify=false"]);
    if login {
        command.args(["--dest-creds", "seawall:open sesame"]);
    }
    let output = command.arg(format!("oci:{}:app", layout.display())).arg(format!("docker://{target}")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything of an image is what was pushed.
async fn check_pulled(reference: &str, options: &images::Options, expected: &TestImage) {
    let opened = open(reference, options).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let handle = &opened.images[0];
    assert_eq!(handle.artifact.manifest_digest, Some(expected.digest()));
    for (index, layer_pushed) in expected.layers.iter().enumerate() {
        let (bytes, verdict) = layer(handle, index).await;
        assert_eq!(bytes.unwrap(), layer_pushed.blob);
        assert_eq!(verdict.unwrap().digest.to_string(), digest(&layer_pushed.blob));
    }
}

#[tokio::test]
async fn what_skopeo_pushes_is_pulled() {
    need!(new_go, skopeo);
    for login in [false, true] {
        let registry = Registry::start_distribution(login);
        let host = registry.host();
        let (image, layout) = (image("linux/amd64"), tempfile::tempdir().unwrap());
        image.write_layout(layout.path(), "app");
        let reference = format!("{host}/team/app:1");
        push(layout.path(), &reference, login);
        let (_dir, known) = with_logins(&logins(&host), impatient());
        check_pulled(&reference, &known, &image).await;
        check_pulled(&format!("{host}/team/app@{}", image.digest()), &known, &image).await;
        match open(&reference, &impatient()).await {
            Ok(_) => assert!(!login),
            Err(error) => assert!(login && error.to_string().contains("refused the login (401)"), "{error}"),
        }
        let error = open(&format!("{host}/team/app:2"), &known).await.unwrap_err();
        assert!(error.to_string().contains("has no manifest 2 of") && error.to_string().contains("(404)"), "{error}");
    }
}

#[tokio::test]
async fn every_platform_of_an_index_is_pulled() {
    need!(new_go);
    let registry = Registry::start_distribution(false);
    let (amd, arm) = (image("linux/amd64"), image("linux/arm64"));
    let reference = registry.push_index("app", "multi", &[&amd, &arm]);
    let all = open(&reference, &impatient()).await.unwrap().images;
    let digests: Vec<Option<String>> = all.iter().map(|image| image.artifact.manifest_digest.clone()).collect();
    assert_eq!(digests, [Some(amd.digest()), Some(arm.digest())]);
}
