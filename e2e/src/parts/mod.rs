//! Real parts, each started in folders of its own and stopped when it goes out of scope.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

pub mod containerd;
pub mod hub;
pub mod image;
pub mod kube;
pub mod lab;
pub mod process;
pub mod registry;
pub mod seawall;
pub mod sensor;

/// How long anything may take before the run is called failed: generous, since tests never judge speed.
pub const LIMIT: Duration = Duration::from_mins(1);

/// Where our programs are: `SEAWALL_BIN`, else beside this one.
pub fn program(name: &str) -> Result<PathBuf> {
    let dir = if let Some(dir) = std::env::var_os("SEAWALL_BIN") {
        PathBuf::from(dir)
    } else {
        let here = std::env::current_exe().context("finding this program")?;
        // Tests run one folder deeper than programs.
        let dir = here.parent().context("this program has no folder")?;
        if dir.ends_with("deps") { dir.parent().unwrap_or(dir).to_path_buf() } else { dir.to_path_buf() }
    };
    let path = dir.join(name);
    if !path.exists() {
        bail!("{} is not built; cargo build --workspace --bins", path.display());
    }
    Ok(path)
}

/// A port that was free a moment ago. Registries cannot be told to choose one themselves.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?;
    Ok(listener.local_addr().context("reading the port")?.port())
}

/// Where logs and screenshots go: `SEAWALL_OUT`, else a folder beside the target.
pub fn out() -> Result<PathBuf> {
    let dir = std::env::var_os("SEAWALL_OUT").map_or_else(|| testkit::repository().join("out"), PathBuf::from);
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// Asks until the answer is there, and says how long it took. The limit is only there to end a run that hangs.
pub async fn wait_for<T, F, Fut>(what: &str, mut ask: F) -> Result<(T, Duration)>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let started = Instant::now();
    let mut last = None;
    while started.elapsed() < LIMIT {
        match ask().await {
            Ok(Some(answer)) => return Ok((answer, started.elapsed())),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    match last {
        Some(error) => Err(error.context(format!("waited {} s for {what}", LIMIT.as_secs()))),
        None => bail!("waited {} s for {what}", LIMIT.as_secs()),
    }
}

/// The last lines of a log, for error messages.
pub fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&testkit::read(log)).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
