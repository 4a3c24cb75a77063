//! Alerts: written with their incidents in one transaction, listed by columns, kept as they came.

use std::collections::{BTreeMap, HashMap};

use model::{Alert, Scope, Severity, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::changes::{self, ChangeKind};
use crate::error::stored;
use crate::incidents;
use crate::page::{Cursor, Page, PageRequest};
use crate::store::{Options, anywhere, rank, severity_of, signed, unsigned};
use crate::{Result, Store};

/// Rows in one INSERT: 18 parameters each stay below `SQLite`'s 32,766.
const ROWS: usize = 500;
/// Characters of an alert's searchable text: names and a line of output; more would only slow the search.
const MAX_SEARCH_CHARS: usize = 1_024;

/// An alert with its text as it came, unknown fields and all.
#[derive(Debug)]
pub(crate) struct IncomingAlert {
    pub alert: Alert,
    pub record: String,
}

/// An alert as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlertSummary {
    /// Identity.
    pub id: Uuid,
    /// Key of the catalogue, or the user's rule name.
    pub key: String,
    /// The rule that raised it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Title.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// MITRE ATT&CK tactics.
    pub tactics: Vec<String>,
    /// First event.
    pub first_seen: Timestamp,
    /// Last event.
    pub last_seen: Timestamp,
    /// How many times within the window.
    pub count: u64,
    /// Where.
    pub scope: Scope,
    /// The rule's formatted output.
    pub output: String,
    /// Name of the process; empty without one.
    pub process: String,
    /// The incident that it belongs to.
    pub incident: Uuid,
    /// The incident's status.
    pub status: model::IncidentStatus,
}

/// An alert as it came, and where it belongs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertRecord {
    /// The incident that it belongs to.
    pub incident: Uuid,
    /// The alert, with fields that this program does not know.
    #[schemars(with = "Alert")]
    pub alert: Box<RawValue>,
}

/// Which alerts.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    /// Of one cluster.
    pub cluster: Option<String>,
    /// Of one node.
    pub node: Option<String>,
    /// Of one namespace.
    pub namespace: Option<String>,
    /// Of these severities; all when empty.
    pub severities: Vec<Severity>,
    /// Whose incident has one of these statuses; all when empty.
    pub statuses: Vec<model::IncidentStatus>,
    /// With this key.
    pub key: Option<String>,
    /// Of one incident.
    pub incident: Option<Uuid>,
    /// Whose text contains this, in any case.
    pub text: Option<String>,
}

/// The columns that [`summary`] reads, in its order.
const COLUMNS: &str = "a.id, a.alert_key, a.rule, a.title, a.severity, a.tactics, a.first_seen, a.last_seen, a.count, \
                       a.scope, a.output, a.process_name, a.incident, a.status";

impl Store {
    /// Alerts, newest first.
    pub async fn alerts(&self, filter: &AlertFilter, request: &PageRequest) -> Result<Page<AlertSummary>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} FROM alerts a WHERE 1 = 1"));
        filter.push(&mut query);
        if let Some(after) = &request.after {
            query.push(" AND (a.first_seen, a.id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone());
            query.push(")");
        }
        query.push(" ORDER BY a.first_seen DESC, a.id DESC LIMIT ").push_bind(request.fetch());
        let rows = query.build().fetch_all(self.readers()).await?;
        let rows = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(rows, request, |row| Cursor { at: row.first_seen.as_nanos(), id: row.id.to_string() }))
    }

    /// One alert as lists show it.
    pub async fn alert_summary(&self, id: &str) -> Result<Option<AlertSummary>> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new(format!("SELECT {COLUMNS} FROM alerts a WHERE a.id = "));
        query.push_bind(id.to_owned());
        query.build().fetch_optional(self.readers()).await?.as_ref().map(summary).transpose()
    }

    /// One alert as it came.
    pub async fn alert(&self, id: Uuid) -> Result<Option<AlertRecord>> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT a.incident, r.record FROM alerts a JOIN alert_records r ON r.id = a.id WHERE a.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(self.readers())
        .await?;
        let Some((incident, record)) = row else { return Ok(None) };
        Ok(Some(AlertRecord { incident: identity(&incident), alert: stored("alert", &record)? }))
    }
}

