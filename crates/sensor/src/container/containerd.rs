//! Asks containerd what its bundles do not say: the image's name and digests, the pod's labels.
//!
//! Three calls ([`super::grpc`], [`super::protobuf`]) of the stable `v1` services (containerd's `api/services/{containers,images,content}/v1`). A generated client would bring a compiler
//! and some thousand lines for the same; running `ctr` would start a process per container and needs the program.

use std::collections::BTreeMap;

use limits::json::{JsonLimits, from_slice};
use serde::Deserialize;

use super::grpc::{AskError, Client};
use super::locate::Containerd;
use super::protobuf::{bytes, map, put_string, string};

/// Returns the record of a container.
const CONTAINER: &str = "/containerd.services.containers.v1.Containers/Get";
/// Returns what an image's name means.
const IMAGE: &str = "/containerd.services.images.v1.Images/Get";
/// Returns a blob.
const CONTENT: &str = "/containerd.services.content.v1.Content/Read";

/// What containerd knows of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The image's name.
    pub image: String,
    /// Digest of its manifest or index.
    pub digest: Option<String>,
    /// Digest of its configuration.
    pub config_digest: Option<String>,
    /// Labels of the pod, or of the container where there is no pod.
    pub labels: BTreeMap<String, String>,
}

/// Asks for a container; `sandbox` is the container whose record has the pod's labels, empty where there is no pod.
pub async fn ask(containerd: &Containerd, id: &str, sandbox: &str) -> Result<Answer, AskError> {
    let mut client = Client::connect(&containerd.address, Some(&containerd.namespace)).await?;
    let record = get(&mut client, CONTAINER, id).await?;
    let container = bytes(&record, 1);
    let mut answer = Answer { image: string(container, 3), ..Answer::default() };
    answer.labels = map(container, 2).filter(|(key, _)| is_users(key)).collect();
    if !sandbox.is_empty() && sandbox != id {
        let record = get(&mut client, CONTAINER, sandbox).await?;
        answer.labels = map(bytes(&record, 1), 2).filter(|(key, _)| is_users(key)).collect();
    }
    if answer.image.is_empty() {
        return Ok(answer);
    }
    let image = get(&mut client, IMAGE, &answer.image).await?;
    let target = bytes(bytes(&image, 1), 3);
    let digest = string(target, 2);
    // The name of an image may be a bare id; then the record itself says which name it means.
    if let Some(name) = Some(string(bytes(&image, 1), 1)).filter(|name| !name.is_empty()) {
        answer.image = name;
    }
    answer.config_digest = config_of(&mut client, &digest).await?;
    answer.digest = Some(digest).filter(|digest| !digest.is_empty());
    Ok(answer)
}

/// Labels that the user gave: not containerd's own and not the kubelet's book-keeping.
fn is_users(key: &str) -> bool {
    !key.starts_with("io.cri-containerd.") && !key.starts_with("io.kubernetes.") && !key.starts_with("containerd.io/")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    config: Option<Descriptor>,
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Platform {
    architecture: String,
    os: String,
}

/// Go's name of this architecture, as images write it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// A call whose request has one string, field 1: an id, a name or a digest.
async fn get(client: &mut Client, call: &'static str, argument: &str) -> Result<Vec<u8>, AskError> {
    let mut message = Vec::new();
    put_string(&mut message, 1, argument);
    client.unary(call, &message).await
}

/// The configuration's digest of an image, through its index where it has one.
async fn config_of(client: &mut Client, digest: &str) -> Result<Option<String>, AskError> {
    let mut digest = digest.to_owned();
    // An index of indexes is not allowed by the specification; two steps are enough.
    for _ in 0..2 {
        if digest.is_empty() {
            break;
        }
        let manifest = read(client, &digest).await?;
        if let Some(config) = manifest.config {
            return Ok(Some(config.digest));
        }
        let ours = |descriptor: &Descriptor| {
            descriptor.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == ARCHITECTURE)
        };
        digest = manifest.manifests.into_iter().find(ours).map(|descriptor| descriptor.digest).unwrap_or_default();
    }
    Ok(None)
}

async fn read(client: &mut Client, digest: &str) -> Result<Manifest, AskError> {
    let mut message = Vec::new();
    put_string(&mut message, 1, digest);
    let parts = client.stream(CONTENT, &message).await?;
    let content: Vec<u8> = parts.iter().flat_map(|part| bytes(part, 2)).copied().collect();
    from_slice(&content, &JsonLimits::DOCUMENT)
        .map_err(|error| AskError::Malformed { call: CONTENT, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_labels_count() {
        assert!(is_users("app") && is_users("app.kubernetes.io/name"));
        assert!(!is_users("io.cri-containerd.kind") && !is_users("io.kubernetes.pod.uid"));
    }
}
