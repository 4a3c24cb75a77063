//! Starting and stopping: what is opened in which order, and what is finished before the end.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;
use state::access::{NewToken, Role, TokenKind, hash_of, new_secret};
use state::{Options, Store};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wire::server::{CertificateAuthority, Revocations, TlsListener};
use wire::{JoinString, PeerIdentity};

use crate::api::MAX_STREAMS;
use crate::audit::{self, Audit};
use crate::config::{Config, ConfigError, TlsFiles};
use crate::hub::{Hub, now};
use crate::ingest::Ingest;
use crate::jobs::{self, Jobs};
use crate::join::{self, JoinPoint};
use crate::metrics::Metrics;
use crate::rules::{Rules, RulesError};
use crate::serve::{ApiListener, run_wire};
use crate::{http, ingest, rematch, running, silent};

/// The database's file in the state folder.
const DATABASE: &str = "hub.db";
/// The file that a running hub holds locked.
const LOCK: &str = "hub.lock";
/// The certificate authority's folder in the state folder.
const AUTHORITY: &str = "ca";
/// The setting that says where the wire listens, for commands that run beside the hub.
const SETTING_WIRE_URL: &str = "wire_url";
/// The setting that says where the API listens, for the same.
const SETTING_API_URL: &str = "api_url";
/// How long a one-time link waits to be used.
const LINK_HOURS: i64 = 1;
/// Largest certificate or key file.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another hub runs on the same folder.
    #[error("another hub runs on {path}; one state folder belongs to one hub (give --state-dir another)")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state folder cannot be made or used.
    #[error("preparing the state folder {path}")]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    State(#[from] state::Error),
    /// The certificate authority.
    #[error("loading the certificate authority")]
    Authority(#[from] wire::server::CaError),
    /// The wire's listener.
    #[error("listening for sensors")]
    Wire(#[from] wire::server::ListenError),
    /// The API's listener.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The API's certificate.
    #[error("using the certificate {path}: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Rules or advisories.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The address of the wire.
    #[error("{text:?} is no address of the wire: {reason}")]
    WireUrl {
        /// What was given.
        text: String,
        /// Why.
        reason: String,
    },
    /// The hub never ran with this state folder, so nobody knows where it listens.
    #[error("no hub has run with the state folder {path} yet; start it once, or set `wire_url`")]
    NeverRan {
        /// The folder.
        path: PathBuf,
    },
    /// No join string or link.
    #[error(transparent)]
    Join(#[from] join::Error),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] state::access::RandomError),
}

/// Where a hub listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// The API and the console, such as `http://127.0.0.1:8844`.
    pub api: String,
    /// The wire, such as `https://127.0.0.1:8845`.
    pub wire: String,
    /// A one-time link to sign in; only when nobody ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// A hub that was started.
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// Held until the hub has stopped.
    _lock: fs::File,
}

impl Running {
    /// Stops: no new requests, open ones end, what was accepted is durable, the write-ahead log is folded in.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the hub panicked");
            }
        }
        self.hub.store.close().await?;
        Ok(())
    }

    /// A one-time link that signs in.
    pub async fn login_link(&self) -> Result<String, StartError> {
        new_link(&self.hub.store, &self.addresses.api, "administrator").await
    }

    /// A one-time join string for a machine.
    pub async fn join_string(&self, peer: &PeerIdentity, hours: u32) -> Result<JoinString, StartError> {
        Ok(join::create(&self.hub.store, &self.hub.join, peer, hours, "system", now()).await?.join)
    }
}

/// Serves until `shutdown` ends.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    let running = start(config).await?;
    shutdown.await;
    running.stop().await
}

