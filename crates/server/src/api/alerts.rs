//! Alerts and the catalogue that explains them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{AlertFilter, AlertRecord, AlertSummary, Page};
use utoipa::IntoParams;
use uuid::Uuid;

use super::extract::{ApiPath, ApiQuery, page, severities, statuses};
use super::openapi;
use crate::hub::Hub;
use crate::problem::{Answer, Problem};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Of one cluster.
    cluster: Option<String>,
    /// Of one node.
    node: Option<String>,
    /// Of one namespace.
    namespace: Option<String>,
    /// Severities, comma-separated.
    severity: Option<String>,
    /// Statuses of their incidents, comma-separated: new, active, resolved, `false_positive`.
    status: Option<String>,
    /// With this key.
    key: Option<String>,
    /// Of one incident.
    incident: Option<Uuid>,
    /// Whose text contains this.
    q: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/alerts", tag = "alerts", operation_id = "list_alerts", params(AlertQuery), responses(
    (status = 200, body = openapi::AlertSummaryPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<AlertQuery>,
) -> Answer<Json<Page<AlertSummary>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let filter = AlertFilter {
        cluster: query.cluster,
        node: query.node,
        namespace: query.namespace,
        severities: severities(query.severity.as_deref())?,
        statuses: statuses(query.status.as_deref())?,
        key: query.key,
        incident: query.incident,
        text: query.q,
    };
    Ok(Json(hub.store.alerts(&filter, &request).await?))
}

/// One alert with its process tree, evidence and every field that came with it.
#[utoipa::path(get, path = "/alerts/{id}", tag = "alerts", operation_id = "get_alert",
    params(("id" = Uuid, Path, description = "The alert's id")), responses(
    (status = 200, body = openapi::AlertRecord), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(State(hub): State<Arc<Hub>>, ApiPath(id): ApiPath<Uuid>) -> Answer<Json<AlertRecord>> {
    hub.store.alert(id).await?.map(Json).ok_or_else(|| Problem::not_found("alert", id))
}

/// What an alert's key means and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CatalogueEntry {
    /// Key of alerts.
    pub key: String,
    /// Title.
    pub title: String,
    /// Severity.
    pub severity: model::Severity,
    /// MITRE ATT&CK tactics.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
    /// What it means and why it matters.
    pub description: String,
    /// What to do, step by step.
    pub remediation: Vec<String>,
}

/// What an alert's key means and what to do.
#[utoipa::path(get, path = "/catalogue/{key}", tag = "alerts", operation_id = "get_catalogue_entry",
    params(("key" = String, Path, description = "The alert's key")), responses(
    (status = 200, body = openapi::CatalogueEntry), (status = "default", body = openapi::Problem)))]
pub(super) async fn catalogue(
    State(hub): State<Arc<Hub>>,
    ApiPath(key): ApiPath<String>,
) -> Answer<Json<CatalogueEntry>> {
    let entry = hub.rules.catalogue.get(&key).ok_or_else(|| Problem::not_found("entry of the catalogue", &key))?;
    Ok(Json(CatalogueEntry {
        key: entry.key.clone(),
        title: entry.title.clone(),
        severity: entry.severity,
        tactics: entry.tactics.clone(),
        techniques: entry.techniques.clone(),
        description: entry.description.clone(),
        remediation: entry.remediation.clone(),
    }))
}
