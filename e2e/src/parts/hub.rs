//! The hub by itself, without its supervisor, so that it can be killed and so that sensors can be started as tests like.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::process::{Running, output};
use super::{program, wait_for};
use crate::api::Api;

/// A running hub.
#[derive(Debug)]
pub struct Hub {
    /// Its process.
    pub process: Running,
    /// Port of the wire, where sensors send.
    pub wire_port: u16,
    console: String,
    state: PathBuf,
}

impl Hub {
    /// Starts it with its state in `FOLDER/hub`; port 0 is any.
    pub async fn start(folder: &Path, wire_port: u16) -> Result<Self> {
        Self::start_with(folder, wire_port, "{}\n").await
    }

    /// The same with a configuration.
    pub async fn start_with(folder: &Path, wire_port: u16, config: &str) -> Result<Self> {
        let (state, file) = (folder.join("hub"), folder.join("hub.yaml"));
        std::fs::write(&file, config).context("writing the hub's configuration")?;
        let mut command = Command::new(program("seawall-server")?);
        command.arg("--config").arg(&file).arg("--state-dir").arg(&state).args([
            "--listen",
            "127.0.0.1:0",
            "--print-addresses",
        ]);
        command.arg("--wire-listen").arg(format!("127.0.0.1:{wire_port}"));
        let mut process = Running::start("seawall-server", command, folder)?;
        let log = process.log().to_path_buf();
        let (line, _) = wait_for("the hub", || {
            let alive = process.check();
            let text = testkit::read_text(&log);
            async move {
                alive?;
                Ok(text.lines().find(|line| line.starts_with('{')).map(str::to_owned))
            }
        })
        .await?;
        let addresses: serde_json::Value = serde_json::from_str(&line).context("reading the addresses")?;
        let console = addresses["api"].as_str().context("no API address")?.to_owned();
        let wire = addresses["wire"].as_str().context("no wire address")?;
        let port = wire.rsplit(':').next().context("no port")?.trim_end_matches('/');
        let wire_port = port.parse().with_context(|| format!("reading the port of {wire}"))?;
        Ok(Self { process, wire_port, console, state })
    }

    /// A signed-in client of its API.
    pub async fn sign_in(&self) -> Result<Api> {
        Api::sign_in(&self.console, &self.ask("login-link")?).await
    }

    /// A join string for one sensor.
    pub fn join_token(&self) -> Result<String> {
        self.ask("join-token")
    }

    /// A hub that speaks TLS, with a certificate of its own, and the kubeconfig by which an API server sends it audit events.
    /// Over plain HTTP an API server would not send the token of a kubeconfig.
    pub async fn start_for_api_server(folder: &Path) -> Result<(Self, PathBuf)> {
        let (certificate, key) = (folder.join("hub.crt"), folder.join("hub.key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=hub"]);
        openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
        output(openssl)?;
        let tls = json!({ "tls": { "certificate": certificate, "key": key } });
        let hub = Self::start_with(folder, 0, &tls.to_string()).await?;
        let wanted = json!({ "name": "api server", "role": "audit" });
        let made = hub.sign_in().await?.post("/tokens", &wanted).await?;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "hub",
            "clusters": [{ "name": "hub", "cluster": {
                "server": format!("{}/audit", hub.console), "certificate-authority": certificate,
            } }],
            "users": [{ "name": "api-server", "user": { "token": made["token"] } }],
            "contexts": [{ "name": "hub", "context": { "cluster": "hub", "user": "api-server" } }],
        });
        let file = folder.join("audit-webhook.kubeconfig");
        std::fs::write(&file, config.to_string()).context("writing the webhook's kubeconfig")?;
        Ok((hub, file))
    }

    fn ask(&self, what: &str) -> Result<String> {
        let mut command = Command::new(program("seawall-server")?);
        command.arg("--state-dir").arg(&self.state).arg(what);
        Ok(output(command)?.trim().to_owned())
    }
}
