//! A client for registries: the pull half of the OCI distribution specification 1.1, streaming and resuming.
//!
//! What it is: requests with logins, patience (429, 5xx, broken connections) and errors that say what and where.
//! What it is not: a push client, a cache, or a judge of content; digests of blobs are checked in [`crate::blob`].

mod auth;
mod azure;
pub mod challenge;
mod error;
mod fetch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::redirect;

pub use error::RegistryError;
pub use fetch::Document;

use crate::credentials::Credentials;
use crate::reference::RegistryReference;

/// Longest text of an error that is read, in bytes: what people can use fits on a screen.
const MAX_ERROR_BYTES: usize = 16 << 10;
/// Largest certificate file, in bytes: the bundle of all public authorities is 220 KiB.
const MAX_CERTIFICATE_BYTES: u64 = 4 << 20;
/// Redirects that are followed: a registry sends one to its storage, which may send one to its region.
const MAX_REDIRECTS: usize = 5;
/// Logins per request: without one, with the first token, with a fresh one when that had expired.
const MAX_LOGINS: u32 = 2;

/// How to talk to a registry.
#[derive(Debug, Clone)]
pub struct Options {
    /// No TLS. Registries on this machine are asked without it in any case.
    pub plain_http: bool,
    /// Logins.
    pub credentials: Credentials,
    /// More authorities to trust, PEM files; `/etc/docker/certs.d/HOST/*.crt` are read as well.
    pub certificates: Vec<PathBuf>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence, before an answer or within a body.
    pub stall_timeout: Duration,
    /// Longest wait that a registry may ask for (429), in all, per request.
    pub max_wait: Duration,
    /// First pause after a failure; doubles each time.
    pub backoff: Duration,
    /// How often a request that failed is tried, at least 1.
    pub attempts: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plain_http: false,
            credentials: Credentials::none(),
            certificates: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            max_wait: Duration::from_mins(1),
            backoff: Duration::from_millis(500),
            attempts: 4,
        }
    }
}

/// A repository of a registry, with its connection pool and its token.
#[derive(Debug)]
pub struct Session {
    http: reqwest::Client,
    options: Options,
    reference: RegistryReference,
    scheme: Mutex<&'static str>,
    authorization: Mutex<Option<HeaderValue>>,
}

/// One thing to get.
struct Request<'a> {
    /// Path after `/v2/REPOSITORY/`.
    path: String,
    /// For errors.
    what: &'a str,
    headers: HeaderMap,
}

impl Session {
    /// Prepares a connection; nothing is sent yet.
    pub fn new(reference: &RegistryReference, options: &Options) -> Result<Arc<Self>, RegistryError> {
        let plain = options.plain_http || reference.is_loopback();
        let setup = |source| RegistryError::Setup { registry: reference.registry.clone(), source };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("seawall/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .redirect(redirect_policy());
        if reference.is_loopback() {
            builder = builder.no_proxy();
        }
        for path in certificate_files(options, reference) {
            let pem = limits::read_file(&path, MAX_CERTIFICATE_BYTES)?;
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(&pem).map_err(setup)?);
        }
        Ok(Arc::new(Self {
            http: builder.build().map_err(setup)?,
            options: options.clone(),
            reference: reference.clone(),
            scheme: Mutex::new(if plain { "http" } else { "https" }),
            authorization: Mutex::new(None),
        }))
    }

    /// The repository's name as people write it.
    fn name(&self) -> String {
        format!("{}/{}", self.reference.registry, self.reference.repository)
    }

    fn registry(&self) -> String {
        self.reference.registry.clone()
    }

