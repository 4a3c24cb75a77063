//! The receiver's half: certificates, listener, decoder, and the arithmetic of acknowledgements.
//!
//! What it is not: routes and storage; the hub brings those.

pub mod ca;
pub mod decode;
pub mod listener;
pub mod progress;

pub use ca::{CaError, CertificateAuthority, ServerCertificate, check_request};
pub use decode::{Batch, BatchLimits, DecodeError, Record, decode_batch};
pub use listener::{ListenError, Peer, Refused, Revocations, TlsListener, TlsStream};
pub use progress::Progress;
