//! Admission policy: Gatekeeper templates and Pod Security Standards.
//!
//! What it is: pure engines. An object and a policy go in, failures or violations come out, each with where and why.
//! What it is not: a webhook, a Kubernetes client, or a reader of files; those are adapters' work.
//! Objects are JSON values, not typed ones (DESIGN §5.6): a cluster may be older or newer than any typed crate.

pub mod gatekeeper;
pub mod pss;
pub mod rego;
