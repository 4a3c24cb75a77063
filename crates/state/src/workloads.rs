//! Workloads: the containers that scopes of events and alerts name, by the workload that they belong to.

use std::collections::BTreeMap;

use model::{Scope, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::ingest::ScopeSeen;
use crate::page::{Cursor, Page, PageRequest};
use crate::store::anywhere;
use crate::{Result, Store};

/// A container of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WorkloadRow {
    /// Identity: a hash of cluster, namespace, workload and container name.
    pub id: String,
    /// Its cluster.
    pub cluster: String,
    /// Its namespace; empty without Kubernetes.
    pub namespace: String,
    /// Kind of the workload: a Kubernetes kind, `Pod`, or `Container` without Kubernetes.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Name of the container.
    pub container: String,
    /// The node where it was seen last.
    pub node: String,
    /// The image's reference; empty when not known.
    pub image: String,
    /// The image's digest; empty when not known.
    pub image_digest: String,
    /// Digest of the image's configuration; empty when not known.
    pub config_digest: String,
    /// Whether it runs with all privileges, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// First seen.
    pub first_seen: Timestamp,
    /// Last seen.
    pub last_seen: Timestamp,
    /// The image's assessment, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
}

/// Which workloads.
#[derive(Debug, Clone, Default)]
pub struct WorkloadFilter {
    /// Of one cluster.
    pub cluster: Option<String>,
    /// Of one node.
    pub node: Option<String>,
    /// Of one namespace.
    pub namespace: Option<String>,
    /// Whose name, container or image contains this.
    pub text: Option<String>,
}

impl Store {
    /// Workloads by id.
    pub async fn workloads(&self, filter: &WorkloadFilter, request: &PageRequest) -> Result<Page<WorkloadRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT w.id, w.cluster, w.namespace, w.kind, w.name, w.container, w.node, w.image, w.image_digest, \
             w.config_digest, w.privileged, w.first_seen, w.last_seen, \
             (SELECT MAX(i.id) FROM images i WHERE (w.image_digest <> '' AND \
               (i.manifest_digest = w.image_digest OR i.index_digest = w.image_digest OR i.config_digest = w.image_digest)) \
              OR (w.config_digest <> '' AND i.config_digest = w.config_digest) \
              OR (w.image_digest = '' AND w.config_digest = '' AND w.image <> '' AND \
               i.id IN (SELECT n.image FROM image_names n WHERE n.reference = w.image))) \
             FROM workloads w WHERE 1 = 1",
        );
        let columns = [("cluster", &filter.cluster), ("node", &filter.node), ("namespace", &filter.namespace)];
        for (column, value) in columns {
            if let Some(value) = value {
                query.push(format!(" AND w.{column} = ")).push_bind(value.clone());
            }
        }
        if let Some(text) = &filter.text {
            query.push(" AND LOWER(w.name || ' ' || w.container || ' ' || w.image) LIKE ");
            query.push_bind(anywhere(text)).push(" ESCAPE '!'");
        }
        if let Some(after) = &request.after {
            query.push(" AND w.id > ").push_bind(after.id.clone());
        }
        query.push(" ORDER BY w.id LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            let privileged: Option<i64> = row.try_get(10)?;
            rows.push(WorkloadRow {
                id: row.try_get(0)?,
                cluster: row.try_get(1)?,
                namespace: row.try_get(2)?,
                kind: row.try_get(3)?,
                name: row.try_get(4)?,
                container: row.try_get(5)?,
                node: row.try_get(6)?,
                image: row.try_get(7)?,
                image_digest: row.try_get(8)?,
                config_digest: row.try_get(9)?,
                privileged: privileged.map(|flag| flag != 0),
                first_seen: Timestamp::from_nanos(row.try_get(11)?),
                last_seen: Timestamp::from_nanos(row.try_get(12)?),
                image_id: row.try_get(13)?,
            });
        }
        Ok(Page::of(rows, request, |row| Cursor { at: 0, id: row.id.clone() }))
    }

    /// References of images that containers run and that were never assessed, at most `limit`.
    pub async fn images_not_assessed(&self, limit: u32) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT w.image FROM workloads w WHERE w.image <> '' AND NOT EXISTS \
             (SELECT 1 FROM image_names n WHERE n.reference = w.image) ORDER BY w.image LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?)
    }
}

