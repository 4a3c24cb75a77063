//! Azure's registries: an access token of Entra is exchanged for a refresh token of the registry's own.
//!
//! Source: the Azure Container Registry documentation, "AAD integration" (`AAD-OAuth.md` of Azure/acr): `POST
//! /oauth2/exchange` with `grant_type=access_token`; the answer's refresh token then gets tokens for repositories from
//! `/oauth2/token`, as with any registry. What it is not: a way to get the access token.

use limits::json::JsonLimits;
use serde::Deserialize;
use url::Url;

use super::auth::{MAX_TOKEN_BYTES, form, read_answer};
use super::{RegistryError, Session};
use crate::credentials::Entra;

#[derive(Deserialize)]
struct ExchangeAnswer {
    #[serde(default)]
    refresh_token: String,
}

impl Session {
    /// The refresh token for an access token. `realm` is the token service of the registry's challenge.
    pub(super) async fn exchange(&self, realm: &Url, service: &str, entra: &Entra) -> Result<String, RegistryError> {
        let failed = |reason: String| RegistryError::Token {
            registry: self.registry(),
            realm: format!("{realm} (exchange)"),
            reason,
        };
        // The token opens more than this registry: it goes to the host that the user named and to no other.
        let host = self.reference.host();
        let authority = match realm.port() {
            Some(port) => format!("{}:{port}", realm.host_str().unwrap_or_default()),
            None => realm.host_str().unwrap_or_default().to_owned(),
        };
        if authority != host {
            return Err(failed("its token service is on another host than the registry".into()));
        }
        let url = realm.join("exchange").map_err(|error| failed(error.to_string()))?;
        let mut fields = vec![("grant_type", "access_token"), ("service", service)];
        fields.extend(entra.tenant.as_deref().map(|tenant| ("tenant", tenant)));
        fields.push(("access_token", &entra.access_token));
        let request = form(self.http.post(url), &fields);
        let answer = tokio::time::timeout(self.options.stall_timeout, read_answer(request))
            .await
            .map_err(|_| failed(format!("no answer within {} s", self.options.stall_timeout.as_secs())))?
            .map_err(&failed)?;
        let limits = JsonLimits { bytes: MAX_TOKEN_BYTES, depth: 16 };
        let answer: ExchangeAnswer =
            limits::json::from_slice(&answer, &limits).map_err(|error| failed(format!("its answer: {error}")))?;
        if answer.refresh_token.is_empty() {
            return Err(failed("its answer has no refresh token".into()));
        }
        Ok(answer.refresh_token)
    }
}
