//! The wire's routes: batches and enrolment on the listener with mutual TLS (contract §7).
//!
//! Pressure is answered, not absorbed: one sender may have a few batches of a stream under way (429), all senders
//! together as many as memory holds (503), and both answers say when to come back. The sender keeps its records until
//! they are acked. Streams are counted apart, so that a sender's events and coverage never turn its alerts away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use model::BatchAnswer;
use model::wire::MAX_BATCH_COMPRESSED_BYTES;
use state::access::TokenKind;
use tokio::sync::Semaphore;
use wire::PeerIdentity;
use wire::enrol::{ENROL_PATH, EnrolRequest, MAX_ENROL_BYTES, Names, RENEW_PATH, RenewRequest};
use wire::server::{BatchLimits, Peer, check_request, decode_batch};

use crate::hub::{Hub, now};
use crate::metrics::OutcomeLabel;
use crate::problem::{Answer, Problem, chain};

/// Batches that are decoded or wait for the disk at a time: each may hold 4 MiB compressed and 32 MiB plain.
pub(crate) const MAX_BATCHES: usize = 8;
/// Of these, batches of one sender and stream: two keep the wire busy, more would let one node starve the others.
pub(crate) const MAX_BATCHES_OF_STREAM: usize = 2;
/// How long a batch waits for its place, unread: no longer than it would be sent away for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Batches under way, by sender and stream.
type UnderWay = Arc<Mutex<HashMap<(PeerIdentity, String), usize>>>;

/// Batches under way.
#[derive(Debug)]
pub(crate) struct Ingest {
    all: Semaphore,
    senders: UnderWay,
}

impl Default for Ingest {
    fn default() -> Self {
        Self { all: Semaphore::new(MAX_BATCHES), senders: Arc::default() }
    }
}

/// A sender's place; given back when dropped.
#[derive(Debug)]
struct Slot {
    senders: UnderWay,
    of: (PeerIdentity, String),
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = senders.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                senders.remove(&self.of);
            }
        }
    }
}

impl Ingest {
    fn enter(&self, sender: &PeerIdentity, stream: &str) -> Answer<Slot> {
        let of = (sender.clone(), stream.to_owned());
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let count = senders.entry(of.clone()).or_default();
        if *count >= MAX_BATCHES_OF_STREAM {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-batches",
                "Too many batches at a time",
                format!("{MAX_BATCHES_OF_STREAM} batches of {sender}'s {stream} are under way; wait for their answers"),
            )
            .retry_after(1));
        }
        *count += 1;
        Ok(Slot { senders: Arc::clone(&self.senders), of })
    }
}

/// The routes of the wire.
pub(crate) fn routes(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/streams/{stream}/batches", post(batch))
        .route(ENROL_PATH, post(enrol))
        .route(RENEW_PATH, post(renew))
        .fallback(async || Problem::not_found("route of the wire", "this address"))
        .with_state(hub)
}

async fn batch(
    State(hub): State<Arc<Hub>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(stream): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = take(&hub, &peer, &stream, &headers, body).await;
    let status = answer.as_ref().map_or_else(|problem| problem.status, |_| 200);
    hub.metrics.batches.get_or_create(&OutcomeLabel { status }).inc();
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn take(hub: &Hub, peer: &Peer, stream: &str, headers: &HeaderMap, body: Body) -> Answer<BatchAnswer> {
    let now = now();
    let sender = peer.authorise(now).map_err(|refused| refused.problem())?;
    if !state::STREAMS.contains(&stream) {
        return Err(Problem::not_found("stream", stream));
    }
    let _slot = hub.ingest.enter(sender, stream)?;
    let Ok(Ok(_place)) = tokio::time::timeout(PATIENCE, hub.ingest.all.acquire()).await else {
        return Err(Problem::busy(format!("{MAX_BATCHES} batches are under way, more are not held in memory")));
    };
    let body = read(headers, body, MAX_BATCH_COMPRESSED_BYTES, "a compressed batch").await?;
    hub.metrics.batch_bytes.inc_by(body.len() as u64);
    let decoded = tokio::task::spawn_blocking(move || decode_batch(&body, &BatchLimits::default()))
        .await
        .map_err(|_| Problem::busy("the hub is stopping"))?
        .map_err(|error| error.problem())?;
    peer.may_send(stream, &decoded.header, now).map_err(|refused| refused.problem())?;
    let records = decoded.records.iter().map(|record| String::from_utf8_lossy(&record.json).into_owned()).collect();
    let outcome = hub.store.ingest(state::Batch { header: decoded.header, records, received: now }).await?;
    hub.metrics.taken(stream, outcome);
    Ok(BatchAnswer { acked: outcome.acked })
}

/// The whole body, or 413 with the limit; a length that is too large is refused before a byte is read.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize, what: &str) -> Answer<bytes::Bytes> {
    let too_large = || Problem::too_large(format!("{what} has more than {limit} bytes"), limit);
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(too_large());
    }
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            too_large()
        } else {
            Problem::bad_request(format!("the body did not arrive whole: {error}"))
        }
    })
}