/// Records the containers that scopes name.
pub(crate) async fn seen(connection: &mut SqliteConnection, scopes: &[ScopeSeen]) -> Result<()> {
    // One statement per container and batch, however many events it made.
    let mut newest: BTreeMap<String, (&Scope, Timestamp, Timestamp)> = BTreeMap::new();
    for ScopeSeen { scope, time } in scopes {
        if scope.container.is_none() {
            continue;
        }
        let entry = newest.entry(id(scope)).or_insert((scope, *time, *time));
        entry.1 = entry.1.min(*time);
        if *time >= entry.2 {
            (entry.0, entry.2) = (scope, *time);
        }
    }
    for (id, (scope, first, last)) in newest {
        upsert(connection, &id, scope, first, last).await?;
    }
    Ok(())
}

fn id(scope: &Scope) -> String {
    let (kind, name) = workload(scope);
    let container = scope.container.as_ref().map_or("", |container| container.name.as_str());
    let namespace = scope.namespace.as_deref().unwrap_or("");
    // Without Kubernetes names are only unique on their machine.
    let node = if scope.pod.is_none() { scope.node.as_deref().unwrap_or("") } else { "" };
    let name = [&scope.cluster, node, namespace, kind, name, container].join("\u{1f}");
    hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(name.as_bytes())[..16])
}

fn workload(scope: &Scope) -> (&str, &str) {
    match (&scope.workload, &scope.pod, &scope.container) {
        (Some(workload), ..) => (&workload.kind, &workload.name),
        (None, Some(pod), _) => ("Pod", &pod.name),
        (None, None, Some(container)) => ("Container", &container.name),
        (None, None, None) => ("", ""),
    }
}

async fn upsert(
    connection: &mut SqliteConnection,
    id: &str,
    scope: &Scope,
    first: Timestamp,
    last: Timestamp,
) -> Result<()> {
    let (kind, name) = workload(scope);
    let container = scope.container.as_ref();
    let image = scope.image.as_ref();
    // What is known stays known: a scope that does not name the digest yet does not remove it, another image does.
    sqlx::query(
        "INSERT INTO workloads (id, cluster, namespace, kind, name, container, node, image, image_digest, \
         config_digest, privileged, first_seen, last_seen) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET \
         node = excluded.node, \
         image_digest = CASE WHEN excluded.image_digest <> '' THEN excluded.image_digest \
           WHEN excluded.image <> '' AND excluded.image <> workloads.image THEN '' ELSE workloads.image_digest END, \
         config_digest = CASE WHEN excluded.config_digest <> '' THEN excluded.config_digest \
           WHEN excluded.image <> '' AND excluded.image <> workloads.image THEN '' ELSE workloads.config_digest END, \
         image = CASE WHEN excluded.image <> '' THEN excluded.image ELSE workloads.image END, \
         privileged = COALESCE(excluded.privileged, workloads.privileged), \
         first_seen = CASE WHEN excluded.first_seen < workloads.first_seen THEN excluded.first_seen \
           ELSE workloads.first_seen END, \
         last_seen = CASE WHEN excluded.last_seen > workloads.last_seen THEN excluded.last_seen \
           ELSE workloads.last_seen END",
    )
    .bind(id)
    .bind(&scope.cluster)
    .bind(scope.namespace.as_deref().unwrap_or(""))
    .bind(kind)
    .bind(name)
    .bind(container.map_or("", |container| container.name.as_str()))
    .bind(scope.node.as_deref().unwrap_or(""))
    .bind(image.map_or("", |image| image.reference.as_str()))
    .bind(image.and_then(|image| image.digest.as_deref()).unwrap_or(""))
    .bind(image.and_then(|image| image.config_digest.as_deref()).unwrap_or(""))
    .bind(container.and_then(|container| container.privileged).map(i64::from))
    .bind(first.as_nanos())
    .bind(last.as_nanos())
    .execute(connection)
    .await?;
    Ok(())
}
