//! `seawall up`, started as a user starts it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::process::Running;
use super::{program, wait_for};

/// The running product.
#[derive(Debug)]
pub struct Seawall {
    /// The supervisor.
    pub process: Running,
    /// Where everything is.
    pub addresses: Addresses,
}

/// What `seawall up --print-addresses` prints.
#[derive(Debug, Clone, Deserialize)]
pub struct Addresses {
    /// The console and the API.
    pub console: String,
    /// Where sensors send.
    pub wire: String,
    /// A link that signs in once.
    pub login: String,
    /// Whether a sensor was started.
    pub sensor: bool,
    /// Folder of databases and logs.
    pub state_dir: PathBuf,
}

impl Seawall {
    /// Starts hub and sensor with their state under `folder`; `db` is a folder of feeds or a database.
    pub async fn start(folder: &Path, logs: &Path, db: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(program("seawall")?);
        command.arg("up").arg("--state-dir").arg(folder.join("state"));
        command.args(["--listen", "127.0.0.1:0", "--wire-listen", "127.0.0.1:0", "--print-addresses"]);
        // Only what this run gives counts, not what the machine's user has set.
        command.env_remove("SEAWALL_STATE_DIR").env_remove("SEAWALL_DB").env_remove("SEAWALL_TEST_DATA");
        if let Some(db) = db {
            command.arg("--db").arg(db);
        }
        let mut process = Running::start("seawall-up", command, logs)?;
        let log = process.log().to_path_buf();
        let (addresses, _) = wait_for("seawall up", || {
            let alive = process.check();
            let log = log.clone();
            async move {
                alive?;
                let text = String::from_utf8_lossy(&testkit::read(&log)).into_owned();
                let line = text.lines().find(|line| line.starts_with('{'));
                line.map(|line| serde_json::from_str(line).context("reading the addresses")).transpose()
            }
        })
        .await?;
        Ok(Self { process, addresses })
    }
}
