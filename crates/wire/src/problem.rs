//! Problem documents (RFC 9457): how a hub says why it refused, in a form that programs and people can read.

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem: a stable name under `urn:seawall:problem:`.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The kind in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, with the values.
    #[serde(default)]
    pub detail: String,
    /// The limit that was exceeded, in the unit that `detail` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The sequence number of the record at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

impl Problem {
    /// A problem of the kind `urn:seawall:problem:{name}`.
    pub fn new(status: u16, name: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:seawall:problem:{name}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            limit: None,
            seq: None,
        }
    }
}

fn about_blank() -> String {
    // RFC 9457 §4.2.1: what an absent type means.
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_have_their_defaults() {
        let problem: Problem = serde_json::from_str(r#"{"status": 413, "limit": 5}"#).unwrap();
        assert_eq!((problem.kind.as_str(), problem.limit), ("about:blank", Some(5)));
        assert!(!serde_json::to_string(&Problem::new(400, "x", "t", "d")).unwrap().contains("limit"));
    }
}
