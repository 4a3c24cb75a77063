//! What changes, live: server-sent events (WHATWG HTML §9.2) that resume where they stopped.
//!
//! The store numbers every change; a stream sends what comes after its place and then waits. `Last-Event-ID` names that
//! place, so a console that was away misses nothing, and a slow one gets the newest state instead of a backlog. When the
//! changes in between are gone, a `reset` tells it to load its lists anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::{Change, ChangeKind};
use utoipa::IntoParams;

use super::extract::ApiQuery;
use super::openapi;
use crate::hub::{Hub, stopped};
use crate::problem::{Answer, Problem};

/// Changes read from the store at a time.
const CHUNK: u32 = 256;
/// How often a comment keeps idle connections open through proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Streams at a time: each holds a connection; a console needs one per tab.
pub(crate) const MAX_STREAMS: usize = 256;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// Of one cluster.
    cluster: Option<String>,
    /// Start after this place instead of now; `Last-Event-ID` goes before it.
    after: Option<i64>,
}

/// The data of one event. The event's name is the kind, its id the place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamEvent {
    /// What kind of thing changed.
    pub kind: ChangeKind,
    /// Its id or name.
    pub subject: String,
    /// Its cluster; empty for images and jobs.
    pub cluster: String,
    /// When.
    pub time: Timestamp,
    /// The thing as lists show it now, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// What changes, live. Events are named alert, incident, image, node, coverage, gap, job; `reset` means: load again.
#[utoipa::path(get, path = "/stream", tag = "stream", operation_id = "stream", params(StreamQuery,
    ("Last-Event-ID" = Option<String>, Header, description = "Resume after this event")), responses(
    (status = 200, body = openapi::StreamEvent, content_type = "text/event-stream"),
    (status = "default", body = openapi::Problem)))]
pub(super) async fn get(
    State(hub): State<Arc<Hub>>,
    ApiQuery(query): ApiQuery<StreamQuery>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let Ok(permit) = Arc::clone(&hub.streams).try_acquire_owned() else {
        return Err(Problem::busy(format!("{MAX_STREAMS} live streams are open, more are not served")).retry_after(10));
    };
    let last_id = match headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|id| id.parse().ok())) {
        None => query.after,
        Some(Some(place)) => Some(place),
        Some(None) => return Err(Problem::bad_request("Last-Event-ID: not an id that this stream gave")),
    };
    let place = match last_id {
        Some(place) => place,
        None => hub.store.last_change().await?,
    };
    let reader = Reader {
        changed: hub.store.changed(),
        stop: hub.stop.clone(),
        hub,
        cluster: query.cluster,
        place,
        ready: std::collections::VecDeque::from([hello(place)]),
        _permit: permit,
    };
    let events = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The first event tells the place, so that a reader that never saw a change can resume too.
fn hello(place: i64) -> Event {
    Event::default().event("hello").id(place.to_string()).data("{}")
}

struct Reader {
    hub: Arc<Hub>,
    cluster: Option<String>,
    place: i64,
    changed: tokio::sync::watch::Receiver<u64>,
    stop: tokio::sync::watch::Receiver<bool>,
    ready: std::collections::VecDeque<Event>,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            self.changed.mark_unchanged();
            if let Err(error) = self.fill().await {
                tracing::warn!(%error, "a live stream ends: the store does not answer");
                return None;
            }
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                () = stopped(&mut self.stop) => return None,
            }
        }
    }

    async fn fill(&mut self) -> state::Result<()> {
        let since = self.hub.store.changes_since(self.place, CHUNK).await?;
        if since.lost {
            self.place = self.hub.store.last_change().await?;
            self.ready.push_back(Event::default().event("reset").id(self.place.to_string()).data("{}"));
            return Ok(());
        }
        for change in since.changes {
            self.place = change.position;
            let wanted =
                self.cluster.as_ref().is_none_or(|cluster| change.cluster.is_empty() || change.cluster == *cluster);
            if wanted {
                let event = self.event(change).await?;
                self.ready.push_back(event);
            }
        }
        Ok(())
    }

    async fn event(&self, change: Change) -> state::Result<Event> {
        let Change { position, time, kind, cluster, subject } = change;
        let store = &self.hub.store;
        let value = match kind {
            ChangeKind::Alert => store.alert_summary(&subject).await?.map(serde_json::to_value),
            ChangeKind::Incident => store.incident_summary(&subject).await?.map(serde_json::to_value),
            ChangeKind::Image => store.image_summary(&subject).await?.map(serde_json::to_value),
            ChangeKind::Node => store.node(&cluster, &subject).await?.map(serde_json::to_value),
            ChangeKind::Job => self.hub.jobs.get(&subject).map(serde_json::to_value),
            ChangeKind::Coverage | ChangeKind::Gap => None,
        };
        let value = value.transpose().map_err(|source| state::Error::Corrupt { what: "row", source })?;
        let data = serde_json::to_string(&StreamEvent { kind, subject, cluster, time, value })
            .map_err(|source| state::Error::Corrupt { what: "row", source })?;
        Ok(Event::default().event(kind.as_str()).id(position.to_string()).data(data))
    }
}
