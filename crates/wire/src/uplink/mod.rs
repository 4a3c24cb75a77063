//! The sender: spools on disk and the tasks that empty them into a hub.
//!
//! One task per stream, so that a flood of events never stands before an alert. A record leaves its spool only when the
//! hub has acknowledged it; until then its task tries again, at the pace that the hub asks for.

mod pump;
mod renewal;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use model::{Loss, Sender, Timestamp};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use crate::http::HttpError;
use crate::identity::{Identity, IdentityError};
use crate::spool::{PushError, Spool, SpoolError, SpoolLimits, SpoolStatus};
use crate::streams;
use crate::tls::TlsError;

use pump::Pump;

/// How often spools are made durable: what a power failure may cost (contract: the process alone costs nothing).
const SYNC_EVERY: Duration = Duration::from_millis(500);

/// How to reach a hub and where to keep what waits for it.
#[derive(Debug, Clone)]
pub struct UplinkConfig {
    /// Where the hub's wire listens.
    pub hub_url: Url,
    /// Certificate, key and authority.
    pub identity: Identity,
    /// Where the identity is stored; with it, the certificate is renewed in time and written back.
    pub identity_path: Option<PathBuf>,
    /// Folder of the spools; used by one process at a time.
    pub spool_dir: PathBuf,
    /// Bounds of each stream's spool.
    pub limits: SpoolLimits,
    /// Name of the sending program, such as `seawall-sensor`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Streams that are sent at once, record by record if need be.
    pub urgent: Vec<String>,
    /// How long the other streams collect records before they send.
    pub linger: Duration,
}

impl UplinkConfig {
    /// With default limits: 256 MiB per stream, alerts and coverage at once, the rest five times a second.
    pub fn new(
        hub_url: Url,
        identity: Identity,
        spool_dir: impl Into<PathBuf>,
        program: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        Self {
            hub_url,
            identity,
            identity_path: None,
            spool_dir: spool_dir.into(),
            limits: SpoolLimits::default(),
            program: program.into(),
            version: version.into(),
            urgent: vec![streams::ALERTS.to_owned(), streams::COVERAGE.to_owned()],
            linger: Duration::from_millis(200),
        }
    }
}

/// An uplink that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// The spool's folder.
    #[error("using the spool folder {path}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process sends from the same folder.
    #[error("the spool folder {0} is in use by another process")]
    InUse(PathBuf),
    /// A stream's spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The certificate, key or authority.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS settings.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// What a stream did since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamStatus {
    /// The spool's counts.
    pub spool: SpoolStatus,
    /// Records and gaps that the hub acknowledged.
    pub acked: u64,
    /// Batches that the hub took.
    pub batches: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// When the hub last acknowledged.
    pub last_ack: Option<Timestamp>,
    /// The last failure, until a batch is taken.
    pub last_error: Option<String>,
}

/// A running uplink. Clones share it; it goes on until [`Uplink::shutdown`], also when every clone is dropped.
#[derive(Clone)]
pub struct Uplink {
    inner: Arc<Inner>,
}

/// A handle to push records of one stream. Clones share it; it works from any thread.
#[derive(Clone)]
pub struct Stream {
    name: Arc<str>,
    spool: Spool,
    pushed: Arc<Notify>,
}

pub(crate) struct Inner {
    config: UplinkConfig,
    sender: Sender,
    /// Replaced when the certificate is renewed.
    client: RwLock<reqwest::Client>,
    counters: RwLock<BTreeMap<String, Loss>>,
    streams: Mutex<BTreeMap<String, Running>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Where tasks run: streams may be opened from threads that are not the runtime's (the sensor's main loop).
    runtime: tokio::runtime::Handle,
    /// Held as long as the uplink lives.
    _lock: File,
}

struct Running {
    stream: Stream,
    status: Arc<Mutex<StreamStatus>>,
    acked: Arc<Notify>,
}

impl Uplink {
    /// Starts sending, first what earlier starts left in the spools. Does not wait for the hub: it may be away.
    pub async fn start(config: UplinkConfig) -> Result<Self, UplinkError> {
        let client = pump::client(&config.identity)?;
        let dir = config.spool_dir.clone();
        let (lock, left) = tokio::task::spawn_blocking(move || lock_and_list(dir))
            .await
            .map_err(|error| folder(&config.spool_dir, io::Error::other(error)))??;
        let sender = Sender {
            cluster: config.identity.peer.cluster.clone(),
            node: config.identity.peer.node.clone(),
            program: config.program.clone(),
            version: config.version.clone(),
            boot_id: Uuid::now_v7(),
        };
        let inner = Arc::new(Inner {
            sender,
            client: RwLock::new(client),
            counters: RwLock::default(),
            streams: Mutex::default(),
            stop: watch::Sender::new(false),
            runtime: tokio::runtime::Handle::current(),
            tasks: Mutex::default(),
            config,
            _lock: lock,
        });
        let uplink = Self { inner };
        for name in left {
            uplink.open(&name)?;
        }
        uplink.spawn(sync_regularly(Arc::clone(&uplink.inner)));
        uplink.spawn(renewal::run(Arc::clone(&uplink.inner)));
        Ok(uplink)
    }

