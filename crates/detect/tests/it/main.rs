//! The engine over real rule files and real audit events.

mod audit_cases;
mod content;
mod notation;
mod official;
