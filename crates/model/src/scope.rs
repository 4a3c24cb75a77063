//! Where something is: cluster, node, namespace, workload, pod, container, image (contract §1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cluster name of a machine without Kubernetes.
pub const LOCAL_CLUSTER: &str = "local";

/// A place. `cluster` is never empty: a machine without Kubernetes has the cluster [`LOCAL_CLUSTER`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Name of the cluster, `local` without Kubernetes.
    pub cluster: String,
    /// Name of the node or machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Kubernetes namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The controller that owns the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// The pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodRef>,
    /// The container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerRef>,
    /// The image that the container runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// A workload controller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadRef {
    /// Kubernetes kind, such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PodRef {
    /// Name.
    pub name: String,
    /// `metadata.uid`; empty when only the name is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ContainerRef {
    /// The runtime's full id.
    pub id: String,
    /// Name within the pod; the runtime's name, or the id, for a container without a pod.
    pub name: String,
    /// Whether it runs with all privileges; absent when the runtime's configuration could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
}

/// An image. A runtime may report a manifest's digest or only the config's: joins try every digest that is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ImageRef {
    /// As the user or the pod wrote it, such as `registry.example/app:1`.
    pub reference: String,
    /// Digest of a manifest or of an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Digest of the image configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
}

impl Scope {
    /// A scope that names only the cluster; an empty name becomes [`LOCAL_CLUSTER`].
    pub fn cluster(name: impl Into<String>) -> Self {
        let name = name.into();
        let cluster = if name.is_empty() { LOCAL_CLUSTER.to_owned() } else { name };
        Self { cluster, node: None, namespace: None, workload: None, pod: None, container: None, image: None }
    }

    /// A scope of a node in a cluster.
    pub fn node(cluster: impl Into<String>, node: impl Into<String>) -> Self {
        Self { node: Some(node.into()), ..Self::cluster(cluster) }
    }

    /// `namespace/pod/container`, or as much of it as is known; the node, or the cluster, for anything else.
    pub fn display_name(&self) -> String {
        let pod = self.pod.as_ref().map(|pod| pod.name.as_str());
        let container = self.container.as_ref().map(|c| c.name.as_str());
        let parts: Vec<&str> = [self.namespace.as_deref(), pod, container].into_iter().flatten().collect();
        if parts.is_empty() { self.node.clone().unwrap_or_else(|| self.cluster.clone()) } else { parts.join("/") }
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::cluster(LOCAL_CLUSTER)
    }
}
