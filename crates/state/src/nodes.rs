//! Nodes: who sends, since when, and who went silent. Silence is never health.

use std::collections::BTreeMap;

use model::{BatchHeader, Loss, NodeFacts, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::changes::{self, ChangeKind};
use crate::error::stored;
use crate::page::{Cursor, Page, PageRequest};
use crate::{Result, Store, coverage};

/// Whether a node is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It sends.
    Active,
    /// It has sent nothing for longer than it should.
    Silent,
    /// It was enrolled and never sent anything.
    Enrolled,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeRow {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub node: String,
    /// Whether it is heard.
    pub state: NodeState,
    /// First batch or enrolment.
    pub first_seen: Timestamp,
    /// Last batch.
    pub last_seen: Timestamp,
    /// Since when nothing comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// The program that sent last.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Coverage statements by state.
    pub coverage: BTreeMap<String, u64>,
    /// Counters per signal of the programs that sent last, added up.
    pub losses: BTreeMap<String, Loss>,
    /// Gaps on record.
    pub gaps: u64,
    /// Containers seen on it.
    pub containers: u64,
    /// What the machine is, as it said itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<NodeSummary>,
}

/// The part of a node's facts that lists show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSummary {
    /// Kernel release.
    pub kernel: String,
    /// Operating system.
    pub os: String,
    /// Container runtime and version, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_runtime: Option<String>,
}

/// Which nodes.
#[derive(Debug, Clone, Default)]
pub struct NodeFilter {
    /// Of one cluster.
    pub cluster: Option<String>,
    /// In this state.
    pub state: Option<NodeState>,
    /// Whose name contains this.
    pub text: Option<String>,
}

/// Separates cluster and node in a cursor; no name has it.
const SEPARATOR: char = '\u{1f}';

impl Store {
    /// Nodes by cluster and name.
    pub async fn nodes(&self, filter: &NodeFilter, request: &PageRequest) -> Result<Page<NodeRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(NODE_SELECT);
        if let Some(cluster) = &filter.cluster {
            query.push(" AND n.cluster = ").push_bind(cluster.clone());
        }
        match filter.state {
            None => {}
            Some(NodeState::Silent) => drop(query.push(" AND n.silent_since IS NOT NULL")),
            Some(NodeState::Enrolled) => drop(query.push(" AND n.program = ''")),
            Some(NodeState::Active) => drop(query.push(" AND n.silent_since IS NULL AND n.program <> ''")),
        }
        if let Some(text) = &filter.text {
            query.push(" AND LOWER(n.node) LIKE ").push_bind(crate::store::anywhere(text)).push(" ESCAPE '!'");
        }
        if let Some(after) = &request.after {
            let (cluster, node) = after.id.split_once(SEPARATOR).unwrap_or((&after.id, ""));
            query.push(" AND (n.cluster, n.node) > (").push_bind(cluster.to_owned());
            query.push(", ").push_bind(node.to_owned()).push(")");
        }
        query.push(" ORDER BY n.cluster, n.node LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            rows.push(self.node_row(&row).await?);
        }
        Ok(Page::of(rows, request, |row| Cursor { at: 0, id: format!("{}{SEPARATOR}{}", row.cluster, row.node) }))
    }

    /// One node.
    pub async fn node(&self, cluster: &str, node: &str) -> Result<Option<NodeRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(NODE_SELECT);
        query.push(" AND n.cluster = ").push_bind(cluster.to_owned());
        query.push(" AND n.node = ").push_bind(node.to_owned());
        match query.build().fetch_optional(self.readers()).await? {
            Some(row) => Ok(Some(self.node_row(&row).await?)),
            None => Ok(None),
        }
    }

    async fn node_row(&self, row: &sqlx::sqlite::SqliteRow) -> Result<NodeRow> {
        let (cluster, node): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let silent_since: Option<i64> = row.try_get(4)?;
        let program: String = row.try_get(5)?;
        let facts: Option<String> = row.try_get(7)?;
        let state = match (silent_since, program.as_str()) {
            (Some(_), _) => NodeState::Silent,
            (None, "") => NodeState::Enrolled,
            (None, _) => NodeState::Active,
        };
        let facts = match facts {
            Some(text) => {
                let facts: NodeFacts = stored("node's facts", &text)?;
                Some(NodeSummary { kernel: facts.kernel, os: facts.os, container_runtime: facts.container_runtime })
            }
            None => None,
        };
        Ok(NodeRow {
            state,
            first_seen: Timestamp::from_nanos(row.try_get(2)?),
            last_seen: Timestamp::from_nanos(row.try_get(3)?),
            silent_since: silent_since.map(Timestamp::from_nanos),
            version: row.try_get(6)?,
            gaps: crate::store::unsigned(row.try_get(8)?),
            containers: crate::store::unsigned(row.try_get(9)?),
            coverage: self.coverage_states(&cluster, &node).await?,
            losses: self.losses(&cluster, &node).await?,
            cluster,
            node,
            program,
            facts,
        })
    }

    async fn coverage_states(&self, cluster: &str, node: &str) -> Result<BTreeMap<String, u64>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, COUNT(*) FROM coverage WHERE cluster = $1 AND node = $2 GROUP BY state")
                .bind(cluster)
                .bind(node)
                .fetch_all(self.readers())
                .await?;
        Ok(rows.into_iter().map(|(state, count)| (state, crate::store::unsigned(count))).collect())
    }

    /// Counters of the newest boot of each program. All streams of a boot carry the same counters: the newest counts.
    async fn losses(&self, cluster: &str, node: &str) -> Result<BTreeMap<String, Loss>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT program, counters FROM streams WHERE cluster = $1 AND node = $2 ORDER BY last_batch DESC, stream",
        )
        .bind(cluster)
        .bind(node)
        .fetch_all(self.readers())
        .await?;
        let mut programs = std::collections::BTreeSet::new();
        let mut sum: BTreeMap<String, Loss> = BTreeMap::new();
        for (program, counters) in rows {
            if programs.insert(program) {
                let counters: BTreeMap<String, Loss> = stored("list of counters", &counters)?;
                for (signal, loss) in counters {
                    sum.entry(signal).or_default().add(loss);
                }
            }
        }
        Ok(sum)
    }

    /// Puts a node on record when it is enrolled, so that one that never sends is seen too.
    pub async fn enrolled(&self, cluster: &str, node: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        sqlx::query(
            "INSERT INTO nodes (cluster, node, enrolled, first_seen, last_seen, program, version) \
             VALUES ($1, $2, $3, $3, $3, '', '') \
             ON CONFLICT (cluster, node) DO UPDATE SET enrolled = excluded.enrolled",
        )
        .bind(cluster)
        .bind(node)
        .bind(now.as_nanos())
        .execute(&mut *transaction)
        .await?;
        changes::append(&mut transaction, &[(ChangeKind::Node, cluster, node)], now).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Marks nodes silent that were heard last before `heard_before` and gives those that just became so. Their
    /// coverage says `stale` from then on, until they send again.
    pub async fn mark_silent(&self, heard_before: Timestamp, now: Timestamp) -> Result<Vec<NodeRow>> {
        let candidates: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT cluster, node, last_seen FROM nodes \
             WHERE last_seen < $1 AND silent_since IS NULL ORDER BY cluster, node",
        )
        .bind(heard_before.as_nanos())
        .fetch_all(self.readers())
        .await?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let mut silent = Vec::new();
        let mut transaction = self.write().await?;
        for (cluster, node, last_seen) in candidates {
            let done = sqlx::query(
                "UPDATE nodes SET silent_since = last_seen \
                 WHERE cluster = $1 AND node = $2 AND last_seen < $3 AND silent_since IS NULL",
            )
            .bind(&cluster)
            .bind(&node)
            .bind(heard_before.as_nanos())
            .execute(&mut *transaction)
            .await?;
            // It may have spoken between the two statements.
            if done.rows_affected() == 0 {
                continue;
            }
            coverage::node_silent(&mut transaction, &cluster, &node, Timestamp::from_nanos(last_seen), now).await?;
            changes::append(
                &mut transaction,
                &[(ChangeKind::Node, &cluster, &node), (ChangeKind::Coverage, &cluster, &node)],
                now,
            )
            .await?;
            silent.push((cluster, node));
        }
        transaction.commit().await?;
        self.notify();
        let mut rows = Vec::with_capacity(silent.len());
        for (cluster, node) in silent {
            rows.extend(self.node(&cluster, &node).await?);
        }
        Ok(rows)
    }
}

