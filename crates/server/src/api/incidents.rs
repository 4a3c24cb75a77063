//! Incidents.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use state::{IncidentDetails, IncidentFilter, IncidentPatch, IncidentSummary, Page};
use utoipa::IntoParams;
use uuid::Uuid;

use super::extract::{ApiJson, ApiPath, ApiQuery, page, severities, statuses};
use super::openapi;
use crate::auth::Actor;
use crate::hub::{Hub, now};
use crate::problem::{Answer, Problem};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct IncidentQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Of one cluster.
    cluster: Option<String>,
    /// Severities, comma-separated.
    severity: Option<String>,
    /// Statuses, comma-separated: new, active, resolved, `false_positive`.
    status: Option<String>,
    /// Whose title or place contains this.
    q: Option<String>,
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/incidents", tag = "incidents", operation_id = "list_incidents", params(IncidentQuery),
    responses((status = 200, body = openapi::IncidentSummaryPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<IncidentQuery>,
) -> Answer<Json<Page<IncidentSummary>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let filter = IncidentFilter {
        cluster: query.cluster,
        severities: severities(query.severity.as_deref())?,
        statuses: statuses(query.status.as_deref())?,
        text: query.q,
    };
    Ok(Json(hub.store.incidents(&filter, &request).await?))
}

/// One incident with its timeline.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents", operation_id = "get_incident",
    params(("id" = Uuid, Path, description = "The incident's id")), responses(
    (status = 200, body = openapi::IncidentDetails), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(State(hub): State<Arc<Hub>>, ApiPath(id): ApiPath<Uuid>) -> Answer<Json<IncidentDetails>> {
    hub.store.incident(id).await?.map(Json).ok_or_else(|| Problem::not_found("incident", id))
}

/// Changes status or owner, or adds a remark to the timeline.
#[utoipa::path(patch, path = "/incidents/{id}", tag = "incidents", operation_id = "patch_incident",
    params(("id" = Uuid, Path, description = "The incident's id")), request_body = openapi::IncidentPatch, responses(
    (status = 200, body = openapi::IncidentDetails), (status = "default", body = openapi::Problem)))]
pub(super) async fn patch(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(patch): ApiJson<IncidentPatch>,
) -> Answer<Json<IncidentDetails>> {
    if !hub.store.patch_incident(id, &patch, &actor.name, now()).await? {
        return Err(Problem::not_found("incident", id));
    }
    get(State(hub), ApiPath(id)).await
}
