//! What changed, in order: the memory behind live streams that resume where they stopped.
//!
//! A change names its subject; what the subject looks like is read when the stream is served, so a slow reader sees the
//! newest state and never a backlog of old ones.

use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::{Result, Store};

/// Rows in one INSERT; five parameters each.
const ROWS: usize = 1_000;
/// How many changes are added between two removals of old ones.
const PRUNE_EVERY: i64 = 1_024;
/// Changes kept: a console that was away for longer loads its lists anew.
pub const KEEP_CHANGES: i64 = 50_000;

/// Kind of a change, as the live stream names its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// An alert came or its count rose; the subject is its id.
    Alert,
    /// An incident changed; the subject is its id.
    Incident,
    /// An image was assessed; the subject is the inventory's id.
    Image,
    /// A node came, went silent or came back; the subject is its name.
    Node,
    /// A node's coverage changed; the subject is the node's name.
    Coverage,
    /// Gaps of a node changed; the subject is the node's name.
    Gap,
    /// A job moved on; the subject is its id.
    Job,
}

impl ChangeKind {
    /// The name in the stream and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Incident => "incident",
            Self::Image => "image",
            Self::Node => "node",
            Self::Coverage => "coverage",
            Self::Gap => "gap",
            Self::Job => "job",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Alert, Self::Incident, Self::Image, Self::Node, Self::Coverage, Self::Gap, Self::Job]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place; grows.
    pub position: i64,
    /// When.
    pub time: Timestamp,
    /// What kind.
    pub kind: ChangeKind,
    /// In which cluster; empty for images and jobs.
    pub cluster: String,
    /// Of what.
    pub subject: String,
}

/// Changes after a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Changes between the place and these were removed: the reader must load lists anew.
    pub lost: bool,
}

impl Store {
    /// The place of the newest change; 0 before the first.
    pub async fn last_change(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM changes").fetch_one(self.readers()).await?)
    }

    /// Tells live streams that a job moved on. Jobs themselves are not stored.
    pub async fn announce_job(&self, id: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        append(&mut transaction, &[(ChangeKind::Job, "", id)], now).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Up to `limit` changes after a place.
    pub async fn changes_since(&self, position: i64, limit: u32) -> Result<Since> {
        let (oldest, newest): (i64, i64) =
            sqlx::query_as("SELECT COALESCE(MIN(position), 0), COALESCE(MAX(position), 0) FROM changes")
                .fetch_one(self.readers())
                .await?;
        // A place from the future is of another database.
        let lost = position > newest || (oldest > 0 && position + 1 < oldest);
        let from = if position > newest { newest } else { position };
        let rows = sqlx::query(
            "SELECT position, time, kind, cluster, subject FROM changes WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(from)
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.try_get(2)?;
            // A kind that a newer program wrote is not for us.
            let Some(kind) = ChangeKind::of(&kind) else { continue };
            changes.push(Change {
                position: row.try_get(0)?,
                time: Timestamp::from_nanos(row.try_get(1)?),
                kind,
                cluster: row.try_get(3)?,
                subject: row.try_get(4)?,
            });
        }
        Ok(Since { changes, lost })
    }
}

/// Appends changes within a transaction.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    changes: &[(ChangeKind, &str, &str)],
    now: Timestamp,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let first: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM changes").fetch_one(&mut *connection).await?;
    let mut position = first;
    for chunk in changes.chunks(ROWS) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO changes (position, time, kind, cluster, subject) ");
        insert.push_values(chunk, |mut row, (kind, cluster, subject)| {
            position += 1;
            row.push_bind(position)
                .push_bind(now.as_nanos())
                .push_bind(kind.as_str())
                .push_bind(*cluster)
                .push_bind(*subject);
        });
        insert.build().execute(&mut *connection).await?;
    }
    if first / PRUNE_EVERY != position / PRUNE_EVERY {
        sqlx::query("DELETE FROM changes WHERE position <= $1")
            .bind(position - KEEP_CHANGES)
            .execute(connection)
            .await?;
    }
    Ok(())
}
