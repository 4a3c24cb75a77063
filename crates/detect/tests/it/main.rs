//! The engine over real rule files and real audit events, and our own content.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as loudly as the tests")]

mod audit_cases;
mod audit_noise;
mod audit_recorded;
mod audit_rules;
mod content;
mod notation;
mod official;
mod page;
mod recorded;
