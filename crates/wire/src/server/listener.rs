//! The hub's listener: TLS with client certificates, handshakes beside each other, the peer's identity with each
//! connection.
//!
//! A connection without a certificate is let in, because enrolment needs one; [`Peer::authorise`] is what every other
//! route asks. Certificates of other authorities never get as far as a connection.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use model::{BatchHeader, Timestamp};
use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use super::ca::{CaError, CertificateAuthority, SERVER_DAYS};
use crate::http::now;
use crate::join::Fingerprint;
use crate::peer::PeerIdentity;
use crate::problem::Problem;
use crate::tls::{self, TlsError};
use crate::x509::{self, CertificateFacts};

/// A handshake takes two round trips; one that takes longer is a stalled or hostile peer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at the same time: enough for a cluster that reconnects at once, bounded against a flood.
const MAX_HANDSHAKES: usize = 256;
/// Connections that wait for [`TlsListener::accept`].
const WAITING: usize = 64;
/// After a failed `accept(2)` (out of file descriptors): the kernel needs a moment, and a tight loop helps nobody.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The hub's certificate is replaced when this much of its life is left.
const REISSUE_LEFT_MS: i64 = SERVER_DAYS * 86_400_000 / 3;

/// A connection after its handshake.
pub type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// A listener that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address.
    #[error("listening on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificates.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// TLS settings.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Certificates that are no longer trusted, by fingerprint. Clones share one list; the hub stores it.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<RwLock<HashSet<Fingerprint>>>);

impl Revocations {
    /// Ends the trust in a certificate: for new connections, and at the next request on open ones.
    pub fn revoke(&self, fingerprint: Fingerprint) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(fingerprint);
    }

    /// Whether a certificate is revoked.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(fingerprint)
    }
}

/// Who is connected.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// What its certificate says; absent without a certificate.
    pub certificate: Option<CertificateFacts>,
    revocations: Revocations,
}

/// Why a peer may not do what it asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It shows no certificate, or one without an identity.
    #[error("this route needs a client certificate of this hub")]
    NoCertificate,
    /// Its certificate ended while the connection stayed open.
    #[error("the certificate of {identity} ended at {ended}")]
    Expired {
        /// Whose.
        identity: PeerIdentity,
        /// When.
        ended: Timestamp,
    },
    /// Its certificate was revoked.
    #[error("the certificate of {identity} is revoked")]
    Revoked {
        /// Whose.
        identity: PeerIdentity,
    },
    /// It speaks for somebody else.
    #[error("the header is from {claimed}, the certificate from {identity}")]
    OtherSender {
        /// Who the certificate names.
        identity: PeerIdentity,
        /// Who the header names.
        claimed: PeerIdentity,
    },
    /// The header is for another stream than the address.
    #[error("the header is for the stream {header:?}, the address for {path:?}")]
    OtherStream {
        /// In the header.
        header: String,
        /// In the address.
        path: String,
    },
}

impl Refused {
    /// The answer to the sender.
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NoCertificate | Self::Expired { .. } => {
                Problem::new(401, "certificate-needed", "A valid client certificate is needed", detail)
            }
            Self::Revoked { .. } => Problem::new(403, "certificate-revoked", "The certificate is revoked", detail),
            Self::OtherSender { .. } => {
                Problem::new(403, "other-sender", "The header does not match the certificate", detail)
            }
            Self::OtherStream { .. } => Problem::new(400, "other-stream", "The stream does not match", detail),
        }
    }
}

impl Peer {
    /// Who the peer is, if its certificate counts at `now`.
    pub fn authorise(&self, now: Timestamp) -> Result<&PeerIdentity, Refused> {
        let certificate = self.certificate.as_ref().ok_or(Refused::NoCertificate)?;
        let identity = certificate.identity.as_ref().ok_or(Refused::NoCertificate)?;
        if certificate.not_after < now {
            return Err(Refused::Expired { identity: identity.clone(), ended: certificate.not_after });
        }
        if self.revocations.contains(&certificate.fingerprint) {
            return Err(Refused::Revoked { identity: identity.clone() });
        }
        Ok(identity)
    }

    /// Whether the peer may send this batch to this stream: cluster and node are those of its certificate.
    pub fn may_send(&self, stream: &str, header: &BatchHeader, now: Timestamp) -> Result<(), Refused> {
        let identity = self.authorise(now)?;
        let sender = &header.sender;
        if sender.cluster != identity.cluster || sender.node != identity.node {
            let claimed = PeerIdentity { cluster: sender.cluster.clone(), node: sender.node.clone() };
            return Err(Refused::OtherSender { identity: identity.clone(), claimed });
        }
        if header.stream != stream {
            return Err(Refused::OtherStream { header: header.stream.clone(), path: stream.to_owned() });
        }
        Ok(())
    }
}

