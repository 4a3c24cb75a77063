//! What a program shows to a hub: its certificate and key, and the authority that it trusts in return.

use std::fmt;
use std::path::Path;

use model::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::peer::PeerIdentity;
use crate::private_file::{self, PrivateFileError};
use crate::tls::{self, TlsError};
use crate::x509::{self, CertificateFacts};

/// Largest identity file: a key and two certificates take under 4 KiB.
const MAX_IDENTITY_BYTES: u64 = 64 << 10;

/// A client certificate with its key, the hub's authority and the hub's address. Its debug form hides the key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// Where the hub's wire listens.
    pub hub_url: Url,
    /// Cluster and node in the certificate.
    #[serde(flatten)]
    pub peer: PeerIdentity,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PKCS#8 PEM.
    pub key_pem: String,
    /// The hub's certificate authority, PEM.
    pub ca_pem: String,
}

/// An identity that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Its file.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The file's content.
    #[error("{path} is not an identity file: {reason}")]
    Content {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Certificate, key or authority.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate names somebody else.
    #[error("the certificate is not that of {expected}")]
    OtherName {
        /// Who it should be.
        expected: PeerIdentity,
    },
}

impl Identity {
    /// Writes it with mode 0600, whole or not at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), IdentityError> {
        let path = path.as_ref();
        let json = serde_json::to_vec_pretty(self).map_err(|error| content(path, &error))?;
        Ok(private_file::write(path, &json)?)
    }

    /// Reads it and checks that its parts belong together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, IdentityError> {
        let path = path.as_ref();
        let text = private_file::read(path, MAX_IDENTITY_BYTES)?;
        let identity: Self = limits::json::from_slice(text.as_bytes(), &limits::json::JsonLimits::RECORD)
            .map_err(|error| content(path, &error))?;
        identity.check()?;
        Ok(identity)
    }

    /// Whether key, certificate and names belong together.
    pub fn check(&self) -> Result<(), IdentityError> {
        tls::client(&self.ca_pem, &self.certificate_pem, &self.key_pem)?;
        if self.facts()?.identity.as_ref() == Some(&self.peer) {
            Ok(())
        } else {
            Err(IdentityError::OtherName { expected: self.peer.clone() })
        }
    }

    /// When the certificate ends.
    pub fn expires(&self) -> Result<Timestamp, IdentityError> {
        Ok(self.facts()?.not_after)
    }

    fn facts(&self) -> Result<CertificateFacts, TlsError> {
        let what = "the client certificate";
        let chain = tls::certificates(what, &self.certificate_pem)?;
        // `certificates` never gives an empty list.
        chain.first().and_then(|der| x509::facts(der)).ok_or(TlsError::Pem { what, reason: "not X.509".into() })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("hub_url", &self.hub_url.as_str())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

fn content(path: &Path, reason: &dyn fmt::Display) -> IdentityError {
    IdentityError::Content { path: path.display().to_string(), reason: reason.to_string() }
}
