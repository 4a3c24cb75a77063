//! The REST API under `/api/v1`: thin handlers over the store. OpenAPI is generated from them (see [`openapi`]).
//!
//! Conventions: lists are `{items, next}` with an opaque cursor (`?cursor=`), stable while rows are inserted; `?limit=` is
//! 50 by default and 500 at most; `?cluster=` narrows to one cluster; errors are problem documents; unknown parameters
//! are refused, so that a typing mistake never means "everything".

mod access;
mod alerts;
mod extract;
mod images;
mod incidents;
mod nodes;
pub mod openapi;
mod overview;
mod session;
mod stream;

use std::sync::Arc;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::hub::Hub;

pub(crate) use session::COOKIE;
pub(crate) use stream::MAX_STREAMS;

/// The parts of the document that no handler says.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Seawall hub",
        description = "Alerts, incidents, images, nodes and coverage. Lists are `{items, next}`: pass `next` as \
                       `?cursor=`. Errors are problem documents (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    security(("bearer" = []), ("session" = [])),
    tags(
        (name = "overview", description = "Numbers for a first page"),
        (name = "alerts", description = "What someone should know"),
        (name = "incidents", description = "Alerts of one causal root"),
        (name = "images", description = "What images contain and what is wrong with them"),
        (name = "nodes", description = "Who sends, what they see, what went missing"),
        (name = "access", description = "Sessions, tokens, enrolment, audit trail"),
        (name = "stream", description = "What changes, live")
    )
)]
struct Document;

/// All routes below `/api/v1`, and their document.
pub(crate) fn routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(overview::get))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::get))
        .routes(routes!(alerts::catalogue))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::get, incidents::patch))
        .routes(routes!(images::list, images::assess))
        .routes(routes!(images::get))
        .routes(routes!(images::findings))
        .routes(routes!(images::packages))
        .routes(routes!(images::jobs))
        .routes(routes!(images::job))
        .routes(routes!(nodes::workloads))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::get))
        .routes(routes!(nodes::coverage))
        .routes(routes!(nodes::gaps))
        .routes(routes!(access::enrolment_tokens, access::create_enrolment_token))
        .routes(routes!(access::revoke_enrolment_token))
        .routes(routes!(access::tokens, access::create_token))
        .routes(routes!(access::revoke_token))
        .routes(routes!(access::audit_trail))
        .routes(routes!(session::get, session::create, session::delete))
        .routes(routes!(stream::get))
}
