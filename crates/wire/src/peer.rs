//! Who is on the other end: cluster and node as they stand in a client certificate.
//!
//! The identity is one URI in the subject alternative name, `seawall://cluster/{cluster}` with `/node/{node}` for a
//! program of one node, each part percent-encoded (RFC 3986). The subject's common name repeats it for people only.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

const SCHEME: &str = "seawall://cluster/";
const NODE: &str = "/node/";
/// What stays readable in a URI: the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longest cluster or node name: Kubernetes object names end at 253.
pub const MAX_NAME_CHARS: usize = 253;

/// Cluster and node of a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerIdentity {
    /// Cluster, never empty.
    pub cluster: String,
    /// Node; absent for programs of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// A name that cannot stand in a certificate.
#[derive(Debug, thiserror::Error)]
#[error("{what} name {name:?} is not usable: it must have 1 to {MAX_NAME_CHARS} characters and no control characters")]
pub struct NameError {
    /// `cluster` or `node`.
    pub what: &'static str,
    /// The name, shortened.
    pub name: String,
}

impl PeerIdentity {
    /// Checks the names.
    pub fn new(cluster: impl Into<String>, node: Option<&str>) -> Result<Self, NameError> {
        let cluster = cluster.into();
        check("cluster", &cluster)?;
        node.map_or(Ok(()), |node| check("node", node))?;
        Ok(Self { cluster, node: node.map(str::to_owned) })
    }

    /// The URI for a certificate.
    pub fn to_uri(&self) -> String {
        let cluster = utf8_percent_encode(&self.cluster, ENCODED);
        match &self.node {
            None => format!("{SCHEME}{cluster}"),
            Some(node) => format!("{SCHEME}{cluster}{NODE}{}", utf8_percent_encode(node, ENCODED)),
        }
    }

    /// From the URI of a certificate; `None` for any other URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix(SCHEME)?;
        let (cluster, node) = rest.split_once(NODE).map_or((rest, None), |(cluster, node)| (cluster, Some(node)));
        let decode = |text| percent_decode_str(text).decode_utf8().ok();
        let node = node.map_or(Some(None), |node| decode(node).map(Some))?;
        Self::new(decode(cluster)?, node.as_deref()).ok()
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            None => write!(f, "cluster {:?}", self.cluster),
            Some(node) => write!(f, "node {node:?} of cluster {:?}", self.cluster),
        }
    }
}

fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    let chars = name.chars().count();
    if chars == 0 || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(NameError { what, name: name.chars().take(64).collect() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_back_from_their_uri() {
        for (cluster, node) in [("local", None), ("a/node/b", Some("c/d %2f")), ("Köln", Some("node-1.example"))] {
            let identity = PeerIdentity::new(cluster, node).unwrap();
            let uri = identity.to_uri();
            assert!(uri.is_ascii(), "{uri}");
            assert_eq!(PeerIdentity::from_uri(&uri), Some(identity));
        }
    }

    #[test]
    fn other_uris_are_nobody() {
        for uri in ["", "seawall://cluster/", "seawall://cluster/a/node/", "spiffe://a/b", "seawall://cluster/%ff"] {
            assert_eq!(PeerIdentity::from_uri(uri), None, "{uri}");
        }
        assert!(PeerIdentity::new("a".repeat(MAX_NAME_CHARS + 1), None).is_err());
        assert!(PeerIdentity::new("a\nb", None).is_err());
    }
}
