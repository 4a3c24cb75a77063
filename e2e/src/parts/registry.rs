//! Debian's `docker-registry` (distribution v2) on loopback.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::process::{Running, output};
use super::{free_port, wait_for};

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Running,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Registry {
    /// Starts it with its files under `folder`.
    pub async fn start(folder: &Path, logs: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = folder.join("registry.yml");
        let root = folder.join("registry");
        let text = format!(
            "version: 0.1\nlog: {{ level: warn }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: \"{address}\" }}\n",
            root.display()
        );
        std::fs::write(&config, text).context("writing the registry's configuration")?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config);
        let mut registry = Self { process: Running::start("docker-registry", command, logs)?, address };
        let url = format!("http://{}/v2/", registry.address);
        let client = reqwest::Client::builder().no_proxy().build().context("making a client")?;
        wait_for("the registry", || {
            let request = client.get(&url);
            let alive = registry.process.check();
            async move {
                alive?;
                Ok(request.send().await.ok().filter(|answer| answer.status().is_success()))
            }
        })
        .await?;
        Ok(registry)
    }

    /// Pushes an OCI layout as `name` (`app:1`) with skopeo, which compresses its layers as builders do.
    pub fn push(&self, layout: &Path, name: &str) -> Result<String> {
        let reference = format!("{}/{name}", self.address);
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "--dest-compress"]);
        command.args(["--dest-compress-format", "gzip"]);
        command.arg(format!("oci:{}", layout.display())).arg(format!("docker://{reference}"));
        output(command)?;
        Ok(reference)
    }

    /// Pulls an image into an archive that container runtimes import, digests unchanged.
    pub fn save(&self, reference: &str, archive: &Path) -> Result<()> {
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--preserve-digests"]);
        let tag = reference.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        command.arg(format!("docker://{reference}")).arg(format!("oci-archive:{}:{tag}", archive.display()));
        output(command).map(|_| ())
    }
}
