//! Opening, closing and the two doors of the database: one connection that writes, several that read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, Sqlite, Transaction};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::commit;
use crate::{Error, Result, SeverityCounts};

/// How long a statement waits for another process (`seawall-server join-token` on the same database).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Batches that wait for the writer; beyond it callers are told to come back ([`Error::Busy`]).
const MAX_WAITING: usize = 64;
/// Page cache of a connection, in KiB (negative, as the pragma wants it): holds the indices of 100,000 alerts.
const CACHE_KIB: &str = "-32768";

/// What can be chosen about a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections that read.
    pub readers: u32,
    /// Events kept; older ones are removed.
    pub keep_events: i64,
    /// Alerts of one causal root belong to one incident while less than this passes between them.
    pub incident_window_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 4, keep_events: 200_000, incident_window_ms: 4 * 3_600_000 }
    }
}

/// The state of a hub. Clones share the same database.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: SqlitePool,
    readers: SqlitePool,
    commits: Mutex<Option<mpsc::Sender<commit::Work>>>,
    committer: Mutex<Option<JoinHandle<()>>>,
    changed: watch::Sender<u64>,
    refusal: watch::Receiver<Option<String>>,
}

/// Numbers for a first page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overview {
    /// Incidents that are new or active, by severity.
    pub open_incidents: SeverityCounts,
    /// Alerts of the last 24 hours, by severity.
    pub alerts_last_day: SeverityCounts,
    /// Alerts in all.
    pub alerts: u64,
    /// Images that were assessed.
    pub images: u64,
    /// Images with at least one finding of severity Critical or High.
    pub images_at_risk: u64,
    /// Images of which something is not covered by any feed.
    pub images_not_covered: u64,
    /// Nodes that send.
    pub nodes: u64,
    /// Nodes that went silent.
    pub nodes_silent: u64,
    /// Coverage statements that are not `seen`.
    pub not_seen: u64,
    /// Gaps on record.
    pub gaps: u64,
    /// Workloads seen.
    pub workloads: u64,
    /// Why the database did not take what was last sent (a full disk, for instance); none while it takes everything.
    /// What cannot be stored stays with its sender until there is room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses_writes: Option<String>,
}

impl Store {
    /// Opens the database, makes it when it is not there, and brings its schema up to date.
    pub async fn open(path: &Path, options: Options) -> Result<Self> {
        let open = |source| Error::Open { path: path.to_owned(), source };
        // FULL: a commit is on disk before it returns, which is what an acknowledgement promises.
        let base = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", CACHE_KIB)
            .foreign_keys(true);
        // A full disk makes SQLite undo the whole transaction by itself; what sqlx believes about its depth is wrong
        // from then on, and every later transaction would be refused. Such a connection is closed, not kept.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .after_release(|connection, _| {
                Box::pin(async {
                    // Rollbacks are queued when a transaction is dropped; the answer comes after them.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(base.clone())
            .await
            .map_err(open)?;
        sqlx::migrate!("./migrations")
            .run(&writer)
            .await
            .map_err(|source| Error::Migrate { path: path.to_owned(), source })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .connect_with(base.read_only(true))
            .await
            .map_err(open)?;
        let (commits, work) = mpsc::channel(MAX_WAITING);
        let (changed, _) = watch::channel(0);
        let (refused, refusal) = watch::channel(None);
        let committer = tokio::spawn(commit::run(writer.clone(), options, work, changed.clone(), refused));
        Ok(Self {
            inner: Arc::new(Inner {
                writer,
                readers,
                commits: Mutex::new(Some(commits)),
                committer: Mutex::new(Some(committer)),
                changed,
                refusal,
            }),
        })
    }

    /// Finishes what was accepted, folds the write-ahead log into the database and closes it.
    pub async fn close(&self) -> Result<()> {
        lock(&self.inner.commits).take();
        let committer = lock(&self.inner.committer).take();
        if let Some(committer) = committer {
            // The task ends when its channel does; a panic in it has been reported by the runtime already.
            drop(committer.await);
        }
        self.inner.readers.close().await;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.inner.writer).await?;
        self.inner.writer.close().await;
        Ok(())
    }

    /// Whether the database answers: for readiness.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(self.readers()).await?;
        Ok(())
    }

