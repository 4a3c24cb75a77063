//! Logins for registries, from where Docker and Podman keep them.
//!
//! Source: Docker's `config.json` (`auths`, `credsStore`, `credHelpers`) and the credential helper protocol of
//! docker/docker-credential-helpers: the host on stdin of `docker-credential-NAME get`, a JSON object on stdout.
//! Podman's `auth.json` has the same form with keys that may name a repository; the longest match wins.
//! What it is not: a place where logins are written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use limits::json::{JsonError, JsonLimits};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Largest configuration file, in bytes: a few hundred registries with long tokens.
pub const MAX_CONFIG_FILE_BYTES: u64 = 1 << 20;
/// Largest answer of a helper, in bytes: tokens of cloud registries are a few KiB.
pub const MAX_HELPER_ANSWER_BYTES: u64 = 64 << 10;
/// How long a helper may take: some open a browser or ask a cloud's metadata service.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// Docker's key for its own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A login that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// The file is not what it should be.
    #[error("{} is not a Docker configuration", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// The `auth` text is not base64 of `user:password`.
    #[error("the login for {key} in {} is not base64 of user:password", path.display())]
    Encoding {
        /// Which file.
        path: PathBuf,
        /// Which entry.
        key: String,
    },
    /// The name of a helper could name another program.
    #[error("{helper:?} is not the name of a credential helper")]
    HelperName {
        /// The name.
        helper: String,
    },
    /// The helper did not work.
    #[error("docker-credential-{helper} failed for {host}: {reason}")]
    Helper {
        /// Which helper.
        helper: String,
        /// For which registry.
        host: String,
        /// What it said.
        reason: String,
    },
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// User and password.
    Password {
        /// User.
        user: String,
        /// Password or personal token.
        password: String,
    },
    /// A refresh token of the registry's token service.
    Identity(String),
    /// A bearer token that is sent as it is.
    Bearer(String),
    /// An access token of Entra, for registries of Azure.
    Entra(Entra),
}

/// An access token of Entra, which a registry of Azure exchanges for one of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Entra {
    /// The token, for the resource of Azure's management or of its registries.
    pub access_token: String,
    /// The tenant that it is of, where the registry cannot tell by itself.
    pub tenant: Option<String>,
    /// The registries that may see it: hosts, or with a dot before them all hosts below.
    pub hosts: Vec<String>,
}

impl Entra {
    /// Hosts of Azure's registries, in its public and its sovereign clouds.
    pub const HOSTS: [&str; 3] = [".azurecr.io", ".azurecr.cn", ".azurecr.us"];

    fn is_for(&self, registry: &str) -> bool {
        let below = |host: &String| host.starts_with('.') && registry.ends_with(host.as_str());
        self.hosts.iter().any(|host| host == registry || below(host))
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entra(…)")
    }
}

impl fmt::Debug for Login {
    /// Says the kind only: secrets do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Login::Password(…)",
            Self::Identity(_) => "Login::Identity(…)",
            Self::Bearer(_) => "Login::Bearer(…)",
            Self::Entra(_) => "Login::Entra(…)",
        })
    }
}

/// Where logins are looked up.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    files: Vec<PathBuf>,
    entra: Option<Entra>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: BTreeMap<String, AuthEntry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthEntry(…)")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    #[serde(default)]
    username: String,
    secret: String,
}

impl Credentials {
    /// No logins: every registry is asked as a stranger.
    pub fn none() -> Self {
        Self::default()
    }

    /// Logins from these files, in this order. Files that do not exist are passed over.
    pub fn from_files(files: Vec<PathBuf>) -> Self {
        Self { files, entra: None }
    }

    /// The same with an access token of Entra for the registries that no file has a login for.
    #[must_use]
    pub fn with_entra(self, entra: Entra) -> Self {
        Self { entra: Some(entra), ..self }
    }

    /// Logins of the user who runs this: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` or `~/.docker/config.json`, and Podman's
    /// `auth.json`. For registries of Azure also `SEAWALL_ENTRA_TOKEN`, an access token such as `az account
    /// get-access-token` prints, with `AZURE_TENANT_ID`.
    pub fn from_environment() -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = var("HOME");
        let docker = var("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let files = [
            var("REGISTRY_AUTH_FILE"),
            docker.map(|dir| dir.join("config.json")),
            var("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
            home.map(|home| home.join(".config/containers/auth.json")),
        ];
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let entra = text("SEAWALL_ENTRA_TOKEN").map(|access_token| Entra {
            access_token,
            tenant: text("AZURE_TENANT_ID"),
            hosts: Entra::HOSTS.map(str::to_owned).to_vec(),
        });
        Self { files: files.into_iter().flatten().collect(), entra }
    }

    /// The login for a repository, `registry` as references write it; `None` where there is none.
    pub async fn find(&self, registry: &str, repository: &str) -> Result<Option<Login>, CredentialsError> {
        for path in &self.files {
            if !path.exists() {
                continue;
            }
            let bytes = limits::read_file(path, MAX_CONFIG_FILE_BYTES)?;
            let file = parse(&bytes, path)?;
            if let Some(login) = find_in(&file, path, registry, repository).await? {
                return Ok(Some(login));
            }
        }
        Ok(self.entra.clone().filter(|entra| entra.is_for(registry)).map(Login::Entra))
    }
}