const NODE_SELECT: &str = "SELECT n.cluster, n.node, n.first_seen, n.last_seen, n.silent_since, n.program, n.version, \
     n.facts, (SELECT COUNT(*) FROM gaps g WHERE g.cluster = n.cluster AND g.node = n.node), \
     (SELECT COUNT(*) FROM workloads w WHERE w.cluster = n.cluster AND w.node = n.node) FROM nodes n WHERE 1 = 1";

/// A batch came: its node speaks.
pub(crate) async fn heard(connection: &mut SqliteConnection, header: &BatchHeader, now: Timestamp) -> Result<()> {
    let Some(node) = &header.sender.node else { return Ok(()) };
    let cluster = &header.sender.cluster;
    let before: Option<(Option<i64>, String)> =
        sqlx::query_as("SELECT silent_since, program FROM nodes WHERE cluster = $1 AND node = $2")
            .bind(cluster)
            .bind(node)
            .fetch_optional(&mut *connection)
            .await?;
    sqlx::query(
        "INSERT INTO nodes (cluster, node, first_seen, last_seen, program, version) VALUES ($1, $2, $3, $3, $4, $5) \
         ON CONFLICT (cluster, node) DO UPDATE SET silent_since = NULL, program = excluded.program, \
         version = excluded.version, last_seen = CASE WHEN nodes.last_seen > excluded.last_seen \
         THEN nodes.last_seen ELSE excluded.last_seen END",
    )
    .bind(cluster)
    .bind(node)
    .bind(now.as_nanos())
    .bind(&header.sender.program)
    .bind(&header.sender.version)
    .execute(&mut *connection)
    .await?;
    let known = before.as_ref().is_some_and(|(silent, program)| silent.is_none() && !program.is_empty());
    if known {
        return Ok(());
    }
    if before.is_some_and(|(silent, _)| silent.is_some()) {
        coverage::node_speaks(connection, cluster, node).await?;
    }
    let changed = [(ChangeKind::Node, cluster.as_str(), node.as_str()), (ChangeKind::Coverage, cluster, node)];
    changes::append(connection, &changed, now).await
}

/// Keeps a node's newest facts.
pub(crate) async fn store_facts(
    connection: &mut SqliteConnection,
    cluster: &str,
    node: &str,
    facts: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO nodes (cluster, node, first_seen, last_seen, program, version, facts) \
         VALUES ($1, $2, $3, $3, '', '', $4) ON CONFLICT (cluster, node) DO UPDATE SET facts = excluded.facts",
    )
    .bind(cluster)
    .bind(node)
    .bind(now.as_nanos())
    .bind(facts)
    .execute(&mut *connection)
    .await?;
    changes::append(connection, &[(ChangeKind::Node, cluster, node)], now).await
}
