//! The hub: takes what sensors send, keeps it, and serves it to people and programs.
//!
//! What it is: the wire's receiving end (batches over mutual TLS, enrolment), the REST API with live streams, the audit
//! webhook, jobs that assess images, and the embedded console. Everything durable is in `state`.
//! What it is not: an engine. Detection, matching and policy are called, not written, here.
//!
//! [`run`] serves until told to stop; [`start`] gives the addresses as soon as they are known.

#![recursion_limit = "256"]

pub mod api;
mod audit;
mod auth;
pub mod config;
mod console;
mod http;
mod hub;
mod ingest;
mod jobs;
pub mod join;
mod metrics;
pub mod problem;
mod rematch;
mod rules;
mod running;
mod serve;
mod setup;
mod silent;

pub use auth::Actor;
pub use config::{Config, ConfigError};
pub use jobs::{Job, JobState};
pub use setup::{Addresses, Running, StartError, join_string, login_link, run, start};