/// Opens everything and begins to serve.
pub async fn start(config: Config) -> Result<Running, StartError> {
    config.check()?;
    let rules = Rules::load(&config)?;
    let lock = lock_state(&config.state_dir)?;
    let store = open_store(&config).await?;
    let ca = Arc::new(CertificateAuthority::load_or_create(config.state_dir.join(AUTHORITY), now())?);
    let wire =
        TlsListener::bind(config.wire_listen, Arc::clone(&ca), &config.wire_names, Revocations::default()).await?;
    let api = bind_api(&config).await?;
    let listen = |source| StartError::Listen { address: config.listen, source };
    let api_url =
        url_of(if config.tls.is_some() { "https" } else { "http" }, api.local_addr().map_err(listen)?, &config.hosts);
    let wire_url = match &config.wire_url {
        Some(url) => url.clone(),
        None => url_of("https", wire.local_addr(), &config.wire_names),
    };
    store.set_setting(SETTING_API_URL, &api_url).await?;
    store.set_setting(SETTING_WIRE_URL, &wire_url).await?;
    let login = if store.has_users().await? { None } else { Some(new_link(&store, &api_url, "administrator").await?) };
    let (stop, stopped) = watch::channel(false);
    let hub = Arc::new(Hub {
        join: join_point(&wire_url, &ca)?,
        config,
        store,
        ca,
        ingest: Ingest::default(),
        jobs: Jobs::default(),
        audit: Audit::new(rules.compiled.clone()),
        rules,
        metrics: Metrics::new(),
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        stop: stopped.clone(),
        started: now(),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(api.run(http::routes(Arc::clone(&hub)), stopped.clone()));
    tasks.spawn(run_wire(wire, ingest::routes(Arc::clone(&hub)), stopped));
    tasks.spawn(silent::run(Arc::clone(&hub)));
    tasks.spawn(jobs::run(Arc::clone(&hub)));
    tasks.spawn(audit::run(Arc::clone(&hub)));
    if hub.config.assess_running {
        tasks.spawn(running::run(Arc::clone(&hub)));
    }
    if hub.rules.database_dir().is_some() {
        tasks.spawn(rematch::run(Arc::clone(&hub)));
    }
    let addresses = Addresses { api: api_url, wire: wire_url, login };
    tracing::info!(api = %addresses.api, wire = %addresses.wire, "the hub serves");
    Ok(Running { addresses, hub, stop, tasks, _lock: lock })
}

/// A one-time link that signs in, made beside a hub that may be running.
pub async fn login_link(config: &Config) -> Result<String, StartError> {
    let store = open_used_store(config).await?;
    let never = || StartError::NeverRan { path: config.state_dir.clone() };
    let api_url = store.setting(SETTING_API_URL).await?.ok_or_else(never)?;
    let link = new_link(&store, &api_url, "administrator").await?;
    store.close().await?;
    Ok(link)
}

/// A one-time join string for a machine, made beside a hub that may be running.
pub async fn join_string(config: &Config, peer: &PeerIdentity, hours: u32) -> Result<JoinString, StartError> {
    let store = open_used_store(config).await?;
    let ca = CertificateAuthority::load_or_create(config.state_dir.join(AUTHORITY), now())?;
    let known = match &config.wire_url {
        Some(url) => Some(url.clone()),
        None => store.setting(SETTING_WIRE_URL).await?,
    };
    let url = known.ok_or_else(|| StartError::NeverRan { path: config.state_dir.clone() })?;
    let new = join::create(&store, &join_point(&url, &ca)?, peer, hours, "command line", now()).await?;
    store.close().await?;
    Ok(new.join)
}

/// Takes the state folder for this process: embedded stores mean exactly one hub (DESIGN §2). Commands that run beside
/// the hub, such as `join-token`, do not take it.
fn lock_state(dir: &Path) -> Result<fs::File, StartError> {
    let state_dir = |source| StartError::StateDir { path: dir.to_owned(), source };
    make_private(dir).map_err(state_dir)?;
    let file = fs::File::create(dir.join(LOCK)).map_err(state_dir)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::InUse { path: dir.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(state_dir(source)),
    }
}

/// The store of a hub that has run: a command beside it makes nothing where a path was mistyped.
async fn open_used_store(config: &Config) -> Result<Store, StartError> {
    if !config.state_dir.join(DATABASE).exists() {
        return Err(StartError::NeverRan { path: config.state_dir.clone() });
    }
    open_store(config).await
}

async fn open_store(config: &Config) -> Result<Store, StartError> {
    let options = Options {
        incident_window_ms: i64::from(config.incident_window_minutes) * 60_000,
        keep_events: i64::from(config.keep_events),
        ..Options::default()
    };
    Ok(Store::open(&config.state_dir.join(DATABASE), options).await?)
}

/// The folder holds keys and everything that was seen: nobody else may look.
fn make_private(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(mode & 0o700))?;
    }
    Ok(())
}

async fn new_link(store: &Store, api_url: &str, name: &str) -> Result<String, StartError> {
    let secret = new_secret("")?;
    let now = now();
    let link = NewToken {
        kind: TokenKind::Login,
        hash: hash_of(&secret),
        name: name.to_owned(),
        role: Role::Admin,
        cluster: String::new(),
        node: String::new(),
        author: "system".to_owned(),
        expires: now.plus_millis(LINK_HOURS * 3_600_000),
    };
    store.add_token(&link, now).await?;
    Ok(format!("{api_url}/login#{secret}"))
}

fn join_point(wire_url: &str, ca: &CertificateAuthority) -> Result<JoinPoint, StartError> {
    let refuse = |reason: String| StartError::WireUrl { text: wire_url.to_owned(), reason };
    let hub_url: url::Url = wire_url.parse().map_err(|error: url::ParseError| refuse(error.to_string()))?;
    if hub_url.scheme() != "https" {
        return Err(refuse("it must begin with https://".into()));
    }
    Ok(JoinPoint { hub_url, ca: ca.fingerprint() })
}

/// How others reach an address: itself, or where it is "every address" the first name that was given.
fn url_of(scheme: &str, address: SocketAddr, names: &[String]) -> String {
    let host = match (address.ip().is_unspecified(), names.first()) {
        (true, Some(name)) => bracketed(name),
        (true, None) => "127.0.0.1".to_owned(),
        (false, _) => bracketed(&address.ip().to_string()),
    };
    format!("{scheme}://{host}:{}", address.port())
}

fn bracketed(host: &str) -> String {
    if matches!(host.parse(), Ok(IpAddr::V6(_))) { format!("[{host}]") } else { host.to_owned() }
}

async fn bind_api(config: &Config) -> Result<ApiListener, StartError> {
    let tls = config.tls.as_ref().map(tls_config).transpose()?;
    let listen = |source| StartError::Listen { address: config.listen, source };
    ApiListener::bind(config.listen, tls).await.map_err(listen)
}

fn tls_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, StartError> {
    let refuse = |path: &Path, reason: String| StartError::Tls { path: path.to_owned(), reason };
    let read = |path: &Path| limits::read_text(path, MAX_PEM_BYTES).map_err(|error| refuse(path, error.to_string()));
    let chain = CertificateDer::pem_slice_iter(read(&files.certificate)?.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(&files.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(read(&files.key)?.as_bytes())
        .map_err(|error| refuse(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refuse(&files.certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_others_reach_them() {
        let names = ["hub.example".to_owned()];
        let check = |address: &str, names: &[String], expected: &str| {
            assert_eq!(url_of("https", address.parse().unwrap(), names), expected);
        };
        check("127.0.0.1:1", &names, "https://127.0.0.1:1");
        check("[::1]:2", &names, "https://[::1]:2");
        check("0.0.0.0:3", &names, "https://hub.example:3");
        check("[::]:4", &[], "https://127.0.0.1:4");
    }
}
