//! Incidents: alerts of one causal root within a window become one (contract §3). Built here only, in the transaction
//! that writes the alerts.
//!
//! An alert joins the newest incident of its root when it began within the window around it. A closed incident takes
//! only alerts that began before it was closed (they were late); what begins later is a new incident.

use std::collections::{BTreeMap, HashMap};

use model::{Alert, CausalRoot, IncidentStatus, Scope, Severity, TimelineEntry, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::alerts::{IncomingAlert, identity, push_in};
use crate::changes::{self, ChangeKind};
use crate::error::stored;
use crate::ingest::new_id;
use crate::page::{Cursor, Page, PageRequest};
use crate::store::{Options, anywhere, rank, severity_of, unsigned};
use crate::{Error, Result, Store, trail};

/// Alerts that an incident's details list; the rest is in the list of alerts with the incident as filter.
pub const MAX_DETAIL_ALERTS: u32 = 1_000;

/// An incident as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IncidentSummary {
    /// Identity.
    pub id: Uuid,
    /// Title of its worst alert.
    pub title: String,
    /// The highest of its alerts.
    pub severity: Severity,
    /// What was said of it.
    pub status: IncidentStatus,
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How many alerts it has.
    pub alerts: u64,
    /// Where it began.
    pub scope: Scope,
    /// The hub's clock when it was made.
    pub created: Timestamp,
    /// First event of any alert.
    pub first_seen: Timestamp,
    /// Last event of any alert.
    pub last_seen: Timestamp,
}

/// An incident with its timeline.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IncidentDetails {
    /// What lists show.
    #[serde(flatten)]
    pub summary: IncidentSummary,
    /// The root that its alerts share.
    pub root: CausalRoot,
    /// Ids of its oldest alerts, at most [`MAX_DETAIL_ALERTS`].
    pub alert_ids: Vec<Uuid>,
    /// Alerts and what people did, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// Which incidents.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Of one cluster.
    pub cluster: Option<String>,
    /// Of these severities; all when empty.
    pub severities: Vec<Severity>,
    /// With these statuses; all when empty.
    pub statuses: Vec<IncidentStatus>,
    /// Whose title or place contains this, in any case.
    pub text: Option<String>,
}

/// What a person changes about an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentPatch {
    /// The new status.
    #[serde(default)]
    pub status: Option<IncidentStatus>,
    /// The new owner; an empty text for nobody.
    #[serde(default)]
    pub owner: Option<String>,
    /// A remark for the timeline.
    #[serde(default)]
    pub comment: Option<String>,
}

const COLUMNS: &str = "id, title, severity, status, owner, alerts, scope, created, first_seen, last_seen, root FROM incidents WHERE 1 = 1";

/// The name of a status in the database and in the API.
pub(crate) const fn status_name(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::New => "new",
        IncidentStatus::Active => "active",
        IncidentStatus::Resolved => "resolved",
        IncidentStatus::FalsePositive => "false_positive",
    }
}

pub(crate) fn status_of(name: &str) -> IncidentStatus {
    match name {
        "active" => IncidentStatus::Active,
        "resolved" => IncidentStatus::Resolved,
        "false_positive" => IncidentStatus::FalsePositive,
        _ => IncidentStatus::New,
    }
}

const fn is_closed(status: IncidentStatus) -> bool {
    matches!(status, IncidentStatus::Resolved | IncidentStatus::FalsePositive)
}