async fn enrol(State(hub): State<Arc<Hub>>, headers: HeaderMap, body: Body) -> Answer<Json<wire::enrol::EnrolAnswer>> {
    let body = read(&headers, body, MAX_ENROL_BYTES, "an enrolment request").await?;
    let request = EnrolRequest::decode(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    // A request that cannot be signed must not use up the token.
    check_request(&request.csr_pem).map_err(|error| Problem::bad_request(chain(&error)))?;
    let now = now();
    let known = hub.store.peek_token(TokenKind::Enrolment, &request.token.hash().0, now).await?;
    let refused = || Problem::forbidden("enrolment", "the token is not valid, has ended or was used already");
    let granted = granted(&known.ok_or_else(refused)?, &request.names)?;
    // The check above reads; this takes, so that of two at a time only one gets a certificate.
    hub.store.take_token(TokenKind::Enrolment, &request.token.hash().0, now).await?.ok_or_else(refused)?;
    let answer = hub.ca.enrol(&request.csr_pem, &granted, now).map_err(|error| Problem::bad_request(chain(&error)))?;
    if let Some(node) = &granted.node {
        hub.store.enrolled(&granted.cluster, node, now).await?;
    }
    hub.metrics.enrolments.inc();
    tracing::info!(peer = %granted, "enrolled");
    Ok(Json(answer))
}

/// What a token grants to who asks: its cluster, and its node where it names one.
fn granted(token: &state::access::TokenRow, asked: &Names) -> Answer<PeerIdentity> {
    let node = Some(token.node.as_str()).filter(|node| !node.is_empty());
    asked.granted(&token.cluster, node).ok_or_else(|| {
        let word = |name: &Option<String>| name.clone().unwrap_or_else(|| "any".to_owned());
        let asked = format!("node {} of cluster {}", word(&asked.node), word(&asked.cluster));
        Problem::forbidden("enrolment", format!("the token is for {}, not for {asked}", token.name))
    })
}

async fn renew(
    State(hub): State<Arc<Hub>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<wire::enrol::EnrolAnswer>> {
    let now = now();
    let identity = peer.authorise(now).map_err(|refused| refused.problem())?;
    let body = read(&headers, body, MAX_ENROL_BYTES, "a renewal request").await?;
    let request = RenewRequest::decode(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let answer = hub.ca.enrol(&request.csr_pem, identity, now).map_err(|error| Problem::bad_request(chain(&error)))?;
    Ok(Json(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_few_batches_of_a_stream_at_a_time() {
        let ingest = Ingest::default();
        let one = PeerIdentity::new("c", Some("one")).unwrap();
        let two = PeerIdentity::new("c", Some("two")).unwrap();
        let first = ingest.enter(&one, "events").unwrap();
        let _second = ingest.enter(&one, "events").unwrap();
        let problem = ingest.enter(&one, "events").unwrap_err();
        assert_eq!((problem.status, problem.retry_after_seconds), (429, Some(1)));
        ingest.enter(&one, "alerts").unwrap();
        ingest.enter(&two, "events").unwrap();
        drop(first);
        ingest.enter(&one, "events").unwrap();
    }
}
