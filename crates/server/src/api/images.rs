//! Images: assess a reference, and what is known of those that were assessed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::Package;
use schemars::JsonSchema;
use serde::Deserialize;
use state::{FindingFilter, FindingRow, ImageDetails, ImageFilter, ImageSummary, Page};
use utoipa::IntoParams;

use super::extract::{ApiJson, ApiPath, ApiQuery, page, severities};
use super::openapi;
use crate::auth::Actor;
use crate::hub::Hub;
use crate::jobs::Job;
use crate::problem::{Answer, Problem};

/// Longest reference: registries allow 255 characters of name and 128 of tag, paths of layouts are longer.
const MAX_REFERENCE_CHARS: usize = 4_096;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Run by workloads of this cluster.
    cluster: Option<String>,
    /// With a finding of one of these severities, comma-separated.
    severity: Option<String>,
    /// With this finding, such as `CVE-2024-3094`.
    finding: Option<String>,
    /// Whose reference or digest contains this.
    q: Option<String>,
}

/// Images, newest first.
#[utoipa::path(get, path = "/images", tag = "images", operation_id = "list_images", params(ImageQuery), responses(
    (status = 200, body = openapi::ImageSummaryPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<ImageQuery>,
) -> Answer<Json<Page<ImageSummary>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let filter = ImageFilter {
        text: query.q,
        finding: query.finding,
        severities: severities(query.severity.as_deref())?,
        cluster: query.cluster,
    };
    Ok(Json(hub.store.images(&filter, &request).await?))
}

/// What to assess.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssessRequest {
    /// An image's reference in a registry, such as `registry.example/app:1`. Sources on the hub's own disk
    /// (`dir:`, `oci:`, archives) only where its configuration allows them.
    pub reference: String,
}

/// Assesses an image: answers at once with a job to watch.
#[utoipa::path(post, path = "/images", tag = "images", operation_id = "assess_image",
    request_body = openapi::AssessRequest, responses(
    (status = 202, body = openapi::Job), (status = "default", body = openapi::Problem)))]
pub(super) async fn assess(
    State(hub): State<Arc<Hub>>,
    Extension(actor): Extension<Actor>,
    ApiJson(request): ApiJson<AssessRequest>,
) -> Answer<(StatusCode, Json<Job>)> {
    let reference = request.reference.trim();
    if reference.is_empty() || reference.len() > MAX_REFERENCE_CHARS || reference.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "reference: a registry reference of 1 to {MAX_REFERENCE_CHARS} characters is needed"
        )));
    }
    let job = hub.jobs.submit(&hub, reference, &actor.name)?;
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// One image: layers, coverage, actions. Findings and packages have lists of their own.
#[utoipa::path(get, path = "/images/{id}", tag = "images", operation_id = "get_image",
    params(("id" = String, Path, description = "The inventory's id")), responses(
    (status = 200, body = openapi::ImageDetails), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(State(hub): State<Arc<Hub>>, ApiPath(id): ApiPath<String>) -> Answer<Json<ImageDetails>> {
    hub.store.image(&id).await?.map(Json).ok_or_else(|| Problem::not_found("image", id))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Severities, comma-separated.
    severity: Option<String>,
    /// Only with a fixed version.
    #[serde(default)]
    fixable: bool,
    /// Header, documentation and debug packages too.
    #[serde(default)]
    inert: bool,
    /// Whose id or package contains this.
    q: Option<String>,
}

/// Findings of an image, worst first.
#[utoipa::path(get, path = "/images/{id}/findings", tag = "images", operation_id = "list_findings",
    params(("id" = String, Path, description = "The inventory's id"), FindingQuery), responses(
    (status = 200, body = openapi::FindingRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn findings(
    State(hub): State<Arc<Hub>>,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<FindingQuery>,
) -> Answer<Json<Page<FindingRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    if hub.store.image_summary(&id).await?.is_none() {
        return Err(Problem::not_found("image", id));
    }
    let filter = FindingFilter {
        severities: severities(query.severity.as_deref())?,
        text: query.q,
        fixable: query.fixable,
        inert: query.inert,
    };
    Ok(Json(hub.store.findings(&id, &filter, &request).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Whose purl contains this.
    q: Option<String>,
}

/// Packages of an image.
#[utoipa::path(get, path = "/images/{id}/packages", tag = "images", operation_id = "list_packages",
    params(("id" = String, Path, description = "The inventory's id"), PackageQuery), responses(
    (status = 200, body = openapi::PackagePage), (status = "default", body = openapi::Problem)))]
pub(super) async fn packages(
    State(hub): State<Arc<Hub>>,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<PackageQuery>,
) -> Answer<Json<Page<Package>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let found = hub.store.packages(&id, query.q.as_deref(), &request).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("image", id))
}

/// Jobs of this run of the hub, newest first. They are not kept over a restart.
#[utoipa::path(get, path = "/jobs", tag = "images", operation_id = "list_jobs", responses(
    (status = 200, body = openapi::JobPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn jobs(State(hub): State<Arc<Hub>>) -> Json<Page<Job>> {
    Json(Page { items: hub.jobs.list(), next: None })
}

/// One job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "images", operation_id = "get_job",
    params(("id" = String, Path, description = "The job's id")), responses(
    (status = 200, body = openapi::Job), (status = "default", body = openapi::Problem)))]
pub(super) async fn job(State(hub): State<Arc<Hub>>, ApiPath(id): ApiPath<String>) -> Answer<Json<Job>> {
    hub.jobs.get(&id).map(Json).ok_or_else(|| Problem::not_found("job", id))
}