impl Store {
    /// Incidents, newest first.
    pub async fn incidents(&self, filter: &IncidentFilter, request: &PageRequest) -> Result<Page<IncidentSummary>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS}"));
        if let Some(cluster) = &filter.cluster {
            query.push(" AND cluster = ").push_bind(cluster.clone());
        }
        push_in(&mut query, "severity", filter.severities.iter().map(|severity| rank(*severity)));
        push_in(&mut query, "status", filter.statuses.iter().map(|status| status_name(*status)));
        if let Some(text) = &filter.text {
            query.push(" AND search LIKE ").push_bind(anywhere(text)).push(" ESCAPE '!'");
        }
        if let Some(after) = &request.after {
            query.push(" AND (created, id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone()).push(")");
        }
        query.push(" ORDER BY created DESC, id DESC LIMIT ").push_bind(request.fetch());
        let rows = query.build().fetch_all(self.readers()).await?;
        let rows = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(rows, request, |row| Cursor { at: row.created.as_nanos(), id: row.id.to_string() }))
    }

    /// One incident as lists show it.
    pub async fn incident_summary(&self, id: &str) -> Result<Option<IncidentSummary>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} AND id = "));
        query.push_bind(id.to_owned());
        query.build().fetch_optional(self.readers()).await?.as_ref().map(summary).transpose()
    }

    /// One incident with its timeline.
    pub async fn incident(&self, id: Uuid) -> Result<Option<IncidentDetails>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} AND id = "));
        query.push_bind(id.to_string());
        let Some(row) = query.build().fetch_optional(self.readers()).await? else { return Ok(None) };
        let root = stored("causal root", row.try_get(10)?)?;
        let summary = summary(&row)?;
        let mut timeline = Vec::new();
        let mut alert_ids = Vec::new();
        let alerts: Vec<(String, i64, String, String)> = sqlx::query_as(
            "SELECT id, first_seen, title, output FROM alerts WHERE incident = $1 ORDER BY first_seen, id LIMIT $2",
        )
        .bind(id.to_string())
        .bind(i64::from(MAX_DETAIL_ALERTS))
        .fetch_all(self.readers())
        .await?;
        for (alert, time, title, output) in alerts {
            let alert = identity(&alert);
            let text = if output.is_empty() { title } else { format!("{title}: {output}") };
            timeline.push(TimelineEntry { time: Timestamp::from_nanos(time), text, alert: Some(alert), by: None });
            alert_ids.push(alert);
        }
        let changes: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT time, actor, text FROM incident_changes WHERE incident = $1 ORDER BY time, id")
                .bind(id.to_string())
                .fetch_all(self.readers())
                .await?;
        timeline.extend(changes.into_iter().map(|(time, actor, text)| TimelineEntry {
            time: Timestamp::from_nanos(time),
            text,
            alert: None,
            by: Some(actor),
        }));
        timeline.sort_by_key(|entry| entry.time);
        Ok(Some(IncidentDetails { summary, root, alert_ids, timeline }))
    }

    /// Changes status or owner, or adds a remark; on record in the timeline and the audit trail. `false` when there is
    /// no such incident.
    pub async fn patch_incident(&self, id: Uuid, patch: &IncidentPatch, actor: &str, now: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let id = id.to_string();
        let row: Option<(String, Option<String>, String)> =
            sqlx::query_as("SELECT status, owner, cluster FROM incidents WHERE id = $1")
                .bind(&id)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some((status, owner, cluster)) = row else { return Ok(false) };
        let mut said = Vec::new();
        if let Some(new) = patch.status.filter(|new| status_name(*new) != status) {
            sqlx::query("UPDATE incidents SET status = $1, closed = $2 WHERE id = $3")
                .bind(status_name(new))
                .bind(is_closed(new).then_some(now.as_nanos()))
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
            sqlx::query("UPDATE alerts SET status = $1 WHERE incident = $2")
                .bind(status_name(new))
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
            said.push(format!("status {status} → {}", status_name(new)));
        }
        let new_owner = patch.owner.as_ref().map(|owner| Some(owner.trim().to_owned()).filter(|text| !text.is_empty()));
        if let Some(new) = new_owner.filter(|new| *new != owner) {
            sqlx::query("UPDATE incidents SET owner = $1 WHERE id = $2")
                .bind(&new)
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
            said.push(new.map_or_else(|| "owner removed".to_owned(), |new| format!("owner {new}")));
        }
        said.extend(patch.comment.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
        for text in &said {
            sqlx::query("INSERT INTO incident_changes (id, incident, time, actor, text) VALUES ($1, $2, $3, $4, $5)")
                .bind(new_id(now).to_string())
                .bind(&id)
                .bind(now.as_nanos())
                .bind(actor)
                .bind(text)
                .execute(&mut *transaction)
                .await?;
        }
        if !said.is_empty() {
            trail::record(&mut transaction, actor, "incident.patch", &id, &said.join("; "), now).await?;
            changes::append(&mut transaction, &[(ChangeKind::Incident, &cluster, &id)], now).await?;
        }
        transaction.commit().await?;
        self.notify();
        Ok(true)
    }
}

fn summary(row: &SqliteRow) -> Result<IncidentSummary> {
    Ok(IncidentSummary {
        id: identity(row.try_get(0)?),
        title: row.try_get(1)?,
        severity: severity_of(row.try_get(2)?),
        status: status_of(row.try_get(3)?),
        owner: row.try_get(4)?,
        alerts: unsigned(row.try_get(5)?),
        scope: stored("scope", row.try_get(6)?)?,
        created: Timestamp::from_nanos(row.try_get(7)?),
        first_seen: Timestamp::from_nanos(row.try_get(8)?),
        last_seen: Timestamp::from_nanos(row.try_get(9)?),
    })
}

/// Incidents that a transaction changed: id and cluster.
#[derive(Debug, Default)]
pub(crate) struct Changed(BTreeMap<String, String>);

impl Changed {
    fn add(&mut self, id: &str, cluster: &str) {
        self.0.insert(id.to_owned(), cluster.to_owned());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(id, cluster)| (id.as_str(), cluster.as_str()))
    }
}

/// An incident while alerts join it.
struct Open {
    id: String,
    first_seen: i64,
    last_seen: i64,
    severity: i64,
    title: String,
    status: String,
    closed: Option<i64>,
    added: i64,
    /// Not in the database yet: its first alert makes it.
    founder: Option<usize>,
}

impl Open {
    fn takes(&self, alert: &Alert, window_nanos: i64) -> bool {
        let first = alert.first_seen.as_nanos();
        let near = first <= self.last_seen.saturating_add(window_nanos)
            && alert.last_seen.as_nanos() >= self.first_seen.saturating_sub(window_nanos);
        near && self.closed.is_none_or(|closed| first <= closed)
    }

