//! The batch that programs send each other (contract §7). The transport is the `wire` crate's.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Loss;

/// The version of the wire that this program writes.
pub const WIRE_VERSION: u32 = 1;
/// Compressed size of a batch: what a hub buffers per connection before it knows anything about it.
pub const MAX_BATCH_COMPRESSED_BYTES: usize = 4 << 20;
/// Plain size of a batch: bounds what one request may make a hub hold in memory.
pub const MAX_BATCH_PLAIN_BYTES: usize = 32 << 20;
/// Records in a batch: bounds the length of one database transaction.
pub const MAX_BATCH_RECORDS: usize = 50_000;
/// Plain over compressed size: JSON lines reach about 40; beyond 100 it is a bomb.
pub const MAX_BATCH_RATIO: usize = 100;

/// Who sends. The hub takes cluster and node from the client certificate and refuses a header that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// Cluster.
    pub cluster: String,
    /// Node; absent for programs of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Name of the program, such as `seawall-sensor`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// A new UUID at every start of the program.
    pub boot_id: Uuid,
}

/// Sequence numbers that will never come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// First missing.
    pub from: u64,
    /// Last missing.
    pub to: u64,
    /// Why, such as `spool_full`.
    pub cause: String,
}

/// First line of a batch; the records follow, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchHeader {
    /// [`WIRE_VERSION`].
    pub v: u32,
    /// Who sends.
    pub sender: Sender,
    /// The stream, such as `alerts`, `events`, `coverage`.
    pub stream: String,
    /// Sequence number of the first record.
    pub first_seq: u64,
    /// Sequence number of the last record; with no records `first_seq - 1`.
    pub last_seq: u64,
    /// How many lines follow.
    pub records: u64,
    /// What fell out of the spool before it could be sent.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Counters per signal since the start of the sender.
    #[serde(default)]
    pub counters: BTreeMap<String, Loss>,
}

/// Answer to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchAnswer {
    /// Highest sequence number up to which everything is durable (records and declared gaps); 0 for nothing.
    pub acked: u64,
}