/// The login that a configuration file itself holds for a repository; helpers that it names are not asked. `path` is for
/// errors.
pub fn held(bytes: &[u8], path: &Path, registry: &str, repository: &str) -> Result<Option<Login>, CredentialsError> {
    entry_in(&parse(bytes, path)?, path, registry, repository)
}

fn parse(bytes: &[u8], path: &Path) -> Result<ConfigFile, CredentialsError> {
    let limits = JsonLimits { bytes: bytes.len(), depth: 16 };
    limits::json::from_slice(bytes, &limits).map_err(|source| CredentialsError::Parse { path: path.to_owned(), source })
}

async fn find_in(
    file: &ConfigFile,
    path: &Path,
    registry: &str,
    repository: &str,
) -> Result<Option<Login>, CredentialsError> {
    let server = if registry == crate::reference::DEFAULT_REGISTRY { DOCKER_HUB_KEY } else { registry };
    // As Docker: a helper for this registry is the only source for it.
    if let Some(helper) = file.cred_helpers.get(registry) {
        return ask_helper(helper, server).await;
    }
    if let Some(helper) = file.creds_store.as_deref().filter(|helper| !helper.is_empty())
        && let Some(login) = ask_helper(helper, server).await?
    {
        return Ok(Some(login));
    }
    entry_in(file, path, registry, repository)
}

fn entry_in(
    file: &ConfigFile,
    path: &Path,
    registry: &str,
    repository: &str,
) -> Result<Option<Login>, CredentialsError> {
    let wanted = format!("{registry}/{repository}");
    let entry = file
        .auths
        .iter()
        .filter(|(key, _)| covers(key, registry, &wanted))
        .max_by_key(|(key, _)| normal_key(key).len());
    match entry {
        Some((key, entry)) => decode(entry, key, path),
        None => Ok(None),
    }
}

/// Keys without the scheme and the `/v1/` that old versions wrote.
fn normal_key(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

fn covers(key: &str, registry: &str, wanted: &str) -> bool {
    let key = normal_key(key);
    if registry == crate::reference::DEFAULT_REGISTRY && matches!(key, "index.docker.io" | "registry-1.docker.io") {
        return true;
    }
    wanted.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn decode(entry: &AuthEntry, key: &str, path: &Path) -> Result<Option<Login>, CredentialsError> {
    if !entry.registrytoken.is_empty() {
        return Ok(Some(Login::Bearer(entry.registrytoken.clone())));
    }
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Login::Identity(entry.identitytoken.clone())));
    }
    if !entry.username.is_empty() {
        return Ok(Some(Login::Password { user: entry.username.clone(), password: entry.password.clone() }));
    }
    if entry.auth.is_empty() {
        // Docker leaves empty entries where a helper holds the secret.
        return Ok(None);
    }
    let wrong = || CredentialsError::Encoding { path: path.to_owned(), key: key.to_owned() };
    let bytes = base64::engine::general_purpose::STANDARD.decode(entry.auth.trim()).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    let (user, password) = text.split_once(':').ok_or_else(wrong)?;
    // Some writers pad the password with NUL bytes.
    let password = password.trim_end_matches('\0').to_owned();
    Ok(Some(Login::Password { user: user.to_owned(), password }))
}

/// Runs `docker-credential-HELPER get`. `None` when it knows no login.
async fn ask_helper(helper: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    if helper.is_empty() || !helper.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return Err(CredentialsError::HelperName { helper: helper.chars().take(80).collect() });
    }
    let failed = |reason: String| CredentialsError::Helper {
        helper: helper.to_owned(),
        host: server.to_owned(),
        reason: reason.trim().chars().take(300).collect(),
    };
    let run = async {
        let mut child = tokio::process::Command::new(format!("docker-credential-{helper}"))
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(server.as_bytes()).await?;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_HELPER_ANSWER_BYTES + 1).read_to_end(&mut answer).await?;
            if answer.len() as u64 > MAX_HELPER_ANSWER_BYTES {
                let message = format!("it says more than {MAX_HELPER_ANSWER_BYTES} bytes");
                return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
            }
        }
        Ok::<_, std::io::Error>((child.wait().await?, answer))
    };
    let (status, answer) = tokio::time::timeout(HELPER_TIMEOUT, run)
        .await
        .map_err(|_| failed(format!("no answer within {} s", HELPER_TIMEOUT.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&answer).into_owned();
        // The protocol's only way to say "none": a text that all helpers share.
        let none = said.contains("credentials not found");
        return if none { Ok(None) } else { Err(failed(format!("{status}: {said}"))) };
    }
    answered(&answer).map(Some).map_err(|error| failed(format!("not the answer expected: {error}")))
}

/// The login in what a helper answers to `get`.
pub fn answered(answer: &[u8]) -> Result<Login, JsonError> {
    let limits = JsonLimits { bytes: answer.len(), depth: 8 };
    let answer: HelperAnswer = limits::json::from_slice(answer, &limits)?;
    Ok(match answer.username.as_str() {
        "<token>" => Login::Identity(answer.secret),
        _ => Login::Password { user: answer.username, password: answer.secret },
    })
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
