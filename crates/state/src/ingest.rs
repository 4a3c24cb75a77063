//! Batches of the wire: what is new in them, applied once, acknowledged when durable (contract §7).
//!
//! A record counts by its place `(sender, boot_id, stream, seq)`: a place that is durable already is skipped, so a batch
//! sent twice changes nothing. A hole that the sender did not declare is recorded as a gap and shown; `acked` stays
//! before it, so that the sender can still fill it.

pub(crate) mod acks;
mod prepare;

use std::collections::BTreeMap;

use model::{BatchHeader, Gap, Timestamp};
use sqlx::{Row as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::alerts::IncomingAlert;
use crate::changes::{self, ChangeKind};
use crate::commit::Work;
use crate::error::stored;
use crate::store::{Options, signed, unsigned};
use crate::{Error, Result, Store, alerts, coverage, nodes, workloads};
use acks::Durable;
pub(crate) use prepare::{Item, Prepared, ScopeSeen};

/// The streams that a hub takes.
pub const STREAMS: &[&str] = &["alerts", "coverage", "events", "node_facts"];
/// Gaps that one header may declare; a sender merges neighbours, so more means it is broken or hostile.
pub const MAX_GAPS: usize = 1_000;
/// The cause of a gap that nobody declared.
pub const CAUSE_MISSING: &str = "undeclared";

/// A batch as it came, decoded and within the wire's limits.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its header. The caller has compared its sender with the certificate.
    pub header: BatchHeader,
    /// Its records, one JSON text each, in order.
    pub records: Vec<String>,
    /// The hub's clock.
    pub received: Timestamp,
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Highest sequence number up to which everything is durable.
    pub acked: u64,
    /// Records that were new.
    pub records: u64,
    /// Records that were durable already.
    pub repeated: u64,
    /// Records that could not be read, or that speak for another node; each is on record as a gap.
    pub rejected: u64,
}

impl Store {
    /// Applies a batch and returns when it is durable.
    pub async fn ingest(&self, batch: Batch) -> Result<Outcome> {
        check(&batch.header, batch.records.len())?;
        // Parsing tens of megabytes of JSON would stall the other tasks of this thread.
        let prepared = tokio::task::spawn_blocking(move || Prepared::of(batch)).await.map_err(|_| Error::Closed)?;
        self.submit(|answer| Work::Batch(Box::new(prepared), answer)).await
    }

    /// Records alerts that the hub made itself and returns when they are durable.
    pub async fn record_alerts(&self, alerts: Vec<model::Alert>, now: Timestamp) -> Result<Outcome> {
        let alerts = alerts
            .into_iter()
            .map(|alert| {
                let record = serde_json::to_string(&alert)
                    .map_err(|source| Error::Corrupt { what: "alert of the hub", source })?;
                Ok(IncomingAlert { alert, record })
            })
            .collect::<Result<Vec<_>>>()?;
        self.submit(|answer| Work::Alerts(alerts, now, answer)).await
    }

