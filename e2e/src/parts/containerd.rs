//! Debian's containerd with runc, in folders and on a socket of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use super::process::output;
use super::{LIMIT, wait_for};

/// Namespace of our containers in containerd.
pub const NAMESPACE: &str = "seawall-e2e";

/// A running containerd.
#[derive(Debug)]
pub struct Containerd {
    process: Daemon,
    socket: PathBuf,
}

/// A process that descends from nobody here, as a daemon of a node does: rules look at ancestors, and `cargo` among them
/// would make a build of every container.
#[derive(Debug)]
struct Daemon {
    pid: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts a command line in a session of its own; what it says goes to `LOGS/containerd.log`.
    fn start(line: &[&str], folder: &Path, logs: &Path) -> Result<Self> {
        let (log, file) = (logs.join("containerd.log"), folder.join("containerd.pid"));
        let mut command = Command::new("setsid");
        command.args(["--fork", "sh", "-c", "echo $$ > \"$0\"; log=$1; shift; exec \"$@\" > \"$log\" 2>&1"]);
        output({
            command.arg(&file).arg(&log).args(line);
            command
        })?;
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            let pid = if file.exists() { testkit::read_text(&file) } else { String::new() };
            if pid.ends_with('\n') {
                return Ok(Self { pid: pid.trim().to_owned(), log });
            }
            std::thread::yield_now();
        }
        bail!("containerd was not started")
    }

    fn runs(&self) -> bool {
        Path::new("/proc").join(&self.pid).exists()
    }

    /// An error with the end of the log when it has ended.
    fn check(&self) -> Result<()> {
        ensure!(self.runs(), "containerd ended:\n{}", super::tail(&self.log));
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // What cannot be stopped here was stopped already.
        drop(Command::new("kill").args(["-s", "TERM", &self.pid]).status());
        let started = Instant::now();
        while self.runs() && started.elapsed() < LIMIT {
            std::thread::yield_now();
        }
    }
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
        let line = ["containerd", "--config", &config.display().to_string()];
        let containerd = Self { process: Daemon::start(&line, folder, logs)?, socket };
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
