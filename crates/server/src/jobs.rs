//! Assessments that were asked for: a short queue, one at a time, each with its progress to watch.
//!
//! One at a time because one assessment already reads layers on every core.

use std::collections::VecDeque;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use assess::{LayerDone, Progress};
use axum::http::StatusCode;
use images::Reference;
use model::{Artifact, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::hub::{Hub, now, stopped};
use crate::problem::{Answer, Problem, chain};

/// Jobs that wait; beyond it a caller is told to come back.
const MAX_WAITING: usize = 256;
/// Jobs that are remembered, finished ones included.
const MAX_REMEMBERED: usize = 1_024;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for others.
    Waiting,
    /// It works.
    Running,
    /// It is done.
    Done,
    /// It is done in part; `error` says what is missing.
    Partial,
    /// It failed; `error` says why.
    Failed,
}

/// An assessment that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Job {
    /// Identity.
    pub id: String,
    /// What is assessed.
    pub reference: String,
    /// Who asked.
    pub author: String,
    /// How far it is.
    pub state: JobState,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Compressed bytes read so far.
    pub read_bytes: u64,
    /// Compressed bytes in all, as far as they are known.
    pub total_bytes: u64,
    /// Ids of the images that it gave.
    pub images: Vec<String>,
    /// What went wrong, with its causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// All jobs of this run.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    table: Mutex<VecDeque<Entry>>,
    wake: Notify,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    meter: Arc<Meter>,
}

/// What a running scan counts.
#[derive(Debug, Default)]
struct Meter {
    read: AtomicU64,
    total: AtomicU64,
}

impl Progress for Meter {
    fn opened(&self, _: &Artifact, _: usize, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    fn layer(&self, _: &str, _: LayerDone) {}
}

impl Entry {
    fn now(&self) -> Job {
        let mut job = self.job.clone();
        job.read_bytes = self.meter.read.load(Ordering::Relaxed);
        job.total_bytes = self.meter.total.load(Ordering::Relaxed);
        job
    }
}

impl Jobs {
    /// Queues an assessment. The same reference twice in the queue is one job.
    pub fn submit(&self, hub: &Hub, reference: &str, author: &str) -> Answer<Job> {
        let parsed = Reference::from_str(reference).map_err(|error| Problem::bad_request(chain(&error)))?;
        if !matches!(parsed, Reference::Registry(_)) && !hub.config.local_sources {
            return Err(Problem::forbidden(
                "local-source",
                "sources on the hub's own disk are switched off; `local_sources: true` in its configuration allows them",
            ));
        }
        let mut table = self.lock();
        if let Some(entry) = table.iter().find(|entry| entry.job.reference == reference && entry.job.ended.is_none()) {
            return Ok(entry.now());
        }
        if table.iter().filter(|entry| entry.job.state == JobState::Waiting).count() >= MAX_WAITING {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-jobs",
                "Too many jobs",
                format!("{MAX_WAITING} assessments wait already"),
            )
            .retry_after(30));
        }
        let job = Job {
            id: uuid::Uuid::now_v7().to_string(),
            reference: reference.to_owned(),
            author: author.to_owned(),
            state: JobState::Waiting,
            created: now(),
            ended: None,
            read_bytes: 0,
            total_bytes: 0,
            images: Vec::new(),
            error: None,
            hint: None,
        };
        while table.len() >= MAX_REMEMBERED {
            let Some(oldest) = table.iter().position(|entry| entry.job.ended.is_some()) else { break };
            table.remove(oldest);
        }
        table.push_back(Entry { job: job.clone(), meter: Arc::default() });
        drop(table);
        self.wake.notify_one();
        Ok(job)
    }

    /// All jobs, newest first.
    pub fn list(&self) -> Vec<Job> {
        self.lock().iter().rev().map(Entry::now).collect()
    }

    /// One job.
    pub fn get(&self, id: &str) -> Option<Job> {
        self.lock().iter().find(|entry| entry.job.id == id).map(Entry::now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        if let Some(entry) = self.lock().iter_mut().find(|entry| entry.job.id == id) {
            change(&mut entry.job);
        }
    }

    fn next_waiting(&self) -> Option<(String, String, Arc<Meter>)> {
        let mut table = self.lock();
        let entry = table.iter_mut().find(|entry| entry.job.state == JobState::Waiting)?;
        entry.job.state = JobState::Running;
        Some((entry.job.id.clone(), entry.job.reference.clone(), Arc::clone(&entry.meter)))
    }
}

/// Works on jobs until the hub stops; what runs then is given up (its layers are cached or cheap to read again).
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut stop = hub.stop.clone();
    loop {
        let Some((id, reference, meter)) = hub.jobs.next_waiting() else {
            tokio::select! {
                () = hub.jobs.wake.notified() => continue,
                () = stopped(&mut stop) => return,
            }
        };
        announce(&hub, &id).await;
        tokio::select! {
            result = assess(&hub, &reference, meter) => finish(&hub, &id, result).await,
            () = stopped(&mut stop) => return,
        }
    }
}

/// What an assessment came to.
struct Assessed {
    images: Vec<String>,
    missing: Option<String>,
}

struct Failure {
    error: String,
    hint: Option<String>,
}

async fn assess(hub: &Hub, reference: &str, meter: Arc<Meter>) -> Result<Assessed, Failure> {
    let plain = |error: &dyn std::error::Error| Failure { error: chain(error), hint: None };
    let parsed = Reference::from_str(reference).map_err(|error| plain(&error))?;
    let assessor = hub.rules.assessor();
    let outcome =
        assessor.assess(&parsed, meter).await.map_err(|error| Failure { hint: error.hint(), error: chain(&error) })?;
    let mut images = Vec::with_capacity(outcome.images.len());
    let mut missing = Vec::new();
    for image in &outcome.images {
        hub.store.put_image(&image.inventory, &image.assessment, now()).await.map_err(|error| plain(&error))?;
        // Containers may call it otherwise than the assessment does (`app` for `docker.io/library/app:latest`).
        hub.store.name_image(&image.inventory.id, reference, now()).await.map_err(|error| plain(&error))?;
        hub.metrics.images_assessed.inc();
        if !image.complete() {
            missing.push(format!("{}: not every layer could be read", image.inventory.artifact.platform));
        }
        images.push(image.inventory.id.clone());
    }
    if !outcome.failed.is_empty() {
        missing.push(format!("{} images of the index could not be opened", outcome.failed.len()));
    }
    Ok(Assessed { images, missing: (!missing.is_empty()).then(|| missing.join("; ")) })
}

async fn finish(hub: &Hub, id: &str, result: Result<Assessed, Failure>) {
    let now = now();
    hub.jobs.change(id, |job| {
        job.ended = Some(now);
        match result {
            Ok(Assessed { images, missing }) => {
                job.state = if missing.is_some() { JobState::Partial } else { JobState::Done };
                job.images = images;
                job.error = missing;
            }
            Err(Failure { error, hint }) => {
                job.state = JobState::Failed;
                job.error = Some(error);
                job.hint = hint;
            }
        }
    });
    announce(hub, id).await;
}

async fn announce(hub: &Hub, id: &str) {
    if let Err(error) = hub.store.announce_job(id, now()).await {
        tracing::warn!(error = %chain(&error), "a job's progress could not be announced");
    }
}
