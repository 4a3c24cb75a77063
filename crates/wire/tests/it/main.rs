//! The wire from end to end: real TLS on a port of its own, a hub made of the server's parts, a real spool.

#![expect(clippy::unwrap_used, reason = "tests fail loudly; that is their job")]

mod certificates;
mod hostile;
mod hub;
mod uplink;
