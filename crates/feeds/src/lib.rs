//! The advisory database on disk: build, verify, map.
//!
//! What it is: a manifest and one immutable, memory-mapped segment per feed. What it is not: a parser of feeds or a
//! matcher; those are `vuln`.

pub mod database;

pub use database::{Database, DatabaseError};
