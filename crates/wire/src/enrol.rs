//! Enrolment: a machine makes a key, proves with a one-time token that it may join, and gets a certificate for the key.
//!
//! The key never leaves the machine. The hub is authenticated before the token is sent: its certificate must be signed
//! by the authority whose fingerprint the join string holds.

use limits::json::{self, JsonError, JsonLimits};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::http::{self, HttpError};
use crate::identity::{Identity, IdentityError};
use crate::join::{Fingerprint, JoinString};
use crate::peer::{NameError, PeerIdentity};
use crate::tls::{self, TlsError};
use crate::token::Token;

/// Where a hub takes enrolments: `POST`, without a client certificate.
pub const ENROL_PATH: &str = "/v1/enrol";
/// Where a hub takes renewals: `POST`, with the client certificate that is to be replaced.
pub const RENEW_PATH: &str = "/v1/renew";
/// An enrolment request is under 2 KiB; this is what a hub reads from a stranger.
pub const MAX_ENROL_BYTES: usize = 16 << 10;
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_ENROL_BYTES, depth: 4 };

/// What a machine sends to join. Unknown fields are kept out, not refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The one-time token.
    pub token: Token,
    /// Who the machine says it is; the hub decides.
    #[serde(flatten)]
    pub names: Names,
    /// PKCS#10 signing request (RFC 2986), PEM. Only its public key counts.
    pub csr_pem: String,
}

/// What a machine says of its names. What it leaves open, the token decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its node's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The machine's own name: the node's where nobody named one. A program of a whole cluster gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

impl Names {
    /// Of a cluster and a node, or of a program of the whole cluster.
    pub fn of(cluster: &str, node: Option<&str>) -> Self {
        Self { cluster: Some(cluster.to_owned()), node: node.map(str::to_owned), host_name: None }
    }

    /// Whom a token for a cluster, and perhaps for one node of it, makes of who says this; `None` when it says otherwise.
    pub fn granted(&self, cluster: &str, node: Option<&str>) -> Option<PeerIdentity> {
        let fits = |said: &Option<String>, granted: &str| said.as_deref().is_none_or(|said| said == granted);
        if !fits(&self.cluster, cluster) || node.is_some_and(|node| !fits(&self.node, node)) {
            return None;
        }
        let node = node.or(self.node.as_deref()).or(self.host_name.as_deref());
        PeerIdentity::new(cluster, node).ok()
    }

    /// Whether they can stand in a certificate, before they are sent.
    fn check(&self) -> Result<(), NameError> {
        for node in [&self.node, &self.host_name] {
            PeerIdentity::new(self.cluster.as_deref().unwrap_or("local"), node.as_deref())?;
        }
        Ok(())
    }
}

/// What a program sends to replace its certificate; who it is stands in the one it shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenewRequest {
    /// PKCS#10 signing request (RFC 2986), PEM. Only its public key counts.
    pub csr_pem: String,
}

/// What the hub answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// Who the certificate names.
    #[serde(flatten)]
    pub peer: PeerIdentity,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The authority that signed it, PEM.
    pub ca_pem: String,
}