    /// A value that changes whenever something was committed that live streams show.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Numbers for a first page, for one cluster or all.
    pub async fn overview(&self, cluster: Option<&str>, now: Timestamp) -> Result<Overview> {
        let cluster = cluster.unwrap_or("");
        let day_ago = now.plus_millis(-86_400_000).as_nanos();
        let alerts_last_day = self
            .by_severity(
                "SELECT severity, COUNT(*) FROM alerts WHERE first_seen >= $1 AND ($2 = '' OR cluster = $2) \
                 GROUP BY severity",
                day_ago,
                cluster,
            )
            .await?;
        let open_incidents = self
            .by_severity(
                "SELECT severity, COUNT(*) FROM incidents WHERE status IN ('new', 'active') AND created >= $1 \
                 AND ($2 = '' OR cluster = $2) GROUP BY severity",
                i64::MIN,
                cluster,
            )
            .await?;
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM alerts WHERE $1 = '' OR cluster = $1), \
             (SELECT COUNT(*) FROM images), \
             (SELECT COUNT(*) FROM images WHERE critical + high > 0), \
             (SELECT COUNT(*) FROM images WHERE uncovered > 0), \
             (SELECT COUNT(*) FROM nodes WHERE $1 = '' OR cluster = $1), \
             (SELECT COUNT(*) FROM nodes WHERE silent_since IS NOT NULL AND ($1 = '' OR cluster = $1)), \
             (SELECT COUNT(*) FROM coverage WHERE state <> 'seen' AND ($1 = '' OR cluster = $1)), \
             (SELECT COUNT(*) FROM gaps WHERE $1 = '' OR cluster = $1), \
             (SELECT COUNT(*) FROM workloads WHERE $1 = '' OR cluster = $1)",
        )
        .bind(cluster)
        .fetch_one(self.readers())
        .await?;
        let number = |index: usize| -> Result<u64> { Ok(unsigned(row.try_get(index)?)) };
        Ok(Overview {
            open_incidents,
            alerts_last_day,
            alerts: number(0)?,
            images: number(1)?,
            images_at_risk: number(2)?,
            images_not_covered: number(3)?,
            nodes: number(4)?,
            nodes_silent: number(5)?,
            not_seen: number(6)?,
            gaps: number(7)?,
            workloads: number(8)?,
            refuses_writes: self.inner.refusal.borrow().clone(),
        })
    }

    async fn by_severity(&self, sql: &'static str, since: i64, cluster: &str) -> Result<SeverityCounts> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(sql).bind(since).bind(cluster).fetch_all(self.readers()).await?;
        let mut counts = SeverityCounts::default();
        for (rank, count) in rows {
            counts.add(severity_of(rank), unsigned(count));
        }
        Ok(counts)
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    pub(crate) fn commits(&self) -> Result<mpsc::Sender<commit::Work>> {
        lock(&self.inner.commits).clone().ok_or(Error::Closed)
    }

    /// A transaction that writes. It holds the only writing connection until it ends.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.inner.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Tells live streams to look.
    pub(crate) fn notify(&self) {
        self.inner.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts are never negative in the database; what a broken file says becomes 0.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Numbers beyond what a column holds become its largest.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The rank of a severity in a column.
pub(crate) const fn rank(severity: model::Severity) -> i64 {
    severity as i64
}

/// The severity of a rank.
pub(crate) const fn severity_of(rank: i64) -> model::Severity {
    match rank {
        1 => model::Severity::Informational,
        2 => model::Severity::Low,
        3 => model::Severity::Medium,
        4 => model::Severity::High,
        5 => model::Severity::Critical,
        _ => model::Severity::Unknown,
    }
}

/// A `LIKE` pattern that finds the text anywhere, its own wildcards taken literally (`ESCAPE '!'`).
pub(crate) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for char in text.to_lowercase().chars() {
        if matches!(char, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use model::Severity;

    use super::{anywhere, rank, severity_of};

    #[test]
    fn ranks_read_back() {
        for severity in [
            Severity::Unknown,
            Severity::Informational,
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ] {
            assert_eq!(severity_of(rank(severity)), severity);
        }
    }

    #[test]
    fn wildcards_are_literal() {
        assert_eq!(anywhere("50%_A!"), "%50!%!_a!!%");
    }
}
