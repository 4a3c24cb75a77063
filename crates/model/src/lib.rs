//! The vocabulary of Seawall: the values that engines, sensor, server and command line exchange.
//!
//! What it is: plain data with serde and JSON schema, one module per page of the contract, plus the few pure functions
//! that belong to a value (an alert's identity, a purl's text form).
//! What it is not: no I/O, no clock, no engine.
//!
//! Conventions: field names are `snake_case`; times are RFC 3339 UTC with nanoseconds ([`Timestamp`]); durations and
//! sizes carry their unit in the name (`_ms`, `_bytes`). Optional fields are left out when empty. Changes add fields;
//! a value that was read from the wire keeps what it did not know in `extra`.

pub mod alert;
pub mod coverage;
pub mod diagnostic;
pub mod event;
pub mod exemption;
pub mod flags;
pub mod image;
pub mod names;
pub mod node_paths;
pub mod policy;
pub mod posture;
pub mod process;
pub mod purl;
pub mod schema;
pub mod scope;
pub mod severity;
pub mod symbols;
pub mod time;
pub mod wire;

pub use alert::{Alert, CausalRoot, Entity, Incident, IncidentStatus, TimelineEntry};
pub use coverage::{Coverage, CoverageState, Loss, Subject};
pub use diagnostic::{Diagnostic, Level, Position, Span};
pub use event::{Attribution, Body, Event};
pub use exemption::{Exemption, ExemptionReason, Matched, Suppression};
pub use flags::{Capabilities, OpenFlags};
pub use image::{
    Action, Artifact, Assessment, Because, Confidence, DISTRIBUTION_FOLDER, Evidence, Finding, FixStatus, Inventory,
    Layer, Location, OperatingSystem, Origin, Package, Platform, SegmentRef, SeverityChoice, SourcePackage,
};
pub use policy::{Enforcement, Verdict, Violation};
pub use posture::{ControlResult, ControlState, NodeFacts};
pub use process::{Ancestor, ExeOrigin, Namespaces, Process, ProcessKey};
pub use purl::Purl;
pub use scope::{ContainerRef, ImageRef, PodRef, Scope, WorkloadRef};
pub use severity::Severity;
pub use symbols::{SYMBOLS_PROPERTY, SymbolSet};
pub use time::Timestamp;
pub use wire::{BatchAnswer, BatchHeader, Gap, Sender};

/// Fields that a newer program wrote and this one does not know: kept and written back unchanged.
pub type Extra = serde_json::Map<String, serde_json::Value>;
