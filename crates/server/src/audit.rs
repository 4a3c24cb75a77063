//! The Kubernetes audit webhook: events in, alerts out, by the same engine as the sensor's.

use std::sync::Arc;

use axum::Router;

use crate::hub::Hub;

/// The webhook's routes.
pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
}
