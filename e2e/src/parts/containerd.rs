//! Debian's containerd with runc, in folders and on a socket of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::process::{Running, output};
use super::wait_for;

/// Namespace of our containers in containerd.
pub const NAMESPACE: &str = "seawall-e2e";

/// A running containerd.
#[derive(Debug)]
pub struct Containerd {
    process: Running,
    socket: PathBuf,
}

impl Containerd {
    /// Starts it with root, state and socket under `folder`.
    pub async fn start(folder: &Path, logs: &Path) -> Result<Self> {
        Self::start_with(&folder.join("root"), folder, logs).await
    }

    /// Starts it with its images in `root`, which may outlive it, and state and socket under `folder`.
    pub async fn start_with(root: &Path, folder: &Path, logs: &Path) -> Result<Self> {
        let socket = folder.join("containerd.sock");
        let config = folder.join("containerd.toml");
        // The CRI part is left out: nothing here speaks it, and it would ask for a sandbox image.
        let text = format!(
            "version = 2\nroot = \"{2}\"\nstate = \"{0}/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = \"{1}\"\n[ttrpc]\naddress = \"{1}.ttrpc\"\n",
            folder.display(),
            socket.display(),
            root.display()
        );
        std::fs::write(&config, text).context("writing containerd's configuration")?;
        let mut command = Command::new("containerd");
        command.arg("--config").arg(&config);
        let mut containerd = Self { process: Running::start("containerd", command, logs)?, socket };
        wait_for("containerd", || {
            let alive = containerd.process.check();
            let mut version = Command::new("ctr");
            version.arg("--address").arg(&containerd.socket).arg("version");
            async move {
                alive?;
                Ok(version.output().is_ok_and(|output| output.status.success()).then_some(()))
            }
        })
        .await?;
        Ok(containerd)
    }

    /// A `ctr` command in our namespace.
    pub fn ctr(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&self.socket).args(["--namespace", NAMESPACE]).args(args);
        command
    }

    /// Imports an archive under a name.
    pub fn import(&self, archive: &Path, name: &str) -> Result<()> {
        let archive = archive.display().to_string();
        // The archive carries only a tag; containerd joins it to the base name.
        let base = name.rsplit_once(':').map_or(name, |(base, _)| base);
        output(self.ctr(&["images", "import", "--base-name", base, &archive])).map(|_| ())
    }

    /// Runs a container to its end and gives its output.
    pub fn run(&self, image: &str, id: &str, args: &[&str]) -> Result<String> {
        output(self.ctr(&[&["run", "--rm", image, id], args].concat()))
    }
}
