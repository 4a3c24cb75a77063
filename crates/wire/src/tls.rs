//! TLS settings of both ends: version 1.3 only (both ends are ours), aws-lc-rs, no session resumption.
//!
//! Without resumption each connection checks the client certificate again, so that an expired one ends with its
//! connection and not with a ticket.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::join::Fingerprint;

/// HTTP/2 first: a batch in flight does not block the next stream's.
pub(crate) const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Settings or certificates that TLS refuses.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM text has no certificate or key, or a damaged one.
    #[error("{what} is not valid PEM: {reason}")]
    Pem {
        /// Which text.
        what: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// The library refused, such as a key that does not belong to its certificate.
    #[error("{what}")]
    Refused {
        /// What was being set up.
        what: &'static str,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

pub(crate) fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(list) if list.is_empty() => Err(TlsError::Pem { what, reason: "no certificate in it".into() }),
        Ok(list) => Ok(list),
        Err(error) => Err(TlsError::Pem { what, reason: error.to_string() }),
    }
}

pub(crate) fn private_key(what: &'static str, pem: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| TlsError::Pem { what, reason: error.to_string() })
}

pub(crate) fn roots(ca_pem: &str) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates("the certificate authority", ca_pem)? {
        store.add(certificate).map_err(|source| TlsError::Refused { what: "trusting the authority", source })?;
    }
    Ok(store)
}

/// A client that shows a certificate and trusts one authority.
pub(crate) fn client(ca_pem: &str, certificate_pem: &str, key_pem: &str) -> Result<ClientConfig, TlsError> {
    let refused = |source| TlsError::Refused { what: "setting up the client certificate", source };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .with_root_certificates(roots(ca_pem)?)
        .with_client_auth_cert(
            certificates("the client certificate", certificate_pem)?,
            private_key("the client's key", key_pem)?,
        )
        .map_err(refused)?;
    Ok(finish(config))
}

/// A client without a certificate that trusts the authority with this fingerprint, if the server shows it in its chain.
pub(crate) fn pinned_client(ca: Fingerprint) -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|source| TlsError::Refused { what: "setting up TLS", source })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedAuthority { ca, provider: provider() }))
        .with_no_client_auth();
    Ok(finish(config))
}

fn finish(mut config: ClientConfig) -> ClientConfig {
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    config
}

/// Finds the authority by its fingerprint in what the server shows; everything else (name, dates, usage, signature) is
/// checked as usual against that authority alone.
#[derive(Debug)]
struct PinnedAuthority {
    ca: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates
            .iter()
            .find(|certificate| Fingerprint::of(certificate) == self.ca)
            .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
