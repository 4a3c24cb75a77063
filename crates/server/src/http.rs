//! The HTTP side of the API's listener: routes put together, limits, security headers, compression.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::hub::{Hub, now};
use crate::problem::{Answer, Problem};
use crate::{api, audit, auth, console};

/// Largest body of an API request: the largest honest one is a comment of a few lines.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;
/// A request that takes longer is given up; live streams only have to begin within it.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Scripts, styles, images, fonts and connections only from this server; nothing may frame it or take its forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// Everything that the API's listener serves.
pub(crate) fn routes(hub: Arc<Hub>) -> Router {
    let (api, _) = api::routes().split_for_parts();
    let api = api
        .fallback(async |request: Request| Problem::not_found("route of the API", request.uri().path()))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", "see /api/v1/openapi.json")
        })
        .layer(from_fn_with_state(Arc::clone(&hub), auth::require))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(no_store));
    Router::new()
        .nest("/api/v1", api)
        .route(
            "/api/v1/openapi.json",
            get(async || ([(header::CONTENT_TYPE, "application/json")], api::openapi::text())),
        )
        .merge(audit::routes())
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(console::routes())
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::clone(&hub), auth::guard))
        .layer(from_fn(security_headers))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(hub)
}

/// Whether the store answers and the hub is not stopping: what a load balancer asks.
async fn ready(State(hub): State<Arc<Hub>>) -> Answer<&'static str> {
    if *hub.stop.borrow() {
        return Err(Problem::busy("the hub is stopping").retry_after(5));
    }
    hub.store.ping().await?;
    Ok("ready\n")
}

async fn metrics(State(hub): State<Arc<Hub>>) -> Answer<impl IntoResponse> {
    let overview = hub.store.overview(None, now()).await?;
    let signals = hub.store.signals().await?;
    hub.metrics.observe(&overview, signals, api::MAX_STREAMS - hub.streams.available_permits());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], hub.metrics.text()))
}

async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let all = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A handler that panicked is a defect of ours; the others go on.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", "A defect of the hub", "the hub's log says more")
        .into_response()
}