impl AlertFilter {
    fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        let columns = [
            ("a.cluster", &self.cluster),
            ("a.node", &self.node),
            ("a.namespace", &self.namespace),
            ("a.alert_key", &self.key),
        ];
        for (column, value) in columns {
            if let Some(value) = value {
                query.push(format!(" AND {column} = ")).push_bind(value.clone());
            }
        }
        if let Some(incident) = self.incident {
            query.push(" AND a.incident = ").push_bind(incident.to_string());
        }
        push_in_order(query, ("a.severity", "a.severity + 0"), self.severities.iter().map(|severity| rank(*severity)));
        push_in_order(
            query,
            ("a.status", "a.status || ''"),
            self.statuses.iter().map(|status| incidents::status_name(*status)),
        );
        if let Some(text) = &self.text {
            query.push(" AND a.search LIKE ").push_bind(anywhere(text)).push(" ESCAPE '!'");
        }
    }
}

/// The same for lists in the order of time: one value can use its index, which has that order; several would be sorted
/// as a whole, so for them the expression hides the column from the planner and the index of time is walked.
fn push_in_order<T>(
    query: &mut QueryBuilder<Sqlite>,
    (column, expression): (&str, &str),
    values: impl ExactSizeIterator<Item = T>,
) where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + Send + 'static,
{
    push_in(query, if values.len() == 1 { column } else { expression }, values);
}

/// `AND column IN (…)`, nothing for no values.
pub(crate) fn push_in<T>(query: &mut QueryBuilder<Sqlite>, column: &str, values: impl ExactSizeIterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + Send + 'static,
{
    if values.len() == 0 {
        return;
    }
    query.push(format!(" AND {column} IN ("));
    let mut separated = query.separated(", ");
    for value in values {
        separated.push_bind(value);
    }
    separated.push_unseparated(")");
}

/// An id column; what is no UUID in a broken file becomes the nil one.
pub(crate) fn identity(text: &str) -> Uuid {
    text.parse().unwrap_or_default()
}

fn summary(row: &SqliteRow) -> Result<AlertSummary> {
    Ok(AlertSummary {
        id: identity(row.try_get(0)?),
        key: row.try_get(1)?,
        rule: row.try_get(2)?,
        title: row.try_get(3)?,
        severity: severity_of(row.try_get(4)?),
        tactics: stored("list of tactics", row.try_get(5)?)?,
        first_seen: Timestamp::from_nanos(row.try_get(6)?),
        last_seen: Timestamp::from_nanos(row.try_get(7)?),
        count: unsigned(row.try_get(8)?),
        scope: stored("scope", row.try_get(9)?)?,
        output: row.try_get(10)?,
        process: row.try_get(11)?,
        incident: identity(row.try_get(12)?),
        status: incidents::status_of(row.try_get(13)?),
    })
}

/// Writes alerts, new and known ones, and their incidents.
pub(crate) async fn apply(
    connection: &mut SqliteConnection,
    options: Options,
    alerts: Vec<IncomingAlert>,
    now: Timestamp,
) -> Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    // The same alert twice in a batch: the higher count is the newer state.
    let mut newest: BTreeMap<Uuid, IncomingAlert> = BTreeMap::new();
    for incoming in alerts {
        match newest.get(&incoming.alert.id) {
            Some(known) if known.alert.count >= incoming.alert.count => {}
            _ => drop(newest.insert(incoming.alert.id, incoming)),
        }
    }
    let known = known_incidents(connection, newest.keys()).await?;
    let (repeated, mut fresh): (Vec<_>, Vec<_>) =
        newest.into_values().partition(|incoming| known.contains_key(&incoming.alert.id));
    fresh.sort_by_key(|incoming| (incoming.alert.first_seen, incoming.alert.id));
    let mut changed = incidents::Changed::default();
    let mut changed_alerts: Vec<(String, String)> = Vec::new();
    for incoming in &repeated {
        if update(connection, incoming).await? {
            changed_alerts.push((incoming.alert.scope.cluster.clone(), incoming.alert.id.to_string()));
            if let Some(incident) = known.get(&incoming.alert.id) {
                incidents::raise(connection, incident, &incoming.alert, &mut changed).await?;
            }
        }
    }
    let incident_of = incidents::assign(connection, options, &fresh, now, &mut changed).await?;
    insert(connection, &fresh, &incident_of).await?;
    changed_alerts
        .extend(fresh.iter().map(|incoming| (incoming.alert.scope.cluster.clone(), incoming.alert.id.to_string())));
    let mut all: Vec<(ChangeKind, &str, &str)> =
        changed_alerts.iter().map(|(cluster, id)| (ChangeKind::Alert, cluster.as_str(), id.as_str())).collect();
    all.extend(changed.iter().map(|(id, cluster)| (ChangeKind::Incident, cluster, id)));
    changes::append(connection, &all, now).await
}