    /// The handle of a stream, made at its first use. A text that cannot name a stream is spelled with `_` for what is
    /// not `a-z`, `0-9`, `_` or `-`.
    ///
    /// Must be called within a tokio runtime the first time for each name.
    pub fn stream(&self, name: &str) -> Result<Stream, UplinkError> {
        self.open(&streams::nearest_name(name))
    }

    /// Identifies this start of the program in everything that it sends.
    pub fn boot_id(&self) -> Uuid {
        self.inner.sender.boot_id
    }

    /// Who sends, as in every header.
    pub fn sender(&self) -> &Sender {
        &self.inner.sender
    }

    /// Counts per signal since the start of the program; they go out with every batch.
    pub fn set_counters(&self, counters: BTreeMap<String, Loss>) {
        *self.inner.counters.write().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    /// What each stream did since the start.
    pub fn status(&self) -> BTreeMap<String, StreamStatus> {
        let of = |running: &Running| {
            let mut status = lock(&running.status).clone();
            status.spool = running.stream.spool.status();
            status
        };
        self.inner.streams().iter().map(|(name, running)| (name.clone(), of(running))).collect()
    }

    /// Waits until nothing waits any more or the time is up; returns whether everything was acknowledged.
    pub async fn flush(&self, within: Duration) -> bool {
        let parts: Vec<_> =
            self.inner.streams().values().map(|running| (running.stream.clone(), Arc::clone(&running.acked))).collect();
        let all = async {
            for (stream, acked) in parts {
                loop {
                    let notified = acked.notified();
                    if stream.spool.status().waiting == 0 {
                        break;
                    }
                    stream.pushed.notify_one();
                    notified.await;
                }
            }
        };
        tokio::time::timeout(within, all).await.is_ok()
    }

    /// Sends what can be sent within `grace`, makes the rest durable and stops. Handles may still push; what they push
    /// waits for the next start.
    pub async fn shutdown(self, grace: Duration) -> BTreeMap<String, StreamStatus> {
        self.flush(grace).await;
        self.inner.stop.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.inner.tasks));
        for task in tasks {
            // A task that panicked has nothing left to stop.
            drop(task.await);
        }
        self.inner.sync_all().await;
        self.status()
    }

    fn open(&self, name: &str) -> Result<Stream, UplinkError> {
        let mut open = self.inner.streams();
        if let Some(running) = open.get(name) {
            return Ok(running.stream.clone());
        }
        let config = &self.inner.config;
        let spool = Spool::open(config.spool_dir.join(name), self.inner.sender.clone(), config.limits)?;
        let stream = Stream { name: name.into(), spool, pushed: Arc::default() };
        let running = Running { stream: stream.clone(), status: Arc::default(), acked: Arc::default() };
        let linger = if config.urgent.iter().any(|urgent| urgent == name) { Duration::ZERO } else { config.linger };
        let pump = Pump {
            inner: Arc::clone(&self.inner),
            stream: stream.clone(),
            status: Arc::clone(&running.status),
            acked: Arc::clone(&running.acked),
            linger,
        };
        open.insert(name.to_owned(), running);
        drop(open);
        self.spawn(pump.run());
        Ok(stream)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.inner.tasks).push(self.inner.runtime.spawn(task));
    }
}

impl Stream {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a record and returns its number. From here on it survives the death of the process.
    pub fn push(&self, record: &impl Serialize) -> Result<u64, PushError> {
        let pushed = self.spool.push(record);
        // Also after a failure: the gap has to be told.
        self.pushed.notify_one();
        pushed
    }

    /// Takes a record that holds its own number. `make` runs while the spool is locked: it must not push.
    pub fn push_with<T: Serialize>(&self, make: impl FnOnce(u64) -> T) -> Result<u64, PushError> {
        let pushed = self.spool.push_with(make);
        self.pushed.notify_one();
        pushed
    }
}

impl Inner {
    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        lock(&self.streams)
    }

    fn client(&self) -> reqwest::Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn sync_all(&self) {
        let spools: Vec<_> = self.streams().values().map(|running| running.stream.spool.clone()).collect();
        let synced = tokio::task::spawn_blocking(move || {
            for spool in spools {
                if let Err(error) = spool.sync() {
                    tracing::warn!(%error, "a spool could not be made durable");
                }
            }
        });
        // Fails only when the runtime shuts down, and then nobody is left to tell.
        drop(synced.await);
    }
}

/// Ends when the uplink is shut down, or gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

async fn sync_regularly(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    let mut ticks = tokio::time::interval(SYNC_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = ticks.tick() => inner.sync_all().await,
        }
    }
}

fn lock_and_list(dir: PathBuf) -> Result<(File, Vec<String>), UplinkError> {
    let failed = |source| folder(&dir, source);
    fs::create_dir_all(&dir).map_err(failed)?;
    let lock = File::create(dir.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(UplinkError::InUse(dir)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if streams::is_name(&name) && dir.join(&name).is_dir() {
            names.push(name);
        }
    }
    Ok((lock, names))
}

fn folder(path: &std::path::Path, source: io::Error) -> UplinkError {
    UplinkError::Folder { path: path.to_owned(), source }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every value behind these locks is whole between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
