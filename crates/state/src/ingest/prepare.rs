//! Records read outside the transaction: what each one is, or why it is refused. No database but for events' rows.

use model::{Alert, BatchHeader, CausalRoot, Coverage, Scope, Sender, Subject, Timestamp};
use serde::Deserialize;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Batch;
use crate::Result;
use crate::alerts::IncomingAlert;
use crate::store::Options;

/// A record is no JSON, or not what its stream carries.
pub(crate) const CAUSE_MALFORMED: &str = "malformed";
/// A record speaks for a cluster or node that its sender is not.
pub(crate) const CAUSE_FOREIGN: &str = "foreign_scope";
/// Rows in one INSERT: six columns each stay below `SQLite`'s 32,766 parameters and PostgreSQL's 65,535.
const EVENT_ROWS: usize = 1_000;

/// A batch ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub header: BatchHeader,
    pub records: Vec<Item>,
    pub received: Timestamp,
}

/// A record by what it is.
#[derive(Debug)]
pub(crate) enum Item {
    Alert(Box<IncomingAlert>),
    Coverage(Box<Coverage>, String),
    Event(Box<EventItem>),
    Facts(String),
    /// Refused, with the cause that its gap gets.
    Rejected(&'static str),
}

/// What the store needs of an event.
#[derive(Debug)]
pub(crate) struct EventItem {
    pub time: Timestamp,
    pub kind: String,
    pub scope: Scope,
    pub record: String,
}

/// A scope and when it was seen: where workloads come from.
#[derive(Debug)]
pub(crate) struct ScopeSeen {
    pub scope: Scope,
    pub time: Timestamp,
}

#[derive(Deserialize)]
struct EventHead {
    time: Timestamp,
    kind: String,
    scope: Scope,
}

impl Prepared {
    pub(crate) fn of(batch: Batch) -> Self {
        let Batch { header, records, received } = batch;
        let records = records.into_iter().map(|record| read(&header, record)).collect();
        Self { header, records, received }
    }
}

fn read(header: &BatchHeader, record: String) -> Item {
    let sender = &header.sender;
    match header.stream.as_str() {
        "alerts" => match serde_json::from_str::<Alert>(&record) {
            Ok(alert) if foreign(&alert.scope, sender) || foreign_root(&alert.causal_root, sender) => {
                Item::Rejected(CAUSE_FOREIGN)
            }
            Ok(alert) => Item::Alert(Box::new(IncomingAlert { alert, record })),
            Err(_) => Item::Rejected(CAUSE_MALFORMED),
        },
        "coverage" => match serde_json::from_str::<Coverage>(&record) {
            Ok(Coverage { subject: Subject::Scope { scope }, .. }) if foreign(&scope, sender) => {
                Item::Rejected(CAUSE_FOREIGN)
            }
            Ok(coverage) => Item::Coverage(Box::new(coverage), record),
            Err(_) => Item::Rejected(CAUSE_MALFORMED),
        },
        "events" => match serde_json::from_str::<EventHead>(&record) {
            Ok(head) if foreign(&head.scope, sender) => Item::Rejected(CAUSE_FOREIGN),
            Ok(EventHead { time, kind, scope }) => Item::Event(Box::new(EventItem { time, kind, scope, record })),
            Err(_) => Item::Rejected(CAUSE_MALFORMED),
        },
        _ => match serde_json::from_str::<model::NodeFacts>(&record) {
            Ok(_) => Item::Facts(record),
            Err(_) => Item::Rejected(CAUSE_MALFORMED),
        },
    }
}

/// A node speaks for itself only; a program of the cluster (no node in its certificate) for all of its cluster.
fn foreign(scope: &Scope, sender: &Sender) -> bool {
    scope.cluster != sender.cluster
        || matches!((&sender.node, &scope.node), (Some(sender), Some(scope)) if sender != scope)
}

fn foreign_root(root: &CausalRoot, sender: &Sender) -> bool {
    match root {
        CausalRoot::Process { cluster, node, .. } => {
            *cluster != sender.cluster || sender.node.as_ref().is_some_and(|sender| sender != node)
        }
        CausalRoot::Audit { cluster, .. } => *cluster != sender.cluster,
    }
}

/// Appends events and removes the oldest beyond the limit.
pub(super) async fn store_events(
    connection: &mut SqliteConnection,
    options: Options,
    header: &BatchHeader,
    events: &[EventItem],
) -> Result<()> {
    let mut position: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM events").fetch_one(&mut *connection).await?;
    let node = header.sender.node.as_deref().unwrap_or("");
    for chunk in events.chunks(EVENT_ROWS) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO events (position, time, cluster, node, kind, record) ");
        insert.push_values(chunk, |mut row, event| {
            position += 1;
            row.push_bind(position)
                .push_bind(event.time.as_nanos())
                .push_bind(&header.sender.cluster)
                .push_bind(event.scope.node.as_deref().unwrap_or(node))
                .push_bind(&event.kind)
                .push_bind(&event.record);
        });
        insert.build().execute(&mut *connection).await?;
    }
    sqlx::query("DELETE FROM events WHERE position <= $1")
        .bind(position - options.keep_events)
        .execute(connection)
        .await?;
    Ok(())
}
