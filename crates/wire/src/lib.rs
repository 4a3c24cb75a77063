//! The wire between our programs (contract §7): batches over HTTPS with client certificates.
//!
//! What it is: the sender's half (a bounded spool on disk and the task that empties it into a hub), the receiver's half
//! (certificate authority, TLS listener, batch decoder) and enrolment, which gives a machine its certificate.
//! What it is not: no HTTP routes, no store, no knowledge of what a record means. The frames are zstd (RFC 8878) of JSON
//! lines; problem documents are RFC 9457; certificates are X.509 v3 (RFC 5280) with the identity in a SAN URI.
//!
//! # Sending
//! ```ignore
//! let uplink = Uplink::start(UplinkConfig::new(hub_url, identity, spool_dir, "seawall-sensor", version)).await?;
//! let alerts = uplink.stream("alerts")?;         // a cheap handle: Clone + Send + Sync
//! alerts.push(&alert)?;                          // returns the sequence number; the record survives kill -9 from here
//! alerts.push_with(|seq| event_with(seq))?;      // when the record itself carries its number
//! uplink.set_counters(per_signal_loss);          // goes out in the header of every batch
//! uplink.boot_id();                              // the sender's boot_id
//! uplink.status();                               // per stream: pushed, acked, waiting, gaps, errors, last answer
//! uplink.shutdown(Duration::from_secs(5)).await; // sends what it can; the rest stays in the spool
//! ```
//!
//! # Enrolling
//! ```ignore
//! let join: JoinString = text.parse()?;                         // hub address + CA fingerprint + one-time token
//! let identity = enrol::request(&join, "local", Some("node-1")).await?;
//! identity.save(path)?;                                         // mode 0600
//! ```
//!
//! # Receiving
//! ```ignore
//! let ca = Arc::new(CertificateAuthority::load_or_create(dir, now)?);
//! let mut listener = TlsListener::bind(address, ca.clone(), &names, revocations.clone()).await?;
//! let (stream, peer) = listener.accept().await;                 // peer: Peer { address, certificate: Option<_> }
//! // POST /v1/enrol (no client certificate)
//! let request = EnrolRequest::decode(&body)?;
//! check_request(&request.csr_pem)?;                             // before the token is used up
//! // … redeem request.token.hash() once, in the store …
//! let answer = ca.enrol(&request.csr_pem, &granted, now)?;      // EnrolAnswer, to be sent as JSON
//! // POST /v1/renew: ca.enrol(&RenewRequest::decode(&body)?.csr_pem, peer.authorise(now)?, now)
//! // POST /v1/streams/{stream}/batches
//! let batch = decode_batch(&body, &BatchLimits::default())?;    // Batch { header, records: Vec<Record { seq, json }> }
//! peer.may_send(stream, &batch.header, now)?;                   // 403 when the header says another cluster or node
//! let step = Progress::of(acked_so_far, &batch.header);         // what is new, what is missing, what to answer
//! // DecodeError::problem() and Refused::problem() are the bodies of the answers
//! ```

pub mod backoff;
pub mod batch;
pub mod enrol;
pub mod http;
pub mod identity;
pub mod join;
pub mod peer;
mod private_file;
pub mod problem;
pub mod server;
pub mod spool;
pub mod streams;
pub mod tls;
pub mod token;
pub mod uplink;
pub mod x509;

pub use identity::{Identity, IdentityError};
pub use join::{Fingerprint, JoinError, JoinString};
pub use peer::PeerIdentity;
pub use private_file::PrivateFileError;
pub use problem::Problem;
pub use spool::{Spool, SpoolLimits};
pub use token::{Token, TokenHash};
pub use uplink::{Stream, Uplink, UplinkConfig};

/// Largest record: an audit event with two objects of 1.5 MiB (etcd's limit). With it a batch of one record stays
/// below the hub's 4 MiB however badly it compresses.
pub const MAX_RECORD_BYTES: usize = 3 << 20;
