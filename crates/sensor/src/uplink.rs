//! The way to the hub: enrolment at the first start, then the wire's spool and sender on a thread of their own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use model::{Alert, Coverage, Event, Loss, Sender};
use wire::enrol::Names;

use crate::config::Config;
use crate::facts;
use crate::output::Uplink;

/// How long a stop waits for what is not sent yet; the rest stays in the spool for the next start.
const GRACE: Duration = Duration::from_secs(5);
/// How long events wait for others before they are sent; alerts and coverage do not. A batch costs this node about a
/// millisecond, however few events are in it.
const LINGER: Duration = Duration::from_secs(1);
/// How often a spool that takes nothing is worth a line.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// Where identity and spool are when nothing else was said.
const STATE_DIR: &str = "/var/lib/seawall/sensor";

/// A started uplink and the runtime that moves it.
#[expect(missing_debug_implementations, reason = "the wire's uplink has none")]
pub struct Connection {
    runtime: tokio::runtime::Runtime,
    uplink: Arc<wire::Uplink>,
}

/// What the output holds.
#[expect(missing_debug_implementations, reason = "the wire's uplink has none")]
pub struct Handle(Arc<wire::Uplink>);

impl Uplink for Handle {
    fn alert(&mut self, alert: &Alert) {
        push(&self.0, wire::streams::ALERTS, |_| alert);
    }

    fn event(&mut self, event: Event) {
        push(&self.0, wire::streams::EVENTS, |seq| Event { seq, ..event });
    }

    fn coverage(&mut self, statement: &Coverage) {
        push(&self.0, wire::streams::COVERAGE, |_| statement);
    }

    fn counters(&mut self, losses: std::collections::BTreeMap<String, Loss>) {
        self.0.set_counters(losses);
    }
}

/// Spools one record; `make` gets its sequence number.
pub(crate) fn push<T: serde::Serialize>(uplink: &wire::Uplink, stream: &str, make: impl FnOnce(u64) -> T) {
    // A record that does not fit into the spool becomes a gap with a cause; the spool counts it itself.
    let pushed = uplink.stream(stream).map_err(anyhow::Error::from);
    if let Err(error) = pushed.and_then(|stream| Ok(stream.push_with(make)?)) {
        complain(&error);
    }
}

/// Warns of what could not be spooled: on a full disk that is each record.
fn complain(error: &anyhow::Error) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    static UNSAID: AtomicU64 = AtomicU64::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() < COMPLAIN_EVERY) {
        UNSAID.fetch_add(1, Ordering::Relaxed);
        return;
    }
    *last = Some(Instant::now());
    match UNSAID.swap(0, Ordering::Relaxed) {
        0 => tracing::warn!("{error:#}"),
        unsaid => tracing::warn!("{error:#}; the same or the like {unsaid} times before"),
    }
}

/// Starts the uplink where a hub is configured or was joined before. `host_name` is this machine's own.
pub fn start(config: &Config, host_name: &str) -> anyhow::Result<Option<Connection>> {
    if config.hub.is_none() && config.enrol_token.is_none() && config.state_dir.is_none() {
        return Ok(None);
    }
    let dir = config.state_dir.clone().unwrap_or_else(|| PathBuf::from(STATE_DIR));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("uplink")
        .enable_all()
        .build()
        .context("starting the uplink's thread")?;
    let path = dir.join("identity.json");
    let identity = runtime.block_on(identity(config, host_name, &path))?;
    let Some(identity) = identity else { return Ok(None) };
    let hub = match &config.hub {
        Some(address) => address.parse().with_context(|| format!("--hub {address} is not an address"))?,
        None => identity.hub_url.clone(),
    };
    let node = identity.peer.node.clone();
    let mut settings = wire::UplinkConfig::new(hub, identity, dir.join("spool"), crate::PROGRAM, crate::VERSION);
    settings.identity_path = Some(path);
    settings.linger = LINGER;
    let uplink = Arc::new(runtime.block_on(wire::Uplink::start(settings)).context("starting the uplink")?);
    if let Some(node) = node {
        runtime.spawn(facts::keep_sending(Arc::downgrade(&uplink), config.host_root(), node));
    }
    Ok(Some(Connection { runtime, uplink }))
}

/// The identity that is kept, else a new one for whom the token is. Names that are given must fit either.
async fn identity(config: &Config, host_name: &str, path: &Path) -> anyhow::Result<Option<wire::Identity>> {
    let given = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let names =
        Names { cluster: given(&config.cluster), node: given(&config.node), host_name: Some(host_name.to_owned()) };
    if path.exists() {
        let identity = wire::Identity::load(path).context("reading this node's identity")?;
        let peer = &identity.peer;
        if names.granted(&peer.cluster, peer.node.as_deref()).is_none() {
            bail!(
                "--cluster or --node is not who this node joined as, {peer}\nhint: leave them out, or remove {} and \
                 join anew",
                path.display()
            );
        }
        return Ok(Some(identity));
    }
    let Some(token) = &config.enrol_token else {
        if config.hub.is_some() {
            bail!("this node has not joined a hub: give --enrol-token with the join string that the hub prints");
        }
        return Ok(None);
    };
    let join: wire::JoinString = token.parse().context("reading the join string (--enrol-token)")?;
    let identity = wire::enrol::request_as(&join, names).await.context("joining the hub")?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("making the state folder {}", dir.display()))?;
    }
    identity.save(path).context("keeping this node's identity")?;
    Ok(Some(identity))
}

impl Connection {
    /// Who sends.
    pub fn sender(&self) -> Sender {
        self.uplink.sender().clone()
    }

    /// What the output holds.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.uplink))
    }

    /// Sends what it can.
    pub fn stop(self) {
        // The output dropped its handle by now; where it did not, the spool keeps everything.
        if let Ok(uplink) = Arc::try_unwrap(self.uplink) {
            self.runtime.block_on(uplink.shutdown(GRACE));
        }
    }
}
