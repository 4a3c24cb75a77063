//! End-to-end tests: the installed programs with a real registry, a real container runtime, the real kernel and a real
//! browser.
//!
//! What it is: starters for the real parts ([`parts`]), a client of the hub's API ([`api`]), the whole path once
//! ([`once`]), attacks in containers ([`attack`]) and on the Kubernetes API ([`audit`]), and everyday work ([`benign`]).
//! What it is not: a mock of anything, or a user of the programs' internals: they are started as a user starts them.

pub mod api;
pub mod attack;
pub mod audit;
pub mod benign;
pub mod once;
pub mod parts;
