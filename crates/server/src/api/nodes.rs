//! Nodes, workloads, coverage and gaps.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{CoverageFilter, CoverageRow, GapRow, NodeFilter, NodeRow, Page, StreamRow, WorkloadFilter, WorkloadRow};
use utoipa::IntoParams;

use super::extract::{ApiPath, ApiQuery, page, word};
use super::openapi;
use crate::hub::Hub;
use crate::problem::{Answer, Problem};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Of one cluster.
    cluster: Option<String>,
    /// In this state: active, silent, enrolled.
    state: Option<String>,
    /// Whose name contains this.
    q: Option<String>,
}

/// Nodes with their coverage and loss.
#[utoipa::path(get, path = "/nodes", tag = "nodes", operation_id = "list_nodes", params(NodeQuery), responses(
    (status = 200, body = openapi::NodeRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<NodeQuery>,
) -> Answer<Json<Page<NodeRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let filter = NodeFilter { cluster: query.cluster, state: word(query.state.as_deref(), "state")?, text: query.q };
    Ok(Json(hub.store.nodes(&filter, &request).await?))
}

/// A node and how far its streams are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeDetails {
    /// What lists show.
    #[serde(flatten)]
    pub node: NodeRow,
    /// Its newest streams.
    pub streams: Vec<StreamRow>,
}

/// One node.
#[utoipa::path(get, path = "/nodes/{cluster}/{node}", tag = "nodes", operation_id = "get_node",
    params(("cluster" = String, Path, description = "Its cluster"), ("node" = String, Path, description = "Its name")),
    responses((status = 200, body = openapi::NodeDetails), (status = "default", body = openapi::Problem)))]
pub(super) async fn get(
    State(hub): State<Arc<Hub>>,
    ApiPath((cluster, node)): ApiPath<(String, String)>,
) -> Answer<Json<NodeDetails>> {
    let Some(row) = hub.store.node(&cluster, &node).await? else {
        return Err(Problem::not_found("node", format!("{cluster}/{node}")));
    };
    let streams = hub.store.streams(&cluster, &node).await?;
    Ok(Json(NodeDetails { node: row, streams }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkloadQuery {
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
    /// Whose name, container or image contains this.
    q: Option<String>,
}

/// Containers by their workload, with the assessment of their image.
#[utoipa::path(get, path = "/workloads", tag = "nodes", operation_id = "list_workloads", params(WorkloadQuery),
    responses((status = 200, body = openapi::WorkloadRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn workloads(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<WorkloadQuery>,
) -> Answer<Json<Page<WorkloadRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let filter = WorkloadFilter { cluster: query.cluster, node: query.node, namespace: query.namespace, text: query.q };
    Ok(Json(hub.store.workloads(&filter, &request).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Of one cluster.
    cluster: Option<String>,
    /// Of one node.
    node: Option<String>,
    /// In this state: seen, unseen, stale, unsupported, unreachable.
    state: Option<String>,
    /// About this signal.
    signal: Option<String>,
}

/// What is and is not seen.
#[utoipa::path(get, path = "/coverage", tag = "nodes", operation_id = "list_coverage", params(CoverageQuery),
    responses((status = 200, body = openapi::CoverageRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn coverage(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<CoverageQuery>,
) -> Answer<Json<Page<CoverageRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    let state = word(query.state.as_deref(), "state")?;
    let filter = CoverageFilter { cluster: query.cluster, node: query.node, state, signal: query.signal };
    Ok(Json(hub.store.coverage(&filter, &request).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct GapQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page, 1 to 500.
    limit: Option<u32>,
    /// Of one cluster.
    cluster: Option<String>,
    /// Of one node.
    node: Option<String>,
}

/// Records that did not come, and why; newest first.
#[utoipa::path(get, path = "/gaps", tag = "nodes", operation_id = "list_gaps", params(GapQuery), responses(
    (status = 200, body = openapi::GapRowPage), (status = "default", body = openapi::Problem)))]
pub(super) async fn gaps(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<GapQuery>,
) -> Answer<Json<Page<GapRow>>> {
    let request = page(query.cursor.as_deref(), query.limit)?;
    Ok(Json(hub.store.gaps(query.cluster.as_deref(), query.node.as_deref(), &request).await?))
}
