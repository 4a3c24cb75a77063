//! The hub's certificate authority: signs the hub's own certificate and the programs' (X.509 v3, RFC 5280).
//!
//! Hub certificates may only be used as servers and programs' only as clients, so that a stolen sensor key cannot play
//! the hub. Nothing of a request but its public key is taken over: names come from the hub.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use uuid::Uuid;

use crate::enrol::EnrolAnswer;
use crate::join::Fingerprint;
use crate::peer::PeerIdentity;
use crate::private_file::{self, PrivateFileError};
use crate::tls::{self, TlsError};

/// The authority lives ten years: its end would take every enrolled node away at once.
const AUTHORITY_DAYS: i64 = 3650;
/// A program's certificate lives a year; it renews itself at two thirds of it (`enrol::renew`).
pub const CLIENT_DAYS: i64 = 365;
/// The hub's certificate lives 90 days; the listener makes a new one long before.
pub(super) const SERVER_DAYS: i64 = 90;
/// Certificates begin an hour early: clocks of a cluster differ.
const EARLY_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Largest file of the authority: a key and a certificate take under 2 KiB.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// What the authority could not do.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Its files.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// One of its two files is missing: signing with a new authority would cut off every enrolled program.
    #[error(
        "{missing} is missing beside {present}: put it back, or remove both to start over and enrol every node again"
    )]
    Half {
        /// The file that is there.
        present: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// Its certificate or key is damaged, or the two do not belong together.
    #[error("the certificate authority cannot be used: {0}")]
    Unusable(String),
    /// A signing request is not one, or its signature does not prove its key.
    #[error("the signing request was refused: {0}")]
    Request(String),
    /// A name for the hub's certificate is neither a host name nor an IP address.
    #[error("{name:?} is neither a host name nor an IP address")]
    ServerName {
        /// The name.
        name: String,
    },
    /// Making a certificate failed.
    #[error("making a certificate failed: {0}")]
    Sign(#[from] rcgen::Error),
    /// TLS refused what was made.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The authority with its key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    fingerprint: Fingerprint,
}

/// A certificate for the hub's listener, signed by the authority, which follows it in the chain.
pub struct ServerCertificate {
    /// The hub's certificate and the authority's, PEM.
    pub chain_pem: String,
    /// The key, PKCS#8 PEM.
    pub key_pem: String,
    /// Its last moment.
    pub not_after: Timestamp,
}

impl CertificateAuthority {
    /// A new authority, valid from `now`, not stored anywhere.
    pub fn create(now: Timestamp) -> Result<Self, CaError> {
        let (certificate, key) = new_authority(now)?;
        Self::from_parts(certificate.pem(), key)
    }

    /// The authority in `dir` (`ca.pem`, `ca.key`, mode 0600); with neither file a new one is made there.
    pub fn load_or_create(dir: impl AsRef<Path>, now: Timestamp) -> Result<Self, CaError> {
        let (certificate_path, key_path) = (dir.as_ref().join("ca.pem"), dir.as_ref().join("ca.key"));
        match (certificate_path.exists(), key_path.exists()) {
            (true, true) => {
                let key = KeyPair::from_pem(&private_file::read(&key_path, MAX_FILE_BYTES)?)
                    .map_err(|error| CaError::Unusable(format!("{}: {error}", key_path.display())))?;
                Self::from_parts(private_file::read(&certificate_path, MAX_FILE_BYTES)?, key)
            }
            (false, false) => {
                let (certificate, key) = new_authority(now)?;
                private_file::write(&key_path, key.serialize_pem().as_bytes())?;
                private_file::write(&certificate_path, certificate.pem().as_bytes())?;
                Self::from_parts(certificate.pem(), key)
            }
            (true, false) => Err(CaError::Half { present: certificate_path, missing: key_path }),
            (false, true) => Err(CaError::Half { present: key_path, missing: certificate_path }),
        }
    }

    fn from_parts(certificate_pem: String, key: KeyPair) -> Result<Self, CaError> {
        let der = tls::certificates("the certificate authority", &certificate_pem)?.swap_remove(0);
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&der).map_err(|error| CaError::Unusable(error.to_string()))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(CaError::Unusable("its key is not that of its certificate".into()));
        }
        let fingerprint = Fingerprint::of(&der);
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|error| CaError::Unusable(error.to_string()))?;
        Ok(Self { issuer, certificate_pem, fingerprint })
    }

    /// What join strings pin.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The authority's certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Signs an enrolment or a renewal for the identity that the hub granted (which need not be the one asked for). The
    /// caller has redeemed the token; call [`check_request`] before, so that a damaged request does not cost a token.
    pub fn enrol(&self, csr_pem: &str, granted: &PeerIdentity, now: Timestamp) -> Result<EnrolAnswer, CaError> {
        let until = now.plus_millis(CLIENT_DAYS * DAY_MS);
        let certificate_pem = self.sign_client(csr_pem, granted, now.plus_millis(-EARLY_MS), until)?;
        Ok(EnrolAnswer { peer: granted.clone(), certificate_pem, ca_pem: self.certificate_pem.clone() })
    }

    /// A client certificate for the key of a signing request, PEM, valid from `from` to `until`.
    pub fn sign_client(
        &self,
        csr_pem: &str,
        identity: &PeerIdentity,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<String, CaError> {
        let request = check_request(csr_pem)?;
        let mut params = leaf(&identity.to_string(), from, until);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI(identity.to_uri().try_into()?)];
        Ok(params.signed_by(&request.public_key, &self.issuer)?.pem())
    }

    /// A certificate for the hub under these host names and IP addresses.
    pub fn server_certificate(&self, names: &[String], now: Timestamp) -> Result<ServerCertificate, CaError> {
        let not_after = now.plus_millis(SERVER_DAYS * DAY_MS);
        let mut params = leaf("Seawall hub", now.plus_millis(-EARLY_MS), not_after);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain_pem = format!("{}{}", certificate.pem(), self.certificate_pem);
        Ok(ServerCertificate { chain_pem, key_pem: key.serialize_pem(), not_after })
    }
}

/// Checks that a text is a signing request whose signature proves its key.
pub fn check_request(csr_pem: &str) -> Result<CertificateSigningRequestParams, CaError> {
    CertificateSigningRequestParams::from_pem(csr_pem).map_err(|error| CaError::Request(error.to_string()))
}

fn new_authority(now: Timestamp) -> Result<(Certificate, KeyPair), CaError> {
    let key = KeyPair::generate()?;
    let until = now.plus_millis(AUTHORITY_DAYS * DAY_MS);
    let mut params = leaf(&format!("Seawall authority {}", Uuid::new_v4().simple()), now.plus_millis(-EARLY_MS), until);
    // Path length 0: it signs programs, never another authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    Ok((params.self_signed(&key)?, key))
}

fn leaf(common_name: &str, from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // RFC 5280 bounds a common name to 64 characters; it is for people, the SAN counts.
    params.distinguished_name.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.serial_number = Some(SerialNumber::from_slice(Uuid::new_v4().as_bytes()));
    // rcgen speaks of time in a type that it does not export; its helper for dates and a duration reach every moment.
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let since_epoch = |time: Timestamp| Duration::from_nanos(time.as_nanos().max(0).unsigned_abs());
    params.not_before = epoch + since_epoch(from);
    params.not_after = epoch + since_epoch(until);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn alternative_name(name: &str) -> Result<SanType, CaError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let refuse = || CaError::ServerName { name: name.to_owned() };
    rustls::pki_types::DnsName::try_from(name).map_err(|_| refuse())?;
    Ok(SanType::DnsName(name.try_into().map_err(|_| refuse())?))
}
