//! What nodes say they see and do not see (contract §5), newest statement per subject and signal.

use model::{BatchHeader, Coverage, CoverageState, Scope, Subject, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::changes::{self, ChangeKind};
use crate::error::stored;
use crate::page::{Cursor, Page, PageRequest};
use crate::{Error, Result, Store};

/// The signal of the hub's own statement about a node that went silent.
pub const SIGNAL_SENSOR: &str = "sensor";
/// Separates the parts of a row's key in a cursor; no name has it.
const SEPARATOR: char = '\u{1f}';

/// A coverage statement and who made it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CoverageRow {
    /// The cluster of who said it.
    pub cluster: String,
    /// The node of who said it; empty for programs of the cluster.
    pub node: String,
    /// When it was said last.
    pub updated: Timestamp,
    /// The statement.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// Its key among the node's statements.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) key: String,
}

/// Which statements.
#[derive(Debug, Clone, Default)]
pub struct CoverageFilter {
    /// Of one cluster.
    pub cluster: Option<String>,
    /// Of one node.
    pub node: Option<String>,
    /// In this state.
    pub state: Option<CoverageState>,
    /// About this signal.
    pub signal: Option<String>,
}

impl Store {
    /// Statements by cluster, node, subject and signal.
    pub async fn coverage(&self, filter: &CoverageFilter, request: &PageRequest) -> Result<Page<CoverageRow>> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT cluster, node, subject, signal, updated, record FROM coverage WHERE 1 = 1");
        let state = filter.state.map(|state| state_name(state).to_owned());
        let columns =
            [("cluster", &filter.cluster), ("node", &filter.node), ("state", &state), ("signal", &filter.signal)];
        for (column, value) in columns {
            if let Some(value) = value {
                query.push(format!(" AND {column} = ")).push_bind(value.clone());
            }
        }
        if let Some(after) = &request.after {
            let mut parts = after.id.splitn(4, SEPARATOR).map(str::to_owned);
            query.push(" AND (cluster, node, subject, signal) > (");
            let mut separated = query.separated(", ");
            for _ in 0..4 {
                separated.push_bind(parts.next().unwrap_or_default());
            }
            separated.push_unseparated(")");
        }
        query.push(" ORDER BY cluster, node, subject, signal LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            let (cluster, node): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let (subject, signal): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            rows.push(CoverageRow {
                key: [cluster.as_str(), &node, &subject, &signal].join(&SEPARATOR.to_string()),
                cluster,
                node,
                updated: Timestamp::from_nanos(row.try_get(4)?),
                coverage: stored("coverage statement", row.try_get(5)?)?,
            });
        }
        Ok(Page::of(rows, request, |row| Cursor { at: 0, id: row.key.clone() }))
    }

    /// How many nodes say of a signal that it is in a state, by signal and state.
    pub async fn signals(&self) -> Result<Vec<(String, String, u64)>> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT signal, state, COUNT(*) FROM coverage WHERE node <> '' \
             AND json_extract(subject, '$.type') = 'scope' GROUP BY signal, state",
        )
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(|(signal, state, count)| (signal, state, crate::store::unsigned(count))).collect())
    }
}

pub(crate) const fn state_name(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Seen => "seen",
        CoverageState::Unseen => "unseen",
        CoverageState::Stale => "stale",
        CoverageState::Unsupported => "unsupported",
        CoverageState::Unreachable => "unreachable",
    }
}

/// Keeps the newest statements of a batch.
pub(crate) async fn store(
    connection: &mut SqliteConnection,
    header: &BatchHeader,
    statements: &[(Coverage, String)],
    now: Timestamp,
) -> Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    let node = header.sender.node.as_deref().unwrap_or("");
    for (coverage, record) in statements {
        upsert(connection, &header.sender.cluster, node, coverage, record, now).await?;
    }
    changes::append(connection, &[(ChangeKind::Coverage, &header.sender.cluster, node)], now).await
}

async fn upsert(
    connection: &mut SqliteConnection,
    cluster: &str,
    node: &str,
    coverage: &Coverage,
    record: &str,
    now: Timestamp,
) -> Result<()> {
    let subject = serde_json::to_string(&coverage.subject)
        .map_err(|source| Error::Corrupt { what: "coverage subject", source })?;
    sqlx::query(
        "INSERT INTO coverage (cluster, node, subject, signal, state, updated, record) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (cluster, node, subject, signal) DO UPDATE SET \
         state = excluded.state, updated = excluded.updated, record = excluded.record",
    )
    .bind(cluster)
    .bind(node)
    .bind(subject)
    .bind(&coverage.signal)
    .bind(state_name(coverage.state))
    .bind(now.as_nanos())
    .bind(record)
    .execute(connection)
    .await?;
    Ok(())
}

/// The hub's own statement: nothing comes from this node.
pub(crate) async fn node_silent(
    connection: &mut SqliteConnection,
    cluster: &str,
    node: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let mut coverage = Coverage::new(
        Subject::Scope { scope: Scope::node(cluster, node) },
        SIGNAL_SENSOR,
        CoverageState::Stale,
        "nothing comes from this node any more: what happens there is not seen",
    );
    coverage.since = Some(since);
    let record =
        serde_json::to_string(&coverage).map_err(|source| Error::Corrupt { what: "coverage statement", source })?;
    upsert(connection, cluster, node, &coverage, &record, now).await
}

/// The node speaks again: the hub's statement goes.
pub(crate) async fn node_speaks(connection: &mut SqliteConnection, cluster: &str, node: &str) -> Result<()> {
    sqlx::query("DELETE FROM coverage WHERE cluster = $1 AND node = $2 AND signal = $3 AND state = 'stale'")
        .bind(cluster)
        .bind(node)
        .bind(SIGNAL_SENSOR)
        .execute(connection)
        .await?;
    Ok(())
}
