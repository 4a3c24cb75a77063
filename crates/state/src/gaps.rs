//! Gaps: sequence numbers that did not come, who said so and why; and how far each stream is.

use std::collections::BTreeMap;

use model::{Loss, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use crate::alerts::identity;
use crate::error::stored;
use crate::page::{Cursor, Page, PageRequest};
use crate::store::unsigned;
use crate::{Result, Store};

/// A gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GapRow {
    /// Identity.
    pub id: String,
    /// When the hub learned of it.
    pub recorded: Timestamp,
    /// The sender's cluster.
    pub cluster: String,
    /// The sender's node; empty for programs of the cluster.
    pub node: String,
    /// The sending program.
    pub program: String,
    /// Its start.
    pub boot_id: Uuid,
    /// The stream.
    pub stream: String,
    /// First missing sequence number.
    pub from: u64,
    /// Last missing one.
    pub to: u64,
    /// Why, such as `spool_full`; `undeclared` when nobody said.
    pub cause: String,
    /// Who said so: `sender` or `hub`.
    pub source: String,
}

/// How far a stream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StreamRow {
    /// The sender's cluster.
    pub cluster: String,
    /// The sender's node; empty for programs of the cluster.
    pub node: String,
    /// The sending program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Its start.
    pub boot_id: Uuid,
    /// The stream.
    pub stream: String,
    /// Everything up to here is durable.
    pub acked: u64,
    /// Records received.
    pub records: u64,
    /// Counters per signal since the start of the sender.
    pub counters: BTreeMap<String, Loss>,
    /// The newest batch.
    pub last_batch: Timestamp,
}

/// Streams of one node that are shown: the newest starts of its programs.
const MAX_STREAMS: i64 = 100;

impl Store {
    /// Gaps, newest first.
    pub async fn gaps(&self, cluster: Option<&str>, node: Option<&str>, request: &PageRequest) -> Result<Page<GapRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT id, recorded, cluster, node, program, boot_id, stream, from_seq, to_seq, cause, source \
             FROM gaps WHERE 1 = 1",
        );
        for (column, value) in [("cluster", cluster), ("node", node)] {
            if let Some(value) = value {
                query.push(format!(" AND {column} = ")).push_bind(value.to_owned());
            }
        }
        if let Some(after) = &request.after {
            query.push(" AND (recorded, id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone()).push(")");
        }
        query.push(" ORDER BY recorded DESC, id DESC LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            rows.push(GapRow {
                id: row.try_get(0)?,
                recorded: Timestamp::from_nanos(row.try_get(1)?),
                cluster: row.try_get(2)?,
                node: row.try_get(3)?,
                program: row.try_get(4)?,
                boot_id: identity(row.try_get(5)?),
                stream: row.try_get(6)?,
                from: unsigned(row.try_get(7)?),
                to: unsigned(row.try_get(8)?),
                cause: row.try_get(9)?,
                source: row.try_get(10)?,
            });
        }
        Ok(Page::of(rows, request, |row| Cursor { at: row.recorded.as_nanos(), id: row.id.clone() }))
    }

    /// The newest streams of a node.
    pub async fn streams(&self, cluster: &str, node: &str) -> Result<Vec<StreamRow>> {
        let rows = sqlx::query(
            "SELECT program, version, boot_id, stream, acked, records, counters, last_batch FROM streams \
             WHERE cluster = $1 AND node = $2 ORDER BY last_batch DESC, boot_id, stream LIMIT $3",
        )
        .bind(cluster)
        .bind(node)
        .bind(MAX_STREAMS)
        .fetch_all(self.readers())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(StreamRow {
                    cluster: cluster.to_owned(),
                    node: node.to_owned(),
                    program: row.try_get(0)?,
                    version: row.try_get(1)?,
                    boot_id: identity(row.try_get(2)?),
                    stream: row.try_get(3)?,
                    acked: unsigned(row.try_get(4)?),
                    records: unsigned(row.try_get(5)?),
                    counters: stored("list of counters", row.try_get(6)?)?,
                    last_batch: Timestamp::from_nanos(row.try_get(7)?),
                })
            })
            .collect()
    }
}
