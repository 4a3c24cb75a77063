//! What a policy is asked about: an `AdmissionRequest`, or an object as audit and `gator` present it.
//!
//! Format: `admission.k8s.io/v1`; `input.review` of templates.

use serde_json::{Map, Value, json};

use super::matching::group_and_kind;

/// What is done with the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It exists; nothing is done. What audit asks.
    Audit,
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
    /// It is connected to (exec, port-forward).
    Connect,
}

/// Where an object comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Somebody made it.
    Original,
    /// Expansion made it from a workload.
    Generated,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Review {
    request: Map<String, Value>,
    source: Source,
}

/// Why something is no question.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// It is no Kubernetes object.
    #[error("no Kubernetes object: {0} is missing")]
    NotAnObject(&'static str),
    /// An `AdmissionReview` without a request.
    #[error("an AdmissionReview without a request")]
    NoRequest,
    /// A removal without what is removed.
    #[error("a DELETE without oldObject cannot be judged")]
    NothingRemoved,
}

impl Review {
    /// An object, or an `AdmissionReview` with its request.
    pub fn parse(object: &Value) -> Result<Self, ReviewError> {
        let (group, kind) = group_and_kind(object);
        if kind == "AdmissionReview" && group == "admission.k8s.io" {
            let request = object["request"].as_object().ok_or(ReviewError::NoRequest)?;
            return Self::of_request(request.clone());
        }
        Self::of_object(object, Operation::Audit)
    }

    /// A request as the API server sends it.
    pub fn of_request(request: Map<String, Value>) -> Result<Self, ReviewError> {
        let mut review = Self { request: blank(), source: Source::Original };
        review.request.extend(request);
        review.completed()
    }

    /// An object by itself; everything about who asks is empty.
    pub fn of_object(object: &Value, operation: Operation) -> Result<Self, ReviewError> {
        let version = object["apiVersion"].as_str().ok_or(ReviewError::NotAnObject("apiVersion"))?;
        let kind = object["kind"].as_str().ok_or(ReviewError::NotAnObject("kind"))?;
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let mut request = blank();
        request.insert("kind".to_owned(), json!({ "group": group, "version": version, "kind": kind }));
        for field in ["name", "namespace"] {
            if let Some(value) = object["metadata"][field].as_str().filter(|value| !value.is_empty()) {
                request.insert(field.to_owned(), json!(value));
            }
        }
        request.insert("operation".to_owned(), json!(operation.as_str()));
        let place = if operation == Operation::Delete { "oldObject" } else { "object" };
        request.insert(place.to_owned(), object.clone());
        Self { request, source: Source::Original }.completed()
    }

    /// The same question about an object of another source.
    #[must_use]
    pub const fn from_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Policies judge what is removed as if it were there.
    fn completed(mut self) -> Result<Self, ReviewError> {
        if self.request["operation"] == "DELETE" {
            let old = self.request["oldObject"].clone();
            if old.is_null() {
                return Err(ReviewError::NothingRemoved);
            }
            self.request.insert("object".to_owned(), old);
        }
        Ok(self)
    }

    pub(super) const fn request(&self) -> &Map<String, Value> {
        &self.request
    }

    pub(super) const fn source(&self) -> Source {
        self.source
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        let named = self.request.get("namespace").and_then(Value::as_str);
        named.or_else(|| self.request["object"]["metadata"]["namespace"].as_str()).filter(|name| !name.is_empty())
    }

    /// The object and what it was before, those that are there.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Value> {
        ["object", "oldObject"]
            .into_iter()
            .filter_map(|field| self.request.get(field))
            .filter(|object| object.is_object())
    }
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "",
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// The fields that a request always has once it went through Go's encoder.
fn blank() -> Map<String, Value> {
    let request = json!({
        "uid": "",
        "kind": { "group": "", "version": "", "kind": "" },
        "resource": { "group": "", "version": "", "resource": "" },
        "operation": "",
        "userInfo": {},
        "object": null,
        "oldObject": null,
        "options": null,
    });
    match request {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
