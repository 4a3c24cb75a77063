//! Attacks as scripts of ours in real containers, watched by a real sensor that reports to a real hub.
//!
//! What each attack does and what it must raise is data, one file each in `e2e/scenarios` ([`scenario`]). [`run()`] plays
//! them with what an attacker has outside of the container ([`outside`]); [`verdict`] says what was raised, what was
//! missed and what should have stayed silent. What it is not: a test of single rules, which `content/tests` are.

pub mod outside;
mod play;
pub mod record;
pub mod scenario;
pub mod verdict;

use std::path::Path;

use anyhow::{Context as _, Result};

pub use play::Play;
use scenario::Scenario;
use verdict::Report;

use crate::parts::hub::Hub;
use crate::parts::lab::{Image, Lab};
use crate::parts::sensor::{Options, Sensor};

/// What attackers find or bring: interpreters, network tools, a web server with PHP.
pub const VICTIM: Image = Image {
    name: "victim",
    packages: &[
        "busybox",
        "ca-certificates",
        "cron",
        "curl",
        "e2fsprogs",
        "gawk",
        "iproute2",
        "lighttpd",
        "lua-socket",
        "lua5.4",
        "ncat",
        "netcat-openbsd",
        "netcat-traditional",
        "nginx-light",
        "nmap",
        "nodejs",
        "openssl",
        "perl",
        "php8.2-cgi",
        "php8.2-fpm",
        "procps",
        "python3",
        "ruby",
        "socat",
        "telnet",
        "util-linux",
        "wget",
    ],
};

/// What to play.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only scenarios whose name contains one of these; all when empty.
    pub names: Vec<String>,
    /// Whether the events are kept, so that recordings can be made of them.
    pub record: bool,
}

/// Plays scenarios and judges what the sensor and the hub said.
pub async fn run(folder: &Path, choice: &Choice) -> Result<Report> {
    let mut scenarios = scenario::load(&testkit::repository().join("e2e/scenarios"))?;
    scenarios
        .retain(|scenario| choice.names.is_empty() || choice.names.iter().any(|name| scenario.name.contains(name)));
    let parts: Vec<Part<'_>> = scenarios.iter().flat_map(Scenario::parts).collect();
    // Before the sensor starts: making an image is the work of a builder, not of the scenarios.
    let lab = Lab::start(folder, folder, &[VICTIM]).await?;
    let hub = Hub::start(folder, 0).await?;
    let rules = falco_rules();
    let options = Options { rules: rules.clone(), events: false, token: Some(hub.join_token()?) };
    let mut sensor = Sensor::start(folder, &options).await?;
    let plays = play::all(&lab, &mut sensor, &parts, folder, play::AT_ONCE).await?;
    let incidents = verdict::incidents(&hub, &sensor, &plays).await?;
    let report = Report::new(&plays, &sensor.alerts(), &incidents, !rules.is_empty());
    if choice.record {
        let left = record::from_alerts(&parts, &sensor.alerts()).context("writing recordings")?;
        record_whole(&lab, &left, &folder.join("whole")).await?;
    }
    Ok(report)
}

/// Plays again what alerts alone do not tell enough of, one after the other, with a sensor that tells every event.
async fn record_whole(lab: &Lab, parts: &[Part<'_>], folder: &Path) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).context("making a folder")?;
    let mut sensor = Sensor::start(folder, &Options { events: true, ..Options::default() }).await?;
    play::all(lab, &mut sensor, parts, folder, 1).await?;
    record::from_events(parts, &sensor).context("writing recordings of whole runs")
}

/// Falco's stable rules, where the shared data has them.
fn falco_rules() -> Vec<std::path::PathBuf> {
    let file = testkit::data_dir().map(|data| data.join("falco/rules/falco_rules.yaml"));
    file.into_iter().filter(|file| file.exists()).collect()
}

/// A scenario of which something is played: the attack, a variant, or the benign twin.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// `attack`, the name of a variant, or `benign`.
    pub name: String,
    /// The script.
    pub script: &'a str,
    /// Keys of the alerts that it must raise; of the benign twin those that it must not raise.
    pub alerts: &'a [String],
    /// Falco's rules that must fire.
    pub falco: &'a [String],
    /// Whether it must stay silent.
    pub benign: bool,
}

impl Part<'_> {
    /// The id of its container.
    pub fn id(&self) -> String {
        format!("{}-{}", self.scenario.name, self.name)
    }
}
