//! A pod (or pod template) inside an object, and the places that checks visit.

use serde_json::Value;

/// What stands for everything that is not there.
static NULL: Value = Value::Null;

/// The lists of containers in the order in which Kubernetes visits them.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A pod inside an object.
pub(super) struct Pod<'a> {
    base: &'a str,
    /// Its metadata, or null.
    pub metadata: &'a Value,
    /// Its spec, or null.
    pub spec: &'a Value,
}

/// The pod itself, or one of its containers: both have a `securityContext`.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    base: &'a str,
    at: Option<(&'static str, usize)>,
    /// The pod's spec or the container.
    pub value: &'a Value,
}

impl<'a> Pod<'a> {
    pub fn new(object: &'a Value, base: &'a str) -> Self {
        let template = object.pointer(base).unwrap_or(&NULL);
        Self { base, metadata: &template["metadata"], spec: &template["spec"] }
    }

    /// Every container: init, ordinary, ephemeral.
    pub fn containers(&self) -> impl Iterator<Item = Place<'a>> {
        let (base, spec) = (self.base, self.spec);
        LISTS.into_iter().flat_map(move |list| {
            let items = spec[list].as_array().map_or(&[][..], Vec::as_slice);
            items.iter().enumerate().map(move |(index, value)| Place { base, at: Some((list, index)), value })
        })
    }

    /// The pod itself, for its pod-level fields.
    pub fn itself(&self) -> Place<'a> {
        Place { base: self.base, at: None, value: self.spec }
    }

    /// The pod itself and every container.
    pub fn places(&self) -> impl Iterator<Item = Place<'a>> {
        std::iter::once(self.itself()).chain(self.containers())
    }

    /// Pointer to a field of the pod's metadata.
    pub fn metadata_path(&self, rest: &str) -> String {
        format!("{}/metadata/{rest}", self.base)
    }

    /// Pointer to where the pod is.
    pub fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.base)
    }

    /// Elements of a list of the spec.
    pub fn items(&self, list: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
        self.spec[list].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate()
    }

    /// Whether the pod says that it is for Windows nodes.
    pub fn is_windows(&self) -> bool {
        self.spec["os"]["name"] == "windows"
    }

    /// Whether it asks for a user namespace of its own.
    pub fn has_user_namespace(&self) -> bool {
        self.spec["hostUsers"] == Value::Bool(false)
    }
}

impl<'a> Place<'a> {
    /// Its `securityContext`, or null.
    pub fn security(&self) -> &'a Value {
        &self.value["securityContext"]
    }

    /// Pointer to a field of it.
    pub fn path(&self, rest: &str) -> String {
        match self.at {
            Some((list, index)) => format!("{}/spec/{list}/{index}/{rest}", self.base),
            None => format!("{}/spec/{rest}", self.base),
        }
    }

    /// How messages name it.
    pub fn name(&self) -> String {
        match self.at {
            None => "pod".to_owned(),
            Some((list, index)) => {
                let kind = match list {
                    "initContainers" => "init container",
                    "ephemeralContainers" => "ephemeral container",
                    _ => "container",
                };
                match self.value["name"].as_str() {
                    Some(name) => format!("{kind} {name:?}"),
                    None => format!("{kind} {index}"),
                }
            }
        }
    }

    /// Whether it is the pod itself.
    pub const fn is_pod(&self) -> bool {
        self.at.is_none()
    }
}

/// Where an object's pod template is: the JSON pointer to what has the pod's `metadata` and `spec`.
///
/// Known kinds by name; any other kind (a custom resource) by shape, when it has a list of containers where the
/// built-in workloads have theirs. `None`: the object has no pod.
pub fn template_of(object: &Value) -> Option<&'static str> {
    let kind = object["kind"].as_str().unwrap_or("");
    let group = object["apiVersion"].as_str().unwrap_or("").split_once('/').map_or("", |(group, _)| group);
    Some(match (group, kind) {
        ("", "Pod") => "",
        ("", "PodTemplate") => "/template",
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet")
        | ("batch", "Job") => "/spec/template",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template",
        _ => {
            let shapes = ["/spec/template", "/spec/jobTemplate/spec/template", "/spec/podTemplate", "/template"];
            return shapes.into_iter().find(|base| object.pointer(&format!("{base}/spec/containers")).is_some());
        }
    })
}
