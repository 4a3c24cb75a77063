//! What a runtime's bundle says of a container: `config.json` of the OCI runtime specification and the annotations that
//! containerd's CRI plugin and CRI-O write into it, or the same annotations as labels in runc's `state.json`.
//!
//! Pure: bytes → [`Facts`]. What it is not: it does not find bundles, see [`super::locate`].

use std::collections::BTreeMap;

use limits::json::{JsonError, JsonLimits, from_slice};
use model::Capabilities;
use model::event::ContainerMount;
use serde::Deserialize;

/// What is known of a container from its bundle. Empty text means that the bundle does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Name of the container in its pod; `POD` for the sandbox.
    pub name: String,
    /// Pod's namespace.
    pub namespace: String,
    /// Pod's name.
    pub pod: String,
    /// Pod's uid.
    pub pod_uid: String,
    /// Container id of the pod's sandbox, whose record has the pod's labels.
    pub sandbox: String,
    /// The image as the pod names it.
    pub image: String,
    /// Whether this is a pod's sandbox.
    pub is_sandbox: bool,
    /// Mounts.
    pub mounts: Vec<ContainerMount>,
    /// Whether it has all privileges.
    pub privileged: Option<bool>,
    /// Namespaces that it shares with the host.
    pub host_namespaces: Vec<String>,
    /// Bounding set.
    pub capabilities: Capabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    annotations: BTreeMap<String, String>,
    mounts: Vec<Mount>,
    process: Process,
    linux: Option<Linux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mount {
    destination: String,
    source: String,
    r#type: String,
    options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Process {
    capabilities: Option<CapabilitySets>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CapabilitySets {
    bounding: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linux {
    namespaces: Vec<Namespace>,
    masked_paths: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    r#type: String,
}

/// `state.json` of runc: only what the bundle's own file does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RuncState {
    /// Container id.
    pub id: String,
    /// Process id of the container's first process.
    pub init_process_pid: u32,
    /// Cgroup folders by controller; the empty key on a machine with one hierarchy.
    pub cgroup_paths: BTreeMap<String, String>,
    /// The part that repeats the bundle.
    pub config: RuncConfig,
}

/// `config` of a `state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RuncConfig {
    /// `key=value`, the bundle's annotations and `bundle=PATH`.
    pub labels: Option<Vec<String>>,
}

impl RuncState {
    /// Where the bundle is.
    pub fn bundle(&self) -> Option<&str> {
        self.config.labels.iter().flatten().find_map(|label| label.strip_prefix("bundle="))
    }
}

/// Parses a `config.json`.
pub fn parse(bytes: &[u8]) -> Result<Facts, JsonError> {
    let config: Config = from_slice(bytes, &JsonLimits::DOCUMENT)?;
    let mut facts = from_annotations(|key| config.annotations.get(key).cloned().unwrap_or_default());
    let host = |mount: &Mount| matches!(mount.r#type.as_str(), "bind" | "none") || mount.source.starts_with('/');
    facts.mounts = config
        .mounts
        .into_iter()
        .map(|mount| ContainerMount {
            source: if host(&mount) { mount.source } else { mount.r#type },
            destination: mount.destination,
            read_only: mount.options.iter().any(|option| option == "ro"),
        })
        .collect();
    if let Some(sets) = config.process.capabilities {
        facts.capabilities = Capabilities::from_names(sets.bounding.iter().map(String::as_str));
    }
    if let Some(linux) = config.linux {
        let own: Vec<&str> = linux.namespaces.iter().map(|namespace| namespace.r#type.as_str()).collect();
        facts.host_namespaces = ["pid", "network", "ipc", "uts", "mount"]
            .into_iter()
            .filter(|kind| !own.contains(kind))
            .map(str::to_owned)
            .collect();
        // The three that a privileged container has and a hardened one with a few extra capabilities has not, together
        // with the unmasked /proc that only `privileged` gives.
        let all = Capabilities::from_names(["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"]).0;
        facts.privileged = Some(facts.capabilities.0 & all == all && linux.masked_paths.is_empty());
    }
    Ok(facts)
}

/// Parses a `state.json`.
pub fn parse_state(bytes: &[u8]) -> Result<RuncState, JsonError> {
    from_slice(bytes, &JsonLimits::DOCUMENT)
}

/// The facts that annotations alone give. containerd's keys begin with `io.kubernetes.cri.`, CRI-O's with
/// `io.kubernetes.cri-o.` and the kubelet's with `io.kubernetes.`.
pub fn from_annotations(get: impl Fn(&str) -> String) -> Facts {
    let first = |keys: &[&str]| keys.iter().map(|key| get(key)).find(|value| !value.is_empty()).unwrap_or_default();
    let is_sandbox = first(&["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]) == "sandbox";
    let name = first(&["io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"]);
    Facts {
        // What the kubelet calls a sandbox everywhere.
        name: if is_sandbox && name.is_empty() { "POD".into() } else { name },
        namespace: first(&["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
        pod: first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
        pod_uid: first(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
        sandbox: first(&["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"]),
        image: first(&[
            "io.kubernetes.cri.image-name",
            "io.kubernetes.cri.podsandbox.image-name",
            "io.kubernetes.cri-o.ImageName",
        ]),
        is_sandbox,
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_container_is_read() {
        let config = serde_json::json!({
            "annotations": {
                "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.container-name": "app",
                "io.kubernetes.cri.sandbox-id": "abc",
                "io.kubernetes.cri.sandbox-name": "web-1",
                "io.kubernetes.cri.sandbox-namespace": "shop",
                "io.kubernetes.cri.sandbox-uid": "8f4a",
                "io.kubernetes.cri.image-name": "registry.example/app:1"
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/data", "type": "bind", "source": "/var/data", "options": ["rbind", "ro"]}
            ],
            "process": {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"]}},
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}],
                      "maskedPaths": ["/proc/kcore"]}
        });
        let facts = parse(config.to_string().as_bytes()).unwrap();
        let text = [&facts.name, &facts.namespace, &facts.pod, &facts.pod_uid, &facts.sandbox, &facts.image];
        assert_eq!(text, ["app", "shop", "web-1", "8f4a", "abc", "registry.example/app:1"]);
        assert_eq!((facts.privileged, facts.host_namespaces), (Some(false), vec!["network".to_owned()]));
        let mounts: Vec<_> = facts.mounts.iter().map(|m| (m.source.as_str(), m.read_only)).collect();
        assert_eq!(mounts, [("proc", false), ("/var/data", true)]);
    }

    #[test]
    fn a_privileged_container_is_told_from_one_with_extra_capabilities() {
        let check = |masked: &[&str], capabilities: &[&str], expected| {
            let config = serde_json::json!({
                "process": {"capabilities": {"bounding": capabilities}},
                "linux": {"namespaces": [], "maskedPaths": masked}
            });
            assert_eq!(parse(config.to_string().as_bytes()).unwrap().privileged, Some(expected));
        };
        check(&[], &Capabilities::NAMES, true);
        check(&["/proc/kcore"], &Capabilities::NAMES, false);
        check(&[], &["CAP_SYS_ADMIN"], false);
    }

    #[test]
    fn a_bundle_without_annotations_is_no_error() {
        assert_eq!(parse(b"{}").unwrap(), Facts::default());
        assert!(parse(b"[").is_err());
    }

    #[test]
    fn a_sandbox_has_the_kubelets_name() {
        let facts =
            from_annotations(
                |key| {
                    if key == "io.kubernetes.cri.container-type" { "sandbox".into() } else { String::new() }
                },
            );
        assert_eq!((facts.name.as_str(), facts.is_sandbox), ("POD", true));
    }

    #[test]
    fn runcs_state_leads_to_the_bundle() {
        let state = br#"{"id":"x","init_process_pid":7,"cgroup_paths":{"":"/sys/fs/cgroup/x"},"config":{"labels":["a=b","bundle=/run/x"]}}"#;
        let state = parse_state(state).unwrap();
        assert_eq!((state.bundle(), state.init_process_pid), (Some("/run/x"), 7));
        assert_eq!(parse_state(b"{\"config\":{\"labels\":null}}").unwrap().bundle(), None);
    }
}
