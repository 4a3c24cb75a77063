//! The hub by itself, without its supervisor, so that it can be killed and so that sensors can be started as tests like.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

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

    /// A kubeconfig for an API server that is to send its audit events here. The token is in the address: to a server
    /// that speaks plain HTTP an API server sends no token of a kubeconfig.
    pub async fn audit_webhook(&self, folder: &Path) -> Result<PathBuf> {
        let wanted = serde_json::json!({ "name": "api server", "role": "audit" });
        let made = self.sign_in().await?.post("/tokens", &wanted).await?;
        let address = format!("{}/audit/{}", self.console, made["token"].as_str().context("no token was made")?);
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "hub",
            "clusters": [{ "name": "hub", "cluster": { "server": address } }],
            "contexts": [{ "name": "hub", "context": { "cluster": "hub" } }],
        });
        let file = folder.join("audit-webhook.kubeconfig");
        std::fs::write(&file, config.to_string()).context("writing the webhook's kubeconfig")?;
        Ok(file)
    }

    fn ask(&self, what: &str) -> Result<String> {
        let mut command = Command::new(program("seawall-server")?);
        command.arg("--state-dir").arg(&self.state).arg(what);
        Ok(output(command)?.trim().to_owned())
    }
}
