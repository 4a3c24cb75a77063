//! Numbers for a first page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::ApiQuery;
use super::openapi;
use crate::hub::{Hub, now};
use crate::problem::Answer;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OverviewQuery {
    /// Of one cluster.
    cluster: Option<String>,
}

/// Numbers for a first page.
#[utoipa::path(get, path = "/overview", tag = "overview", params(OverviewQuery), responses(
    (status = 200, body = openapi::Overview), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<OverviewQuery>,
) -> Answer<Json<state::Overview>> {
    Ok(Json(hub.store.overview(query.cluster.as_deref(), now()).await?))
}
