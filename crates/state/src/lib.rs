//! What the hub remembers: alerts, incidents, nodes, coverage, images, tokens, and how far each sender is acknowledged.
//!
//! What it is: an embedded `SQLite` database behind plain functions. Batches of the wire are applied in transactions that
//! several batches share (group commit), and are acknowledged only after the commit is on disk.
//! What it is not: no HTTP, no engine, no decision about who may call. Times are parameters.
//!
//! The SQL is what `SQLite` and PostgreSQL both understand: `TEXT` and `BIGINT`, JSON as text, `$1` for parameters.

pub mod access;
mod alerts;
mod changes;
mod commit;
mod coverage;
mod error;
mod gaps;
mod images;
mod incidents;
mod ingest;
mod nodes;
pub mod page;
mod store;
mod trail;
mod workloads;

pub use alerts::{AlertFilter, AlertRecord, AlertSummary};
pub use changes::{Change, ChangeKind, KEEP_CHANGES, Since};
pub use coverage::{CoverageFilter, CoverageRow, SIGNAL_SENSOR};
pub use error::{Error, Result};
pub use gaps::{GapRow, StreamRow};
pub use images::{FindingFilter, FindingRow, ImageDetails, ImageFilter, ImageSummary, SeverityCounts, segments_key};
pub use incidents::{IncidentDetails, IncidentFilter, IncidentPatch, IncidentSummary};
pub use ingest::{Batch, Outcome, STREAMS};
pub use nodes::{NodeFilter, NodeRow, NodeState};
pub use page::{Cursor, Page, PageRequest};
pub use store::{Options, Overview, Store};
pub use trail::TrailEntry;
pub use workloads::{WorkloadFilter, WorkloadRow};
