//! Against Debian's docker-registry.

use testkit::need;
use testkit::registry::Registry;

use crate::support::{image, impatient, layer, open, text, with_logins};

#[tokio::test]
async fn an_image_streams_verified() {
    need!(registry);
    let registry = Registry::start();
    let image = image("linux/amd64");
    let reference = registry.push("team/app", "1", &image);

    let opened = open(&reference, &impatient()).await.unwrap();
    let handle = &opened.images[0];
    assert_eq!(handle.artifact.manifest_digest.as_deref(), Some(image.digest().as_str()));
    assert_eq!(handle.artifact.index_digest, None);
    assert_eq!(handle.artifact.reference.as_deref(), Some(reference.as_str()));
    assert_eq!(handle.artifact.labels["made-by"], "testkit");
    assert_eq!(handle.layers[1].created_by.as_deref(), Some("step 1"));
    assert_eq!(handle.layers[1].claimed_diff_id.as_deref(), Some(image.layers[1].diff_id.as_str()));
    for (index, expected) in image.layers.iter().enumerate() {
        let (bytes, verdict) = layer(handle, index).await;
        assert_eq!(bytes.unwrap(), expected.blob);
        assert_eq!(verdict.unwrap().digest.to_string(), testkit::image::digest(&expected.blob));
    }

    // By digest, and by a digest with a tag that does not exist: the digest wins.
    let host = registry.host();
    for reference in [format!("{host}/team/app@{}", image.digest()), format!("{host}/team/app:no@{}", image.digest())] {
        let opened = open(&reference, &impatient()).await.unwrap();
        assert_eq!(opened.images[0].artifact.manifest_digest, handle.artifact.manifest_digest);
    }
}

#[tokio::test]
async fn every_platform_of_an_index_is_a_result() {
    need!(registry);
    let registry = Registry::start();
    let (amd, arm) = (image("linux/amd64"), image("linux/arm64"));
    let reference = registry.push_index("app", "multi", &[&amd, &arm]);

    let all = open(&reference, &impatient()).await.unwrap().images;
    let index = testkit::image::digest(&testkit::image::index(&[&amd, &arm]));
    let platforms: Vec<String> = all.iter().map(|image| image.artifact.platform.to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert!(all.iter().all(|image| image.artifact.index_digest.as_deref() == Some(index.as_str())));

    let mut options = impatient();
    options.platform = Some("linux/aarch64".parse().unwrap());
    let one = open(&reference, &options).await.unwrap().images;
    assert_eq!((one.len(), one[0].artifact.manifest_digest.clone()), (1, Some(arm.digest())));

    options.platform = Some("windows/amd64".parse().unwrap());
    let error = open(&reference, &options).await.unwrap_err();
    assert!(error.to_string().contains("no image for windows/amd64; it has: linux/amd64, linux/arm64"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("--platform linux/amd64"));
}

#[tokio::test]
async fn a_login_is_wanted_found_and_refused() {
    need!(registry);
    let registry = Registry::start_with_login();
    let reference = registry.push("app", "1", &image("linux/amd64"));
    let host = registry.host();

    let error = open(&reference, &impatient()).await.unwrap_err();
    assert!(
        error.to_string().contains(&format!("{host} refused the login (401) for manifest 1 of {host}/app")),
        "{error}"
    );
    assert_eq!(error.hint(), Some(format!("docker login {host}")));

    // "seawall:open sesame"
    let right = format!(r#"{{"auths": {{"{host}": {{"auth": "c2Vhd2FsbDpvcGVuIHNlc2FtZQ=="}}}}}}"#);
    let (_dir, options) = with_logins(&right, impatient());
    let opened = open(&reference, &options).await.unwrap();
    assert!(layer(&opened.images[0], 0).await.1.is_ok(), "the layers want the login too");

    let wrong = format!(r#"{{"auths": {{"{host}": {{"username": "seawall", "password": "guess"}}}}}}"#);
    let (_dir, options) = with_logins(&wrong, impatient());
    let error = open(&reference, &options).await.unwrap_err();
    assert!(error.hint().unwrap().contains("does not work"), "{}", text(&error));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    need!(registry);
    let registry = Registry::start();
    let reference = format!("{}/nothing/here:1", registry.host());
    let error = open(&reference, &impatient()).await.unwrap_err();
    assert!(error.to_string().contains("has no manifest 1 of"), "{error}");
    assert!(error.to_string().contains("(404)"), "{error}");
}