/// Why a machine could not join.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Its cluster or node name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Making the key or the signing request failed.
    #[error("making a key failed: {0}")]
    Key(#[from] rcgen::Error),
    /// TLS settings.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The hub did not answer or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The hub handed out another authority than the one it showed.
    #[error("the hub answered with the authority {got}, the join string says {expected}")]
    OtherAuthority {
        /// What came.
        got: Fingerprint,
        /// What the join string holds.
        expected: Fingerprint,
    },
    /// The certificate does not fit the key or the names.
    #[error("the hub's answer cannot be used")]
    Answer(#[from] IdentityError),
}

impl EnrolRequest {
    /// Reads a request of at most [`MAX_ENROL_BYTES`].
    pub fn decode(body: &[u8]) -> Result<Self, JsonError> {
        json::from_slice(body, &LIMITS)
    }
}

impl RenewRequest {
    /// Reads a request of at most [`MAX_ENROL_BYTES`].
    pub fn decode(body: &[u8]) -> Result<Self, JsonError> {
        json::from_slice(body, &LIMITS)
    }
}

/// Joins a hub as a node of a cluster, or with `node` absent as a program of the cluster.
pub async fn request(join: &JoinString, cluster: &str, node: Option<&str>) -> Result<Identity, EnrolError> {
    request_as(join, Names::of(cluster, node)).await
}

/// Joins a hub as whoever the token is for; names that are given must fit it.
pub async fn request_as(join: &JoinString, names: Names) -> Result<Identity, EnrolError> {
    names.check()?;
    let (key, csr_pem) = new_key()?;
    let client = http::client(tls::pinned_client(join.ca)?)?;
    let body = EnrolRequest { token: join.token.clone(), names, csr_pem };
    let answer: EnrolAnswer = http::post_json(&client, &http::route(&join.hub_url, ENROL_PATH), &body).await?;
    accept(join.hub_url.clone(), join.ca, &key, answer)
}

/// Replaces a certificate that is still valid by a new one for a new key.
pub async fn renew(identity: &Identity) -> Result<Identity, EnrolError> {
    let (key, csr_pem) = new_key()?;
    let client = http::client(tls::client(&identity.ca_pem, &identity.certificate_pem, &identity.key_pem)?)?;
    let url = http::route(&identity.hub_url, RENEW_PATH);
    let answer: EnrolAnswer = http::post_json(&client, &url, &RenewRequest { csr_pem }).await?;
    let authority = Fingerprint::of(&first_certificate(&identity.ca_pem)?);
    accept(identity.hub_url.clone(), authority, &key, answer)
}

fn new_key() -> Result<(KeyPair, String), EnrolError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let csr_pem = params.serialize_request(&key)?.pem()?;
    Ok((key, csr_pem))
}

fn accept(hub_url: Url, expected: Fingerprint, key: &KeyPair, answer: EnrolAnswer) -> Result<Identity, EnrolError> {
    let got = Fingerprint::of(&first_certificate(&answer.ca_pem)?);
    if got != expected {
        return Err(EnrolError::OtherAuthority { got, expected });
    }
    let EnrolAnswer { peer, certificate_pem, ca_pem } = answer;
    let identity = Identity { hub_url, peer, certificate_pem, key_pem: key.serialize_pem(), ca_pem };
    identity.check()?;
    Ok(identity)
}

fn first_certificate(pem: &str) -> Result<Vec<u8>, TlsError> {
    let what = "the certificate authority";
    let chain = tls::certificates(what, pem)?;
    chain.first().map(|der| der.to_vec()).ok_or(TlsError::Pem { what, reason: "no certificate in it".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_who_does_not_name_itself() {
        let names = |cluster: Option<&str>, node: Option<&str>, host: Option<&str>| Names {
            cluster: cluster.map(str::to_owned),
            node: node.map(str::to_owned),
            host_name: host.map(str::to_owned),
        };
        let check = |names: Names, token: Option<&str>, expected: Option<Option<&str>>| {
            let granted = names.granted("prod", token);
            let expected = expected.map(|node| PeerIdentity::new("prod", node).unwrap());
            assert_eq!(granted, expected, "{names:?} {token:?}");
        };
        check(names(None, None, Some("host")), Some("n1"), Some(Some("n1")));
        check(names(None, None, Some("host")), None, Some(Some("host")));
        check(names(Some("prod"), Some("n1"), Some("host")), Some("n1"), Some(Some("n1")));
        check(names(Some("prod"), Some("n2"), None), None, Some(Some("n2")));
        check(names(Some("prod"), None, None), None, Some(None));
        check(names(None, Some("n2"), Some("n1")), Some("n1"), None);
        check(names(Some("test"), None, None), Some("n1"), None);
        check(names(None, None, Some("a\nb")), None, None);
    }
}
