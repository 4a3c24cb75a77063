//! `seawall up`: hub and sensor on this machine, started, supervised and stopped together.
//!
//! What it is: a supervisor of the sibling programs with embedded stores in one folder. What it is not: an installer
//! (nothing outlives it but its state folder) or a place for options of the programs themselves; those have
//! configuration files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::ui::Ui;

mod child;
mod database;

use child::{Child, Hub};

/// How often a sensor that crashed is started again before `up` gives up on it.
const RESTARTS: u32 = 5;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo seawall up                       watch this machine; the console is on http://127.0.0.1:8844
  seawall up --db ./advisories          with an advisory database, or a folder of feeds to build one from
  sudo seawall up --rules my.yaml       with rules of your own beside ours

Without root only the hub runs, and it says what is not watched.")]
pub struct Args {
    /// Folder for everything that is kept [default: /var/lib/seawall as root, else ~/.local/share/seawall].
    #[arg(long, value_name = "DIR", env = "SEAWALL_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Address of the console and the API; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8844")]
    listen: SocketAddr,
    /// Address on which sensors are heard.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8845")]
    wire_listen: SocketAddr,
    /// Advisories: a database, a folder of feeds, or the address of a mirror.
    #[arg(long, value_name = "DIR|URL", env = "SEAWALL_DB")]
    db: Option<String>,
    /// A Falco rule file beside our own; may be given several times.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Start the hub alone.
    #[arg(long)]
    no_sensor: bool,
    /// Print the addresses as one line of JSON on stdout, too.
    #[arg(long)]
    print_addresses: bool,
}

/// What other programs need to know of a running `up`.
#[derive(Debug, Serialize)]
struct Addresses<'a> {
    console: &'a str,
    wire: &'a str,
    login: &'a str,
    sensor: bool,
    state_dir: &'a Path,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(up(args, ui))
}

async fn up(args: &Args, ui: &Ui) -> Result<Outcome> {
    // Before anything is started, so that a signal during the start is not lost.
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let state_dir = state_dir(args)?;
    let database = database::prepare(args.db.as_deref(), &state_dir, ui).await?;
    let mut hub = Hub::start(args, &state_dir, database.as_deref()).await?;
    let mut sensor = match sensor_reason(args) {
        None => Some(start_sensor(args, &state_dir, &hub, ui).await?),
        Some(_) => None,
    };
    announce(args, &state_dir, &hub, sensor.is_some(), ui)?;
    let mut restarts = 0;
    let ended = loop {
        tokio::select! {
            _ = interrupt.recv() => break None,
            _ = terminate.recv() => break None,
            status = hub.child.wait() => break Some(format!("the hub ended by itself ({status})")),
            status = wait_optional(&mut sensor) => {
                restarts += 1;
                ui.say(format_args!("the sensor ended by itself ({status}); its log: {}", sensor_log(&state_dir).display()));
                if restarts > RESTARTS {
                    break Some(format!("the sensor ended {restarts} times"));
                }
                // A crash that comes back at once must not become a loop that takes a core.
                tokio::time::sleep(std::time::Duration::from_secs(1 << restarts.min(5))).await;
                sensor = Some(start_sensor(args, &state_dir, &hub, ui).await?);
            }
        }
    };
    ui.say("stopping …");
    // The sensor first: what it still sends arrives.
    if let Some(sensor) = sensor {
        sensor.stop().await?;
    }
    hub.child.stop().await?;
    match ended {
        None => Ok(Outcome::Clean),
        Some(reason) => anyhow::bail!("{reason}; its log: {}", hub_log(&state_dir).display()),
    }
}

/// Waits for a sensor that runs; forever without one.
async fn wait_optional(sensor: &mut Option<Child>) -> String {
    match sensor {
        Some(sensor) => sensor.wait().await,
        None => std::future::pending().await,
    }
}

/// Why no sensor is started, if so.
fn sensor_reason(args: &Args) -> Option<&'static str> {
    if args.no_sensor {
        Some("--no-sensor was given")
    } else if !nix::unistd::geteuid().is_root() {
        Some("watching the kernel needs root (sudo seawall up)")
    } else {
        None
    }
}

async fn start_sensor(args: &Args, state_dir: &Path, hub: &Hub, ui: &Ui) -> Result<Child> {
    let folder = state_dir.join("sensor");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let join = hub.join_string(state_dir).await?;
    let mut command = child::command("seawall-sensor")?;
    command.arg("run").arg("--state-dir").arg(&folder).args(["--print", "nothing"]);
    // In the environment, not among the arguments: every user of the machine can read those.
    command.env("SEAWALL_ENROL_TOKEN", join).env_remove("SEAWALL_STATE_DIR");
    for rules in &args.rules {
        command.arg("--rules").arg(rules);
    }
    ui.say("starting the sensor …");
    Child::start("seawall-sensor", command, &sensor_log(state_dir))
}

fn announce(args: &Args, state_dir: &Path, hub: &Hub, sensor: bool, ui: &Ui) -> Result<()> {
    ui.say(format_args!("\nSeawall is up.\n  console   {}\n  sign in   {}  (works once)", hub.api, hub.login));
    match sensor_reason(args) {
        None => ui.say("  sensor    watches this machine; the console's Coverage page says what it can see"),
        Some(reason) => {
            ui.say(format_args!("  sensor    NOT running: {reason}"));
            ui.say("            not watched: processes, files, connections and containers of this machine");
        }
    }
    ui.say(format_args!("  kept in   {}\n  stop with Ctrl-C\n", state_dir.display()));
    if args.print_addresses {
        let addresses = Addresses { console: &hub.api, wire: &hub.wire, login: &hub.login, sensor, state_dir };
        ui.print(serde_json::to_string(&addresses).context("writing JSON")?);
    }
    Ok(())
}

fn state_dir(args: &Args) -> Result<PathBuf> {
    let dir = match &args.state_dir {
        Some(dir) => dir.clone(),
        None if nix::unistd::geteuid().is_root() => PathBuf::from("/var/lib/seawall"),
        None => {
            let home = std::env::var_os("HOME").context("HOME is not set; give --state-dir")?;
            PathBuf::from(home).join(".local/share/seawall")
        }
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    dir.canonicalize().with_context(|| format!("resolving {}", dir.display()))
}

fn hub_log(state_dir: &Path) -> PathBuf {
    state_dir.join("hub.log")
}

fn sensor_log(state_dir: &Path) -> PathBuf {
    state_dir.join("sensor.log")
}
