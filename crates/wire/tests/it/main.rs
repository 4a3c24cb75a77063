//! The wire from end to end: real TLS on a port of its own, a hub made of the server's parts, a real spool.

mod certificates;
mod hostile;
mod hub;
mod uplink;
