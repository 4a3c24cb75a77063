//! Answering a registry's challenge.
//!
//! Source: the distribution project's token authentication (`GET` with Basic) and `OAuth2` (`POST` with a refresh token)
//! specifications.

use http::{HeaderMap, HeaderValue, header};
use limits::json::JsonLimits;
use serde::Deserialize;

use super::challenge::{Challenge, choose};
use super::{RegistryError, Session};
use crate::credentials::Login;

/// Largest answer of a token service, in bytes: tokens of cloud registries are a few KiB.
pub(super) const MAX_TOKEN_BYTES: usize = 256 << 10;

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Session {
    /// Tries to log in as the answer asks; false when there is nothing (more) to try with.
    pub(super) async fn log_in(&self, what: &str, headers: &HeaderMap, turn: u32) -> Result<bool, RegistryError> {
        let lines: Vec<&str> =
            headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let Some(challenge) = choose(lines.iter().copied()) else {
            if lines.is_empty() {
                return Ok(false);
            }
            let challenge = lines.join(", ").chars().take(200).collect();
            return Err(RegistryError::Challenge { registry: self.registry(), what: what.to_owned(), challenge });
        };
        let login = self.options.credentials.find(&self.reference.registry, &self.reference.repository).await?;
        let value = match (challenge, login) {
            // A second turn helps only where a token may have expired.
            (Challenge::Basic, Some(Login::Password { user, password })) if turn == 1 => Some(basic(&user, &password)),
            (Challenge::Bearer { .. }, Some(Login::Bearer(token))) if turn == 1 => Some(format!("Bearer {token}")),
            (Challenge::Basic, _) | (Challenge::Bearer { .. }, Some(Login::Bearer(_))) => None,
            (Challenge::Bearer { realm, service, scope }, login) => {
                let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.reference.repository));
                Some(format!("Bearer {}", self.token(&realm, service.as_deref(), &scope, login).await?))
            }
        };
        let Some(value) = value else { return Ok(false) };
        let mut value = HeaderValue::from_str(&value).map_err(|_| RegistryError::Token {
            registry: self.registry(),
            realm: "(login)".into(),
            reason: "it has characters that a header cannot carry".into(),
        })?;
        value.set_sensitive(true);
        *self.authorization.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
        Ok(true)
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<Login>,
    ) -> Result<String, RegistryError> {
        let failed = |reason: String| RegistryError::Token {
            registry: self.registry(),
            realm: realm.chars().take(200).collect(),
            reason,
        };
        let url = url::Url::parse(realm).map_err(|error| failed(error.to_string()))?;
        // A password goes over plain text only where the registry itself does.
        if url.scheme() != "https" && self.scheme() == "https" {
            return Err(failed("its address is not https".into()));
        }
        let login = match login {
            Some(Login::Entra(entra)) => {
                Some(Login::Identity(self.exchange(&url, service.unwrap_or_default(), &entra).await?))
            }
            other => other,
        };
        let request = match login {
            Some(Login::Identity(refresh_token)) => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("service", service.unwrap_or_default()),
                    ("client_id", "seawall"),
                    ("scope", scope),
                    ("refresh_token", &refresh_token),
                ];
                form(self.http.post(url), &fields)
            }
            other => {
                let mut url = url;
                let mut query = url.query_pairs_mut();
                if let Some(service) = service {
                    query.append_pair("service", service);
                }
                query.append_pair("scope", scope);
                drop(query);
                let request = self.http.get(url);
                match other {
                    Some(Login::Password { user, password }) => request.basic_auth(user, Some(password)),
                    _ => request,
                }
            }
        };
        let answer = tokio::time::timeout(self.options.stall_timeout, read_answer(request))
            .await
            .map_err(|_| failed(format!("no answer within {} s", self.options.stall_timeout.as_secs())))?
            .map_err(&failed)?;
        let limits = JsonLimits { bytes: MAX_TOKEN_BYTES, depth: 16 };
        let answer: TokenAnswer =
            limits::json::from_slice(&answer, &limits).map_err(|error| failed(format!("its answer: {error}")))?;
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        if token.is_empty() { Err(failed("its answer has no token".into())) } else { Ok(token) }
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// A request with the fields of a form.
pub(super) fn form(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

pub(super) async fn read_answer(request: reqwest::RequestBuilder) -> Result<Vec<u8>, String> {
    let mut response = request.send().await.map_err(|error| super::chain(&error.without_url()))?;
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| super::chain(&error.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_TOKEN_BYTES {
            return Err(format!("its answer is larger than {MAX_TOKEN_BYTES} bytes"));
        }
    }
    Ok(body)
}