async fn known_incidents(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = &Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let ids: Vec<String> = ids.map(Uuid::to_string).collect();
    let mut known = HashMap::new();
    for chunk in ids.chunks(ROWS) {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT id, incident FROM alerts WHERE 1 = 1");
        push_in(&mut query, "id", chunk.iter().cloned());
        for row in query.build().fetch_all(&mut *connection).await? {
            known.insert(identity(row.try_get(0)?), row.try_get(1)?);
        }
    }
    Ok(known)
}

/// Raises a known alert's count. Only its own cluster and node may: an id is no secret.
async fn update(connection: &mut SqliteConnection, incoming: &IncomingAlert) -> Result<bool> {
    let alert = &incoming.alert;
    let id = alert.id.to_string();
    let done = sqlx::query(
        "UPDATE alerts SET count = $1, last_seen = CASE WHEN last_seen > $2 THEN last_seen ELSE $2 END, output = $3 \
         WHERE id = $4 AND count < $1 AND cluster = $5 AND node = $6",
    )
    .bind(signed(alert.count))
    .bind(alert.last_seen.as_nanos())
    .bind(&alert.output)
    .bind(&id)
    .bind(&alert.scope.cluster)
    .bind(alert.scope.node.as_deref().unwrap_or(""))
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE alert_records SET record = $1 WHERE id = $2")
        .bind(&incoming.record)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(true)
}

async fn insert(
    connection: &mut SqliteConnection,
    alerts: &[IncomingAlert],
    incident_of: &HashMap<Uuid, (String, String)>,
) -> Result<()> {
    for chunk in alerts.chunks(ROWS) {
        let mut rows: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO alerts (id, first_seen, last_seen, count, cluster, node, namespace, alert_key, rule, title, \
             severity, tactics, scope, output, process_name, incident, status, search) ",
        );
        let mut texts = Vec::with_capacity(chunk.len());
        for incoming in chunk {
            let json = |text: serde_json::Result<String>| {
                text.map_err(|source| crate::Error::Corrupt { what: "alert", source })
            };
            let alert = &incoming.alert;
            texts.push((json(serde_json::to_string(&alert.tactics))?, json(serde_json::to_string(&alert.scope))?));
        }
        rows.push_values(chunk.iter().zip(texts), |mut row, (IncomingAlert { alert, .. }, (tactics, scope))| {
            row.push_bind(alert.id.to_string())
                .push_bind(alert.first_seen.as_nanos())
                .push_bind(alert.last_seen.as_nanos())
                .push_bind(signed(alert.count))
                .push_bind(&alert.scope.cluster)
                .push_bind(alert.scope.node.as_deref().unwrap_or(""))
                .push_bind(alert.scope.namespace.as_deref().unwrap_or(""))
                .push_bind(&alert.key)
                .push_bind(&alert.rule)
                .push_bind(&alert.title)
                .push_bind(rank(alert.severity))
                .push_bind(tactics)
                .push_bind(scope)
                .push_bind(&alert.output)
                .push_bind(alert.process.as_ref().map_or("", |process| process.name.as_str()))
                .push_bind(incident_of.get(&alert.id).map_or("", |(incident, _)| incident.as_str()))
                .push_bind(incident_of.get(&alert.id).map_or("new", |(_, status)| status.as_str()))
                .push_bind(search_text(alert));
        });
        rows.build().execute(&mut *connection).await?;
        let mut records: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO alert_records (id, record) ");
        records.push_values(chunk, |mut row, incoming| {
            row.push_bind(incoming.alert.id.to_string()).push_bind(&incoming.record);
        });
        records.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// What a search for an alert looks through.
fn search_text(alert: &Alert) -> String {
    let process = alert.process.as_ref();
    let parts = [
        alert.title.as_str(),
        alert.key.as_str(),
        alert.rule.as_deref().unwrap_or(""),
        &alert.scope.display_name(),
        alert.scope.node.as_deref().unwrap_or(""),
        alert.scope.image.as_ref().map_or("", |image| image.reference.as_str()),
        process.map_or("", |process| process.name.as_str()),
        process.map_or("", |process| process.exe.as_str()),
        alert.output.as_str(),
    ];
    parts.join(" ").to_lowercase().chars().take(MAX_SEARCH_CHARS).collect()
}