    fn join(&mut self, alert: &Alert) {
        self.first_seen = self.first_seen.min(alert.first_seen.as_nanos());
        self.last_seen = self.last_seen.max(alert.last_seen.as_nanos());
        if rank(alert.severity) > self.severity {
            self.severity = rank(alert.severity);
            self.title.clone_from(&alert.title);
        }
        self.added += 1;
    }
}

/// Finds or makes the incident of each new alert; gives its id and status.
pub(crate) async fn assign(
    connection: &mut SqliteConnection,
    options: Options,
    alerts: &[IncomingAlert],
    now: Timestamp,
    changed: &mut Changed,
) -> Result<HashMap<Uuid, (String, String)>> {
    let window = options.incident_window_ms.saturating_mul(1_000_000);
    let mut by_root: BTreeMap<(&str, String), Vec<usize>> = BTreeMap::new();
    for (index, IncomingAlert { alert, .. }) in alerts.iter().enumerate() {
        by_root.entry((&alert.scope.cluster, alert.causal_root.key())).or_default().push(index);
    }
    let mut incident_of = HashMap::new();
    for ((cluster, root), members) in by_root {
        let mut open: Vec<Open> = newest(connection, cluster, &root).await?.into_iter().collect();
        for index in members {
            let alert = &alerts[index].alert;
            let at = open.iter().rposition(|incident| incident.takes(alert, window)).unwrap_or_else(|| {
                open.push(found(alert, index, now));
                open.len() - 1
            });
            open[at].join(alert);
            incident_of.insert(alert.id, (open[at].id.clone(), open[at].status.clone()));
        }
        for incident in open.iter().filter(|incident| incident.added > 0) {
            match incident.founder {
                Some(index) => create(connection, incident, &root, &alerts[index].alert, now).await?,
                None => extend(connection, incident).await?,
            }
            changed.add(&incident.id, cluster);
        }
    }
    Ok(incident_of)
}

fn found(alert: &Alert, index: usize, now: Timestamp) -> Open {
    Open {
        id: new_id(now).to_string(),
        first_seen: alert.first_seen.as_nanos(),
        last_seen: alert.last_seen.as_nanos(),
        severity: rank(alert.severity),
        title: alert.title.clone(),
        status: status_name(IncidentStatus::New).to_owned(),
        closed: None,
        added: 0,
        founder: Some(index),
    }
}

async fn newest(connection: &mut SqliteConnection, cluster: &str, root: &str) -> Result<Option<Open>> {
    let row = sqlx::query(
        "SELECT id, first_seen, last_seen, severity, title, closed, status FROM incidents \
         WHERE cluster = $1 AND root_key = $2 ORDER BY created DESC, id DESC LIMIT 1",
    )
    .bind(cluster)
    .bind(root)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Open {
        id: row.try_get(0)?,
        first_seen: row.try_get(1)?,
        last_seen: row.try_get(2)?,
        severity: row.try_get(3)?,
        title: row.try_get(4)?,
        closed: row.try_get(5)?,
        status: row.try_get(6)?,
        added: 0,
        founder: None,
    }))
}

async fn create(
    connection: &mut SqliteConnection,
    incident: &Open,
    root: &str,
    first: &Alert,
    now: Timestamp,
) -> Result<()> {
    let json = |text: serde_json::Result<String>| text.map_err(|source| Error::Corrupt { what: "alert", source });
    let place = first.scope.display_name();
    sqlx::query(
        "INSERT INTO incidents (id, created, first_seen, last_seen, cluster, root_key, root, title, severity, status, \
         owner, alerts, scope, closed, search) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'new', NULL, $10, $11, NULL, $12)",
    )
    .bind(&incident.id)
    .bind(now.as_nanos())
    .bind(incident.first_seen)
    .bind(incident.last_seen)
    .bind(&first.scope.cluster)
    .bind(root)
    .bind(json(serde_json::to_string(&first.causal_root))?)
    .bind(&incident.title)
    .bind(incident.severity)
    .bind(incident.added)
    .bind(json(serde_json::to_string(&first.scope))?)
    .bind(format!("{} {place}", incident.title).to_lowercase())
    .execute(connection)
    .await?;
    Ok(())
}

async fn extend(connection: &mut SqliteConnection, incident: &Open) -> Result<()> {
    sqlx::query(
        "UPDATE incidents SET alerts = alerts + $1, first_seen = $2, last_seen = $3, severity = $4, title = $5 \
         WHERE id = $6",
    )
    .bind(incident.added)
    .bind(incident.first_seen)
    .bind(incident.last_seen)
    .bind(incident.severity)
    .bind(&incident.title)
    .bind(&incident.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// A known alert of the incident was seen again.
pub(crate) async fn raise(
    connection: &mut SqliteConnection,
    incident: &str,
    alert: &Alert,
    changed: &mut Changed,
) -> Result<()> {
    sqlx::query("UPDATE incidents SET last_seen = $1 WHERE id = $2 AND last_seen < $1")
        .bind(alert.last_seen.as_nanos())
        .bind(incident)
        .execute(connection)
        .await?;
    changed.add(incident, &alert.scope.cluster);
    Ok(())
}
