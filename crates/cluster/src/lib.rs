//! Kubernetes API adapters.
//!
//! What it is: the audit receiver's reader ([`audit`]): what an API server posts, writes to a file or sends through an
//! event hub, as events of the model.
//! What it is not: an HTTP server, or a place for judgements: rules live in `detect`.

pub mod audit;
