//! The node sensor: eBPF providers, process and container tables, rules, alerts.
//!
//! What it is: journey 2 of the design. A program in the kernel writes a record into a ring ([`kernel`], `src/bpf`); the
//! record is decoded ([`record`]), gets its process ([`process`]) and its place, becomes an event ([`convert`],
//! [`pipeline`]) and goes through the rules. What each signal is seen by, and what is not seen, is said by [`provider`].
//! What it is not: no rules of its own (`detect`), no transport (`wire`).
//!
//! `unsafe` is allowed here block by block, each with a SAFETY comment.

pub mod calls;
pub mod canary;
pub mod clock;
pub mod config;
pub mod container;
pub mod convert;
pub mod dns;
mod facts;
pub mod kernel;
pub mod output;
pub mod pipeline;
pub mod privilege;
pub mod process;
pub mod provider;
pub mod questions;
pub mod record;
pub mod rules;
pub mod run;
pub mod signal;
pub mod status;
pub mod tier;
pub mod uplink;
pub mod without_bpf;

pub use config::Config;
pub use run::{Sight, run};

/// The program's name on the wire.
pub const PROGRAM: &str = "seawall-sensor";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