    fn scheme(&self) -> &'static str {
        lock(&self.scheme)
    }

    /// Sends a request until it is answered with success, with logins and patience.
    async fn get(&self, request: &Request<'_>) -> Result<reqwest::Response, RegistryError> {
        let (mut failures, mut logins, mut waited) = (0, 0, Duration::ZERO);
        loop {
            let error = match self.send(request).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && logins < MAX_LOGINS => {
                    logins += 1;
                    if self.log_in(request.what, response.headers(), logins).await? {
                        continue;
                    }
                    self.refused(request.what, response, logins > 1).await
                }
                Ok(response) if self.wants_tls(&response) => {
                    *self.scheme.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = "https";
                    continue;
                }
                Ok(response) => self.refused(request.what, response, logins > 0).await,
                Err(error) => error,
            };
            failures += 1;
            let Some(pause) = self.pause_after(&error, failures, waited) else { return Err(error) };
            tracing::debug!(%error, ?pause, "trying again");
            waited += pause;
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&self, request: &Request<'_>) -> Result<reqwest::Response, RegistryError> {
        let (registry, what) = (self.registry(), request.what.to_owned());
        let url =
            format!("{}://{}/v2/{}/{}", self.scheme(), self.reference.host(), self.reference.repository, request.path);
        let mut builder = self.http.get(url).headers(request.headers.clone());
        if let Some(value) = lock(&self.authorization) {
            builder = builder.header(header::AUTHORIZATION, value);
        }
        match tokio::time::timeout(self.options.stall_timeout, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(source)) => Err(RegistryError::Connect { registry, what, source: source.without_url() }),
            Err(_) => {
                let seconds = self.options.stall_timeout.as_secs();
                Err(RegistryError::Stalled { registry, what, seconds })
            }
        }
    }

    /// A registry on this machine may speak TLS after all: Go's server says so in plain text.
    fn wants_tls(&self, response: &reqwest::Response) -> bool {
        response.status() == StatusCode::BAD_REQUEST
            && self.scheme() == "http"
            && !self.options.plain_http
            && response.headers().get(header::CONTENT_TYPE).is_none()
            && response.headers().get("docker-distribution-api-version").is_none()
    }

    /// How long to wait before the next try; `None` to give up.
    fn pause_after(&self, error: &RegistryError, failures: u32, waited: Duration) -> Option<Duration> {
        if failures >= self.options.attempts {
            return None;
        }
        let backoff = self.options.backoff.saturating_mul(1 << (failures - 1).min(6));
        let pause = match error {
            RegistryError::RateLimited { retry_after, .. } => retry_after.unwrap_or(backoff),
            RegistryError::Server { .. } | RegistryError::Connect { .. } | RegistryError::Stalled { .. } => backoff,
            _ => return None,
        };
        (waited + pause <= self.options.max_wait).then_some(pause)
    }

    /// Turns an answer that is no success into an error with what the registry said.
    async fn refused(&self, what: &str, response: reqwest::Response, with_login: bool) -> RegistryError {
        let (registry, what, status) = (self.registry(), what.to_owned(), response.status());
        let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        let detail = error_text(response, self.options.stall_timeout).await;
        match status {
            StatusCode::UNAUTHORIZED => RegistryError::Unauthorized { registry, what, detail, with_login },
            StatusCode::FORBIDDEN => RegistryError::Forbidden { registry, what, detail },
            StatusCode::NOT_FOUND => RegistryError::NotFound { registry, what, detail },
            StatusCode::TOO_MANY_REQUESTS => RegistryError::RateLimited { registry, what, retry_after },
            status if status.is_server_error() => {
                RegistryError::Server { registry, what, status: status.as_u16(), detail }
            }
            status => RegistryError::Status { registry, what, status: status.as_u16(), detail },
        }
    }
}

fn lock<T: Clone>(mutex: &Mutex<T>) -> T {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

/// Follows a registry to its storage, but never from TLS to plain text.
fn redirect_policy() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let from_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else if from_tls && attempt.url().scheme() != "https" {
            attempt.error("a redirect from https to http is not followed")
        } else {
            attempt.follow()
        }
    })
}

/// The files of the options, and what Docker would trust for this host.
fn certificate_files(options: &Options, reference: &RegistryReference) -> Vec<PathBuf> {
    let mut files = options.certificates.clone();
    let dir = PathBuf::from("/etc/docker/certs.d").join(&reference.registry);
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .collect();
    found.sort();
    files.extend(found);
    files
}

/// The specification's error body.
#[derive(serde::Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(serde::Deserialize)]
struct OneError {
    #[serde(default)]
    message: String,
}

/// What a registry says in its error, with a colon before it: the messages of the specification's `errors` list, else
/// nothing (pages of proxies help nobody).
async fn error_text(mut response: reqwest::Response, patience: Duration) -> String {
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(patience, response.chunk()).await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    let limits = limits::json::JsonLimits { bytes: MAX_ERROR_BYTES, depth: 16 };
    let Ok(errors) = limits::json::from_slice::<Errors>(&body, &limits) else { return String::new() };
    let messages: Vec<&str> = errors.errors.iter().map(|error| error.message.as_str()).collect();
    let text: String = messages.join("; ").chars().filter(|c| !c.is_control()).take(200).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