/// Accepts TLS connections.
pub struct TlsListener {
    local: SocketAddr,
    ready: mpsc::Receiver<(TlsStream, Peer)>,
    task: tokio::task::JoinHandle<()>,
}

impl TlsListener {
    /// Listens on `address` with a certificate for `names` (host names and IP addresses under which senders reach it).
    pub async fn bind(
        address: SocketAddr,
        ca: Arc<CertificateAuthority>,
        names: &[String],
        revocations: Revocations,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind { address, source };
        let config = server_config(ca, names)?;
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let local = tcp.local_addr().map_err(failed)?;
        let (sender, ready) = mpsc::channel(WAITING);
        let task = tokio::spawn(accept_all(tcp, TlsAcceptor::from(Arc::new(config)), sender, revocations));
        Ok(Self { local, ready, task })
    }

    /// The address that it listens on, with the port that the system chose for port 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Stops listening; the port is free when this returns. Connections that were accepted go on.
    pub async fn close(mut self) {
        self.task.abort();
        // Cancelled is how it ends here.
        drop((&mut self.task).await);
    }

    /// The next connection whose handshake succeeded. Failed handshakes are logged and never returned.
    pub async fn accept(&mut self) -> (TlsStream, Peer) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task ends with this value only, so there is nothing more to come, ever.
            None => std::future::pending().await,
        }
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn server_config(ca: Arc<CertificateAuthority>, names: &[String]) -> Result<ServerConfig, ListenError> {
    let refused = |what: &'static str| move |source| TlsError::Refused { what, source };
    let roots = tls::roots(ca.certificate_pem())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls::provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| refused("checking client certificates")(rustls::Error::General(error.to_string())))?;
    let resolver = Reissuing::new(ca, names.to_vec())?;
    let mut config = ServerConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused("setting up TLS"))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = tls::ALPN.iter().map(|name| name.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

async fn accept_all(
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream, Peer)>,
    revocations: Revocations,
) {
    let slots = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let (stream, address) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, ready, revocations) = (acceptor.clone(), ready.clone(), revocations.clone());
        tokio::spawn(async move {
            if let Some(connection) = handshake(stream, address, &acceptor, revocations).await {
                // Only fails when the listener is gone, and then the connection is unwanted.
                drop(ready.send(connection).await);
            }
            drop(slot);
        });
    }
}

async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: &TlsAcceptor,
    revocations: Revocations,
) -> Option<(TlsStream, Peer)> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "small writes will be delayed");
    }
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::info!(%address, %error, "a TLS handshake failed");
            return None;
        }
        Err(_) => {
            tracing::info!(%address, "a TLS handshake took too long");
            return None;
        }
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).and_then(|der| x509::facts(der));
    Some((stream, Peer { address, certificate, revocations }))
}

/// Gives the hub's certificate and makes a new one before it ends, so that a hub may run for years.
struct Reissuing {
    ca: Arc<CertificateAuthority>,
    names: Vec<String>,
    current: Mutex<(Arc<CertifiedKey>, Timestamp)>,
}

impl Reissuing {
    fn new(ca: Arc<CertificateAuthority>, names: Vec<String>) -> Result<Self, ListenError> {
        let current = Mutex::new(Self::issue(&ca, &names, now())?);
        Ok(Self { ca, names, current })
    }

    fn issue(
        ca: &CertificateAuthority,
        names: &[String],
        now: Timestamp,
    ) -> Result<(Arc<CertifiedKey>, Timestamp), ListenError> {
        let made = ca.server_certificate(names, now)?;
        let chain = tls::certificates("the hub's certificate", &made.chain_pem)?;
        let key = tls::private_key("the hub's key", &made.key_pem)?;
        let certified = CertifiedKey::from_der(chain, key, &tls::provider())
            .map_err(|source| TlsError::Refused { what: "using the hub's certificate", source })?;
        Ok((Arc::new(certified), made.not_after))
    }

    fn at(&self, now: Timestamp) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.millis_since(now) < REISSUE_LEFT_MS {
            match Self::issue(&self.ca, &self.names, now) {
                Ok(made) => *current = made,
                Err(error) => tracing::error!(%error, "the hub's certificate could not be replaced"),
            }
        }
        Arc::clone(&current.0)
    }
}

impl std::fmt::Debug for Reissuing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reissuing").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Reissuing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(now()))
    }
}
