//! A client of the hub's API as a program uses it: signs in with the one-time link, keeps the cookie.

use anyhow::{Context as _, Result, bail};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method};
use serde_json::Value;

/// A signed-in client.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    cookie: String,
}

impl Api {
    /// Signs in with a one-time link (`…#SECRET`).
    pub async fn sign_in(console: &str, link: &str) -> Result<Self> {
        // A hub that speaks TLS here has a certificate that was made for the test.
        let client =
            Client::builder().no_proxy().danger_accept_invalid_certs(true).build().context("making a client")?;
        let token = link.rsplit_once('#').map(|(_, token)| token).context("the link has no secret")?;
        let base = format!("{console}/api/v1");
        let request = client.post(format!("{base}/session")).header("origin", console);
        let answer = request.json(&serde_json::json!({ "token": token })).send().await.context("signing in")?;
        if !answer.status().is_success() {
            bail!("signing in was answered {}: {}", answer.status(), answer.text().await.unwrap_or_default());
        }
        let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).context("no cookie was set")?.to_owned();
        Ok(Self { client, base, cookie })
    }

    /// The items of a list, its first page.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let page = self.get(path).await?;
        page["items"].as_array().cloned().with_context(|| format!("{path} has no items: {page}"))
    }

    /// A resource.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Posts something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let shown = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        if let Some(body) = body {
            let origin = self.base.trim_end_matches("/api/v1");
            request = request.header("origin", origin).json(body);
        }
        let answer = request.send().await.with_context(|| shown.clone())?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| shown.clone())?;
        if !status.is_success() {
            bail!("{shown} was answered {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{shown} answered no JSON: {text}"))
    }

    /// A new one-time link for a browser, made by the hub's own program while it runs.
    pub fn login_link(state_dir: &std::path::Path) -> Result<String> {
        let mut command = std::process::Command::new(crate::parts::program("seawall-server")?);
        command.arg("--state-dir").arg(state_dir.join("hub")).arg("login-link");
        Ok(crate::parts::process::output(command)?.trim().to_owned())
    }
}