    async fn submit(&self, work: impl FnOnce(oneshot::Sender<Result<Outcome>>) -> Work) -> Result<Outcome> {
        let (answer, outcome) = oneshot::channel();
        self.commits()?.try_send(work(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        outcome.await.map_err(|_| Error::Closed)?
    }
}

/// What no honest sender writes.
fn check(header: &BatchHeader, records: usize) -> Result<()> {
    let refuse = |text: String| Err(Error::Inconsistent(text));
    let (first, last) = (header.first_seq, header.last_seq);
    if header.records != records as u64 {
        return refuse(format!("the header says {} records, {records} follow", header.records));
    }
    if last > i64::MAX as u64 || first > i64::MAX as u64 || first == 0 {
        return refuse(format!("sequence numbers {first} to {last} are outside 1 to 2^63-1"));
    }
    if last.checked_add(1).and_then(|end| end.checked_sub(first)) != Some(header.records) {
        return refuse(format!("sequence numbers {first} to {last} are not {} records", header.records));
    }
    if header.gaps.len() > MAX_GAPS {
        return refuse(format!("{} gaps declared, at most {MAX_GAPS} are read", header.gaps.len()));
    }
    for gap in &header.gaps {
        if gap.from == 0 || gap.to < gap.from || gap.to > i64::MAX as u64 {
            return refuse(format!("a gap from {} to {} is none", gap.from, gap.to));
        }
    }
    if !STREAMS.contains(&header.stream.as_str()) {
        return refuse(format!("there is no stream `{}`; streams are {}", header.stream, STREAMS.join(", ")));
    }
    Ok(())
}

/// Applies a prepared batch within a transaction.
pub(crate) async fn apply(connection: &mut SqliteConnection, options: Options, batch: Prepared) -> Result<Outcome> {
    let Prepared { header, records, received } = batch;
    let known = Known::load(connection, &header).await?;
    let mut durable = known.durable.clone();
    let mut outcome = Outcome::default();
    let mut fresh = Fresh::default();
    let mut rejected = Vec::new();
    for (seq, item) in (header.first_seq..).zip(records) {
        if durable.contains(seq) {
            outcome.repeated += 1;
            continue;
        }
        match item {
            Item::Rejected(cause) => rejected.push(Gap { from: seq, to: seq, cause: cause.to_owned() }),
            item => fresh.add(item),
        }
    }
    outcome.rejected = rejected.len() as u64;
    outcome.records = fresh.count;
    let complete = (header.records == 0 || durable.add(header.first_seq, header.last_seq))
        && header.gaps.iter().all(|gap| durable.add(gap.from, gap.to));
    if !complete {
        return Err(Error::Inconsistent(format!(
            "more than {} holes in stream `{}`: send what is missing first",
            acks::MAX_RANGES,
            header.stream
        )));
    }
    outcome.acked = durable.acked;
    let place = Place::of(&header);
    for gap in header.gaps.iter().chain(&rejected) {
        place.record_gap(connection, gap, "sender", received).await?;
    }
    if durable.holes() != known.durable.holes() {
        place.replace_holes(connection, &durable, received).await?;
    }
    known.save(connection, &header, &durable, outcome.records, received).await?;
    fresh.apply(connection, options, &header, received).await?;
    nodes::heard(connection, &header, received).await?;
    Ok(outcome)
}

/// The new items of a batch by kind.
#[derive(Default)]
struct Fresh {
    count: u64,
    alerts: Vec<IncomingAlert>,
    coverage: Vec<(model::Coverage, String)>,
    events: Vec<prepare::EventItem>,
    facts: Option<String>,
    scopes: Vec<ScopeSeen>,
}

impl Fresh {
    fn add(&mut self, item: Item) {
        self.count += 1;
        match item {
            Item::Alert(alert) => {
                self.scopes.push(ScopeSeen { scope: alert.alert.scope.clone(), time: alert.alert.last_seen });
                self.alerts.push(*alert);
            }
            Item::Coverage(coverage, record) => self.coverage.push((*coverage, record)),
            Item::Event(event) => self.events.push(*event),
            Item::Facts(facts) => self.facts = Some(facts),
            Item::Rejected(_) => {}
        }
    }

    async fn apply(
        mut self,
        connection: &mut SqliteConnection,
        options: Options,
        header: &BatchHeader,
        now: Timestamp,
    ) -> Result<()> {
        self.scopes.extend(self.events.iter().map(|event| ScopeSeen { scope: event.scope.clone(), time: event.time }));
        workloads::seen(connection, &self.scopes).await?;
        if !self.events.is_empty() {
            prepare::store_events(connection, options, header, &self.events).await?;
        }
        coverage::store(connection, header, &self.coverage, now).await?;
        if let (Some(facts), Some(node)) = (self.facts, &header.sender.node) {
            nodes::store_facts(connection, &header.sender.cluster, node, &facts, now).await?;
        }
        alerts::apply(connection, options, self.alerts, now).await
    }
}

/// What the store knows of the batch's stream.
struct Known {
    durable: Durable,
}

impl Known {
    async fn load(connection: &mut SqliteConnection, header: &BatchHeader) -> Result<Self> {
        let place = Place::of(header);
        let row = sqlx::query(
            "SELECT acked, beyond FROM streams \
             WHERE cluster = $1 AND node = $2 AND program = $3 AND boot_id = $4 AND stream = $5",
        )
        .bind(place.cluster)
        .bind(place.node)
        .bind(place.program)
        .bind(&place.boot_id)
        .bind(place.stream)
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(Self { durable: Durable::default() }) };
        let beyond: String = row.try_get(1)?;
        Ok(Self { durable: Durable { acked: unsigned(row.try_get(0)?), beyond: stored("list of ranges", &beyond)? } })
    }

    async fn save(
        &self,
        connection: &mut SqliteConnection,
        header: &BatchHeader,
        durable: &Durable,
        records: u64,
        now: Timestamp,
    ) -> Result<()> {
        let place = Place::of(header);
        let text = |value: serde_json::Result<String>| {
            value.map_err(|source| Error::Corrupt { what: "header of a batch", source })
        };
        sqlx::query(
            "INSERT INTO streams (cluster, node, program, boot_id, stream, version, acked, beyond, records, counters, \
             first_batch, last_batch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) \
             ON CONFLICT (cluster, node, program, boot_id, stream) DO UPDATE SET version = excluded.version, \
             acked = excluded.acked, beyond = excluded.beyond, records = streams.records + excluded.records, \
             counters = excluded.counters, last_batch = excluded.last_batch",
        )
        .bind(place.cluster)
        .bind(place.node)
        .bind(place.program)
        .bind(&place.boot_id)
        .bind(place.stream)
        .bind(&header.sender.version)
        .bind(signed(durable.acked))
        .bind(text(serde_json::to_string(&durable.beyond))?)
        .bind(signed(records))
        .bind(text(serde_json::to_string(&header.counters as &BTreeMap<_, _>))?)
        .bind(now.as_nanos())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The key of a stream.
struct Place<'a> {
    cluster: &'a str,
    node: &'a str,
    program: &'a str,
    boot_id: String,
    stream: &'a str,
}

impl<'a> Place<'a> {
    fn of(header: &'a BatchHeader) -> Self {
        Self {
            cluster: &header.sender.cluster,
            node: header.sender.node.as_deref().unwrap_or(""),
            program: &header.sender.program,
            boot_id: header.sender.boot_id.to_string(),
            stream: &header.stream,
        }
    }

    async fn record_gap(
        &self,
        connection: &mut SqliteConnection,
        gap: &Gap,
        source: &str,
        now: Timestamp,
    ) -> Result<()> {
        // The identity is the gap's own, so that a header that repeats it adds nothing.
        let name = format!(
            "{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}",
            self.cluster, self.node, self.program, self.boot_id, self.stream, gap.from, gap.to, source
        );
        let id = hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(name.as_bytes())[..16]);
        let done = sqlx::query(
            "INSERT INTO gaps (id, recorded, cluster, node, program, boot_id, stream, from_seq, to_seq, cause, source) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(now.as_nanos())
        .bind(self.cluster)
        .bind(self.node)
        .bind(self.program)
        .bind(&self.boot_id)
        .bind(self.stream)
        .bind(signed(gap.from))
        .bind(signed(gap.to))
        .bind(&gap.cause)
        .bind(source)
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() > 0 {
            changes::append(connection, &[(ChangeKind::Gap, self.cluster, self.node)], now).await?;
        }
        Ok(())
    }

    /// The holes that nobody declared are exactly those that are there now: filled ones disappear.
    async fn replace_holes(&self, connection: &mut SqliteConnection, durable: &Durable, now: Timestamp) -> Result<()> {
        sqlx::query(
            "DELETE FROM gaps WHERE cluster = $1 AND node = $2 AND program = $3 AND boot_id = $4 AND stream = $5 \
             AND source = 'hub'",
        )
        .bind(self.cluster)
        .bind(self.node)
        .bind(self.program)
        .bind(&self.boot_id)
        .bind(self.stream)
        .execute(&mut *connection)
        .await?;
        changes::append(connection, &[(ChangeKind::Gap, self.cluster, self.node)], now).await?;
        for (from, to) in durable.holes() {
            let gap = Gap { from, to, cause: CAUSE_MISSING.to_owned() };
            self.record_gap(connection, &gap, "hub", now).await?;
        }
        Ok(())
    }
}

/// A new `UUIDv7` at a point in time: ids that sort as they were made.
pub(crate) fn new_id(now: Timestamp) -> Uuid {
    let nanos = unsigned(now.as_nanos());
    let subsecond = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, nanos / 1_000_000_000, subsecond))
}
