//! The few facts of a certificate that the wire asks for (RFC 5280): who, until when, which one.

use model::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::join::Fingerprint;
use crate::peer::PeerIdentity;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Cluster and node, when it has exactly one URI of ours.
    pub identity: Option<PeerIdentity>,
    /// Its last moment.
    pub not_after: Timestamp,
    /// SHA-256 of its DER form: its name in a list of revoked ones.
    pub fingerprint: Fingerprint,
}

/// Reads a certificate in DER; `None` when it is none.
pub fn facts(der: &[u8]) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let mut identities = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::URI(uri) => PeerIdentity::from_uri(uri),
        _ => None,
    });
    let first = identities.next();
    Some(CertificateFacts {
        // Two identities in one certificate would make the answer a matter of order: then it has none.
        identity: if identities.next().is_some() { None } else { first },
        not_after: Timestamp::from_seconds(certificate.validity().not_after.timestamp()),
        fingerprint: Fingerprint::of(der),
    })
}
