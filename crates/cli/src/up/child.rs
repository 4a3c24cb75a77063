//! The sibling programs as children: each in a process group of its own, so that Ctrl-C reaches only the supervisor,
//! which stops them in order.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Args, hub_log};
use crate::siblings;

/// How long a program may take to stop: the hub folds its write-ahead log in, the sensor empties its spool.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How long the hub may take to serve: it migrates its database first.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A sibling program's command.
pub(super) fn command(program: &str) -> Result<Command> {
    let mut command = Command::new(siblings::find(program)?);
    command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    Ok(command)
}

/// A running sibling.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: tokio::process::Child,
}

impl Child {
    /// Starts it; what it says is added to `log`.
    pub(super) fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self> {
        let open = || -> io::Result<std::fs::File> { OpenOptions::new().append(true).create(true).open(log) };
        command.stderr(open().with_context(|| format!("opening {}", log.display()))?);
        let process = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name, process })
    }

    /// Waits for its end and says how it ended.
    pub(super) async fn wait(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Asks it to stop and waits; kills it when it does not.
    pub(super) async fn stop(mut self) -> Result<()> {
        let Some(id) = self.process.id().and_then(|id| i32::try_from(id).ok()) else { return Ok(()) };
        // It may have ended in between: then there is nobody to tell.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        let Ok(status) = timeout(STOP_LIMIT, self.process.wait()).await else {
            self.process.kill().await.with_context(|| format!("killing {}", self.name))?;
            bail!("{} did not stop within {} s and was killed", self.name, STOP_LIMIT.as_secs());
        };
        let status = status.with_context(|| format!("waiting for {}", self.name))?;
        if !status.success() {
            bail!("{} ended with {status}", self.name);
        }
        Ok(())
    }
}

/// The running hub and where it listens.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) child: Child,
    /// The console and the API.
    pub(super) api: String,
    /// The wire.
    pub(super) wire: String,
    /// A link that signs in once.
    pub(super) login: String,
}

/// The line that the hub prints when it serves.
#[derive(Debug, Deserialize)]
struct Printed {
    api: String,
    wire: String,
    login: Option<String>,
}

impl Hub {
    /// Starts the hub and waits until it serves.
    pub(super) async fn start(args: &Args, state_dir: &Path, database: Option<&Path>) -> Result<Self> {
        let mut command = command("seawall-server")?;
        command.arg("--state-dir").arg(state_dir.join("hub"));
        command.arg("--listen").arg(args.listen.to_string()).arg("--wire-listen").arg(args.wire_listen.to_string());
        command.args(["--print-addresses", "--assess-running"]).stdout(Stdio::piped());
        if let Some(database) = database {
            command.arg("--database").arg(database);
        }
        for rules in &args.rules {
            command.arg("--rules").arg(rules);
        }
        let log = hub_log(state_dir);
        let mut child = Child::start("seawall-server", command, &log)?;
        let output = child.process.stdout.take().context("the hub's output was asked for")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(START_LIMIT, lines.next_line()).await;
        let Ok(Ok(Some(line))) = line else {
            bail!("the hub did not start; its log: {}\n{}", log.display(), last_lines(&log));
        };
        let printed: Printed = serde_json::from_str(&line).context("reading the hub's addresses")?;
        let login = match printed.login {
            Some(login) => login,
            // Somebody signed in before: a new link for this start.
            None => ask(state_dir, &["login-link"]).await?,
        };
        Ok(Self { child, api: printed.api, wire: printed.wire, login })
    }

    /// A one-time string with which this machine's sensor enrols; unused when it is enrolled already.
    pub(super) async fn join_string(&self, state_dir: &Path) -> Result<String> {
        ask(state_dir, &["join-token"]).await
    }
}

/// Asks the hub's own program something while the hub runs.
async fn ask(state_dir: &Path, args: &[&str]) -> Result<String> {
    let mut command = command("seawall-server")?;
    command.arg("--state-dir").arg(state_dir.join("hub")).args(args);
    let output = command.output().await.context("starting seawall-server")?;
    if !output.status.success() {
        bail!("seawall-server {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a log says last, for an error message.
fn last_lines(log: &Path) -> String {
    /// Logs of a failed start are short; more would not be read.
    const MAX_LOG_BYTES: u64 = 4 << 20;
    let text = limits::read_text(log, MAX_LOG_BYTES).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
