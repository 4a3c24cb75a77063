//! What can go wrong with a registry: always which one, what was asked for, and what it answered.

use std::time::Duration;

use crate::credentials::CredentialsError;

/// A registry that did not deliver. `what` names the thing asked for, such as `manifest 1 of r.example/app` or
/// `blob sha256:… of r.example/app`.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It wants a login, or another one.
    #[error("{registry} refused the login (401) for {what}{detail}")]
    Unauthorized {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What it said, with a colon before it; may be empty.
        detail: String,
        /// Whether a login was sent.
        with_login: bool,
    },
    /// The login may not have it.
    #[error("{registry} denies (403) {what}{detail}")]
    Forbidden {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What it said.
        detail: String,
    },
    /// It does not have it.
    #[error("{registry} has no {what} (404){detail}")]
    NotFound {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What it said.
        detail: String,
    },
    /// Too many requests, for longer than we wait.
    #[error("{registry} asks to slow down (429) before it gives {what}{}", wait_text(*.retry_after))]
    RateLimited {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// `Retry-After`, where it was given in seconds.
        retry_after: Option<Duration>,
    },
    /// It failed.
    #[error("{registry} failed ({status}) on {what}{detail}")]
    Server {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// It answered something else.
    #[error("{registry} answered {status} for {what}{detail}")]
    Status {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// No connection, or it broke before an answer.
    #[error("no answer from {registry} for {what}")]
    Connect {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It stopped sending.
    #[error("{registry} sent nothing for {seconds} s while {what} was awaited")]
    Stalled {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The connection broke within the body, as often as we are willing to go on.
    #[error("{registry} broke off {what} after {received} bytes")]
    Broken {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Bytes received in all.
        received: u64,
        /// Why, where the connection itself failed rather than ended.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// Its size is not what the manifest says.
    #[error("{registry} announces {announced} bytes for {what}, its manifest says {expected}")]
    Length {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// By `Content-Length`.
        announced: u64,
        /// By the manifest.
        expected: u64,
    },
    /// A page of a proxy or a login form instead of content.
    #[error("{registry} answered {found:?} where {what} was expected")]
    ContentType {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// The media type that came.
        found: String,
    },
    /// The document is larger than such documents are.
    #[error("{registry} sends more than {limit} bytes for {what}")]
    TooBig {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Most bytes.
        limit: u64,
    },
    /// The document has another digest than was asked for or announced.
    #[error("{registry} sent {found} for {what}, which should be {expected}")]
    Digest {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Computed.
        found: String,
        /// Asked for, or announced in `Docker-Content-Digest`.
        expected: String,
    },
    /// It asks for a kind of login that does not exist here.
    #[error("{registry} asks for an unknown kind of login for {what}: {challenge:?}")]
    Challenge {
        /// Host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Its header.
        challenge: String,
    },
    /// Its token service did not work.
    #[error("the token service {realm} of {registry} gave no token: {reason}")]
    Token {
        /// Host.
        registry: String,
        /// Address of the service.
        realm: String,
        /// Why.
        reason: String,
    },
    /// The user's logins could not be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No client could be made (unreadable certificates).
    #[error("setting up the connection to {registry}")]
    Setup {
        /// Host.
        registry: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A certificate file could not be read.
    #[error(transparent)]
    Certificates(#[from] limits::ReadError),
}

fn wait_text(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!(", for {} s", wait.as_secs()))
}

impl RegistryError {
    /// The command or the step that helps; `None` where nothing general does.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unauthorized { registry, with_login: false, .. } => format!("docker login {registry}"),
            Self::Unauthorized { registry, .. } => {
                format!("the login in ~/.docker/config.json does not work: docker login {registry}")
            }
            Self::Forbidden { .. } => "ask for the right to pull from this repository".into(),
            Self::NotFound { .. } => {
                "check name, tag and digest; a private repository may also answer this to strangers: docker login"
                    .into()
            }
            Self::RateLimited { .. } => "try again later, or log in: logged-in users have higher limits".into(),
            Self::Server { .. } | Self::Stalled { .. } | Self::Broken { .. } => {
                "try again; if it stays, tell the registry's operator".into()
            }
            Self::Connect { registry, source, .. } if !source.is_timeout() => {
                format!("is {registry} the right host and port? --plain-http asks without TLS")
            }
            Self::Connect { .. } => "check network, proxy variables and firewall".into(),
            Self::ContentType { .. } => "is there a proxy or a login page before the registry?".into(),
            Self::Length { .. } | Self::Digest { .. } => "the content cannot be trusted; push the image again".into(),
            _ => return None,
        })
    }
}
