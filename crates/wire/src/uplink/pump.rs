//! The task that empties one spool into the hub.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{BatchAnswer, Timestamp};
use tokio::sync::Notify;

use super::{Inner, Stream, StreamStatus, UplinkError, lock};
use crate::backoff;
use crate::batch;
use crate::http::{self, HttpError};
use crate::identity::Identity;
use crate::spool::Chunk;
use crate::tls;

pub(super) struct Pump {
    pub inner: Arc<Inner>,
    pub stream: Stream,
    pub status: Arc<Mutex<StreamStatus>>,
    /// Told after each acknowledgement.
    pub acked: Arc<Notify>,
    /// How long to collect records before sending.
    pub linger: Duration,
}

/// What one attempt came to.
enum Step {
    /// Nothing waits.
    Idle,
    /// The hub took something: go on at once.
    Sent,
    /// The hub will never take these records as they are: send fewer at a time, then without the one at fault.
    Refused,
    /// Try again after a while.
    Failed(Option<Duration>),
}

/// A client for a hub under this identity.
pub(super) fn client(identity: &Identity) -> Result<reqwest::Client, UplinkError> {
    identity.check()?;
    Ok(http::client(tls::client(&identity.ca_pem, &identity.certificate_pem, &identity.key_pem)?)?)
}

impl Pump {
    pub(super) async fn run(self) {
        let mut stop = self.inner.stop.subscribe();
        // Dropping an attempt in the middle is safe: what was not acknowledged is sent again.
        tokio::select! {
            () = super::stopped(&mut stop) => {}
            () = self.pump() => {}
        }
    }

    async fn pump(&self) {
        let mut failures = 0;
        let mut most = batch::TARGET_RECORDS;
        loop {
            match self.step(&mut most).await {
                Step::Idle => {
                    self.stream.pushed.notified().await;
                    if !self.linger.is_zero() {
                        tokio::time::sleep(self.linger).await;
                    }
                }
                Step::Sent => failures = 0,
                Step::Refused => {}
                Step::Failed(asked) => {
                    failures += 1;
                    tokio::time::sleep(backoff::delay(failures, asked, dice())).await;
                }
            }
        }
    }

    async fn step(&self, most: &mut usize) -> Step {
        let spool = self.stream.spool.clone();
        let limit = *most;
        let next = tokio::task::spawn_blocking(move || spool.next(limit, batch::TARGET_PLAIN_BYTES)).await;
        let chunk = match next.map_err(io::Error::other).and_then(|next| next) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Step::Idle,
            Err(error) => return self.failed(format!("reading the spool: {error}"), None),
        };
        match self.send(&chunk).await {
            Ok(answer) => {
                *most = batch::TARGET_RECORDS;
                self.acknowledged(&chunk, answer).await
            }
            Err(Failure::Content(problem)) => self.refused(chunk, problem, most).await,
            Err(Failure::Other(text, asked)) => self.failed(text, asked),
        }
    }

    async fn send(&self, chunk: &Chunk) -> Result<BatchAnswer, Failure> {
        let name = Arc::clone(&self.stream.name);
        let counters = self.inner.counters.read().map(|counters| counters.clone()).unwrap_or_default();
        let to_encode = chunk.clone();
        let body = tokio::task::spawn_blocking(move || batch::encode(&name, &to_encode, &counters))
            .await
            .map_err(io::Error::other)
            .and_then(|body| body)
            .map_err(|error| Failure::Other(format!("writing a batch: {error}"), None))?;
        let url = http::route(&self.inner.config.hub_url, &format!("/v1/streams/{}/batches", self.stream.name));
        let answer = http::post::<BatchAnswer>(&self.inner.client(), &url, batch::CONTENT_TYPE, body.into()).await;
        answer.map_err(|error| match error {
            HttpError::Refused(refusal) if matches!(refusal.problem.status, 413 | 422) => {
                Failure::Content(format!("{}: {}", refusal.problem.title, refusal.problem.detail))
            }
            HttpError::Refused(refusal) => {
                let asked = refusal.retry_after;
                Failure::Other(chain(&HttpError::Refused(refusal)), asked)
            }
            other => Failure::Other(chain(&other), None),
        })
    }

    async fn acknowledged(&self, chunk: &Chunk, answer: BatchAnswer) -> Step {
        let (spool, sent) = (self.stream.spool.clone(), chunk.clone());
        let moved = tokio::task::spawn_blocking(move || spool.acknowledge(&sent, answer.acked)).await;
        if !matches!(moved, Ok(true)) {
            let last = chunk.last_seq();
            return self.failed(format!("the hub acknowledged {} of {last} and did not move on", answer.acked), None);
        }
        let mut status = lock(&self.status);
        status.batches += 1;
        status.acked += chunk.records.len() as u64;
        status.last_ack = Some(now());
        status.last_error = None;
        drop(status);
        self.acked.notify_waiters();
        Step::Sent
    }

    async fn refused(&self, chunk: Chunk, problem: String, most: &mut usize) -> Step {
        tracing::warn!(stream = %self.stream.name, first_seq = chunk.first_seq, problem, "the hub refused records");
        let records = chunk.records.len();
        let failed = self.failed(problem, None);
        match records {
            // Gaps alone cannot be too big; a hub that says so is not understood.
            0 => failed,
            1 => {
                let spool = self.stream.spool.clone();
                drop(tokio::task::spawn_blocking(move || spool.refuse(&chunk)).await);
                Step::Refused
            }
            _ => {
                *most = records / 2;
                Step::Refused
            }
        }
    }

    fn failed(&self, error: String, asked: Option<Duration>) -> Step {
        tracing::debug!(stream = %self.stream.name, error, "a batch was not taken");
        let mut status = lock(&self.status);
        status.failures += 1;
        status.last_error = Some(error);
        Step::Failed(asked)
    }
}

enum Failure {
    /// 413 or 422: the records themselves are refused.
    Content(String),
    /// Everything else passes, sooner or later.
    Other(String, Option<Duration>),
}

/// An error with its causes, for a status line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn now() -> Timestamp {
    http::now()
}

fn dice() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the senders of a cluster come back together; that is a load, not an error.
    getrandom::fill(&mut bytes).map_or(0, |()| u16::from_le_bytes(bytes))
}
