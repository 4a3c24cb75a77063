//! HTTP as the senders use it: no redirects, no proxy, bounded answers, problem documents as errors.

use std::time::Duration;

use bytes::Bytes;
use limits::json::{self, JsonLimits};
use model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::backoff;
use crate::problem::Problem;

/// Largest answer of a hub that is read: acknowledgements and certificates take under 8 KiB.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// A hub that does not take a connection within this time is down.
const CONNECT: Duration = Duration::from_secs(10);
/// A batch of 4 MiB over a line of 1 Mbit/s takes 34 s; slower than that the hub counts as down.
const WHOLE_REQUEST: Duration = Duration::from_mins(1);

/// A request that did not end with what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client could not be set up.
    #[error("setting up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No connection, no TLS, or it broke off.
    #[error("the hub at {url} did not answer")]
    Network {
        /// The address.
        url: Url,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The hub answered with a refusal.
    #[error("the hub refused with {}: {}: {}", .0.problem.status, .0.problem.title, .0.problem.detail)]
    Refused(Box<Refusal>),
    /// The answer is not what this program understands.
    #[error("the hub at {url} gave an answer that is not understood: {reason}")]
    Answer {
        /// The address.
        url: Url,
        /// What is wrong with it.
        reason: String,
    },
}

/// A refusal by the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why; made from the status when the hub sent no problem document.
    pub problem: Problem,
    /// How long the hub asks to wait.
    pub retry_after: Option<Duration>,
}

impl HttpError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.problem.status),
            _ => None,
        }
    }
}

/// A client with these TLS settings.
pub(crate) fn client(tls: rustls::ClientConfig) -> Result<reqwest::Client, HttpError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        // The wire goes to the hub and nowhere else (DESIGN §5.13).
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(WHOLE_REQUEST)
        .build()
        .map_err(HttpError::Setup)
}

/// Joins a path of ours to the hub's address, keeping a path that the address has (a hub behind a prefix).
pub(crate) fn route(hub: &Url, path: &str) -> Url {
    let mut url = hub.clone();
    url.set_path(&format!("{}{path}", hub.path().trim_end_matches('/')));
    url
}

pub(crate) async fn post_json<T: DeserializeOwned>(
    client: &reqwest::Client,
    url: &Url,
    body: &impl Serialize,
) -> Result<T, HttpError> {
    let json = serde_json::to_vec(body)
        .map_err(|error| HttpError::Answer { url: url.clone(), reason: format!("writing the request: {error}") })?;
    post(client, url, "application/json", json.into()).await
}

pub(crate) async fn post<T: DeserializeOwned>(
    client: &reqwest::Client,
    url: &Url,
    content_type: &str,
    body: Bytes,
) -> Result<T, HttpError> {
    let network = |source| HttpError::Network { url: url.clone(), source };
    let request = client.post(url.clone()).header(http::header::CONTENT_TYPE, content_type).body(body);
    let mut response = request.send().await.map_err(network)?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| backoff::retry_after(value, now()));
    let answer = |reason: String| HttpError::Answer { url: url.clone(), reason };
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(answer(format!("it is larger than {MAX_ANSWER_BYTES} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return json::from_slice(&bytes, &JsonLimits::RECORD).map_err(|error| answer(error.to_string()));
    }
    let problem = json::from_slice::<Problem>(&bytes, &JsonLimits::RECORD).ok();
    let plain = || Problem::new(status.as_u16(), "plain", status.canonical_reason().unwrap_or("unknown status"), "");
    let problem = Problem { status: status.as_u16(), ..problem.unwrap_or_else(plain) };
    Err(HttpError::Refused(Box::new(Refusal { problem, retry_after })))
}

/// This moment by the machine's clock.
pub(crate) fn now() -> Timestamp {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
