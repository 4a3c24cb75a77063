//! Group commit: batches that arrive while the disk works share the next transaction.
//!
//! A commit costs a flush to disk whatever it holds. One task takes all that waits (up to a limit), applies each batch
//! in a savepoint of its own, so that a bad one costs only itself, commits once, and only then answers.

use model::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{Acquire as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::alerts::IncomingAlert;
use crate::ingest::{Outcome, Prepared};
use crate::store::Options;
use crate::{Error, Result, alerts, ingest};

/// Records in one transaction: bounds how long the first batch of a group waits for the last.
const MAX_GROUP_RECORDS: usize = 20_000;

/// Something to write, with where the answer goes.
#[derive(Debug)]
pub(crate) enum Work {
    /// A batch of the wire.
    Batch(Box<Prepared>, oneshot::Sender<Result<Outcome>>),
    /// Alerts that the hub made itself.
    Alerts(Vec<IncomingAlert>, Timestamp, oneshot::Sender<Result<Outcome>>),
}

impl Work {
    fn records(&self) -> usize {
        match self {
            Self::Batch(batch, _) => batch.records.len(),
            Self::Alerts(alerts, ..) => alerts.len(),
        }
    }
}

/// Runs until the channel closes.
pub(crate) async fn run(
    pool: SqlitePool,
    options: Options,
    mut work: mpsc::Receiver<Work>,
    changed: watch::Sender<u64>,
    refusal: watch::Sender<Option<String>>,
) {
    while let Some(first) = work.recv().await {
        let mut records = first.records();
        let mut group = vec![first];
        while records < MAX_GROUP_RECORDS {
            let Ok(next) = work.try_recv() else { break };
            records += next.records();
            group.push(next);
        }
        let mut answers = Vec::with_capacity(group.len());
        let committed = commit(&pool, options, group, &mut answers).await;
        refusal.send_if_modified(|said| {
            let now = refused(&committed, &answers);
            let differs = *said != now;
            *said = now;
            differs
        });
        changed.send_modify(|count| *count = count.wrapping_add(1));
        for (answer, result) in answers {
            let result = match &committed {
                Ok(()) => result,
                Err(error) => Err(Error::Commit(describe(error))),
            };
            // Nobody listens when the connection was cut; the sender will ask again.
            drop(answer.send(result));
        }
    }
}

/// What the database said when it did not take the last group: a full disk, a read-only one, a broken file.
fn refused(committed: &Result<()>, answers: &[Answer]) -> Option<String> {
    let of = |error: &Error| matches!(error, Error::Database(_)).then(|| describe(error));
    committed
        .as_ref()
        .err()
        .and_then(of)
        .or_else(|| answers.iter().find_map(|(_, result)| of(result.as_ref().err()?)))
}

type Answer = (oneshot::Sender<Result<Outcome>>, Result<Outcome>);

async fn commit(pool: &SqlitePool, options: Options, group: Vec<Work>, answers: &mut Vec<Answer>) -> Result<()> {
    let mut work = group.into_iter();
    let result = commit_all(pool, options, &mut work, answers).await;
    // What was not reached gets the group's error too.
    for rest in work {
        let (Work::Batch(_, answer) | Work::Alerts(.., answer)) = rest;
        answers.push((answer, Err(Error::Closed)));
    }
    result
}

async fn commit_all(
    pool: &SqlitePool,
    options: Options,
    work: &mut std::vec::IntoIter<Work>,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    let mut transaction = match pool.begin_with("BEGIN IMMEDIATE").await {
        Ok(transaction) => transaction,
        Err(error) => {
            tracing::error!(%error, "the state database refuses to begin a transaction");
            return Err(error.into());
        }
    };
    for one in work {
        let mut savepoint = transaction.begin().await?;
        let (answer, result) = match one {
            Work::Batch(batch, answer) => (answer, ingest::apply(&mut savepoint, options, *batch).await),
            Work::Alerts(alerts, now, answer) => (answer, apply_own(&mut savepoint, options, alerts, now).await),
        };
        let ended = if result.is_ok() { savepoint.commit().await } else { savepoint.rollback().await };
        answers.push((answer, result));
        ended?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn apply_own(
    connection: &mut SqliteConnection,
    options: Options,
    alerts: Vec<IncomingAlert>,
    now: Timestamp,
) -> Result<Outcome> {
    let records = alerts.len() as u64;
    alerts::apply(connection, options, alerts, now).await?;
    Ok(Outcome { acked: 0, records, repeated: 0, rejected: 0 })
}

fn describe(error: &Error) -> String {
    match error {
        Error::Database(source) => source.to_string(),
        other => other.to_string(),
    }
}
