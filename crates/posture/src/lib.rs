//! Hardening controls over snapshots of facts: manifests and nodes.
//!
//! What it is: pure judgement. Text of manifests, or the facts of a node, go in; results with evidence and remediation
//! come out. A fact that could not be had gives `unreachable`, never a pass and never a fail.
//! What it is not: a collector (that is the `host` crate), or a benchmark's text: ids follow the CIS Kubernetes
//! Benchmark so that results can be compared, the words are ours.

pub mod attest;
pub mod manifests;
pub mod node;
