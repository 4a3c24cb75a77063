//! The audit trail: who changed what, written in the transaction of the change.

use model::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::ingest::new_id;
use crate::page::{Cursor, Page, PageRequest};
use crate::{Result, Store};

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrailEntry {
    /// Identity.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// Who: a user, a token's name, or `system`.
    pub actor: String,
    /// What, such as `incident.patch`.
    pub action: String,
    /// On what: an id or a name.
    pub subject: String,
    /// In one line; never a secret.
    pub details: String,
}

impl Store {
    /// The audit trail, newest first.
    pub async fn audit_trail(&self, request: &PageRequest) -> Result<Page<TrailEntry>> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT id, time, actor, action, subject, details FROM audit_trail WHERE 1 = 1");
        if let Some(after) = &request.after {
            query.push(" AND (time, id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone()).push(")");
        }
        query.push(" ORDER BY time DESC, id DESC LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            rows.push(TrailEntry {
                id: row.try_get(0)?,
                time: Timestamp::from_nanos(row.try_get(1)?),
                actor: row.try_get(2)?,
                action: row.try_get(3)?,
                subject: row.try_get(4)?,
                details: row.try_get(5)?,
            });
        }
        Ok(Page::of(rows, request, |row| Cursor { at: row.time.as_nanos(), id: row.id.clone() }))
    }
}

pub(crate) async fn record(
    connection: &mut SqliteConnection,
    actor: &str,
    action: &str,
    subject: &str,
    details: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO audit_trail (id, time, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(new_id(now).to_string())
        .bind(now.as_nanos())
        .bind(actor)
        .bind(action)
        .bind(subject)
        .bind(details)
        .execute(connection)
        .await?;
    Ok(())
}
