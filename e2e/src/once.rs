//! The whole path, once: an image is pushed to a registry and assessed, a container reads its shadow file, the alert and
//! the incident are on the API and visible in a browser. Prints the latency of each step.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::parts::containerd::Containerd;
use crate::parts::process::output;
use crate::parts::registry::Registry;
use crate::parts::seawall::Seawall;
use crate::parts::{image, out, wait_for};

/// The catalogue's keys of the alerts that the attack raises: it reads the accounts file, then runs a program that the
/// image did not bring.
const EXPECTED_ALERTS: [&str; 2] = ["suspect-password-file-access", "drift-binary-executed"];
/// What the container does.
const ATTACK: &str = "cat /etc/shadow; cp /bin/busybox /update; /update true || true";

/// What happened and how long it took.
#[derive(Debug, Default)]
struct Summary(Vec<(String, Duration, String)>);

impl Summary {
    fn add(&mut self, what: &str, took: Duration, detail: impl Into<String>) {
        eprintln!("  {what}: {} ms", took.as_millis());
        self.0.push((what.to_owned(), took, detail.into()));
    }

    fn print(&self) {
        println!("\n{:<44} {:>9}  ", "step", "ms");
        for (what, took, detail) in &self.0 {
            println!("{what:<44} {:>9}  {detail}", took.as_millis());
        }
    }
}

/// Runs it. Everything is stopped and removed at the end, also after a failure.
pub async fn run() -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let logs = out()?.join("once");
    std::fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let mut summary = Summary::default();
    let outcome = path(folder.path(), &logs, &mut summary).await;
    summary.print();
    println!("logs and screenshots: {}", logs.display());
    outcome
}

async fn path(folder: &Path, logs: &Path, summary: &mut Summary) -> Result<()> {
    let started = Instant::now();
    let feeds = testkit::data_dir().map(|data| data.join("feeds"));
    let seawall = Seawall::start(folder, logs, feeds.as_deref()).await?;
    summary.add("hub and sensor started", started.elapsed(), &seawall.addresses.console);
    let api = Api::sign_in(&seawall.addresses.console, &seawall.addresses.login).await?;
    if seawall.addresses.sensor {
        let (node, took) = wait_for("the sensor's coverage on the hub", || node(&api)).await?;
        summary.add("node seen with its coverage", took, node);
    }

    let started = Instant::now();
    let registry = Registry::start(folder, logs).await?;
    let layout = folder.join("layout");
    image::sample(&layout, "app:1")?;
    let reference = registry.push(&layout, "app:1")?;
    summary.add("image made and pushed", started.elapsed(), &reference);
    let (assessed, took) = assess(&api, &reference).await?;
    summary.add("image assessed", took, assessed);

    if seawall.addresses.sensor {
        attack(folder, logs, &registry, &reference, &api, summary).await?;
    } else {
        eprintln!("  not root: no container is watched, so no alert is expected");
    }
    browser(&seawall, logs, summary)?;

    let started = Instant::now();
    let status = seawall.process.interrupt()?;
    if !status.success() {
        bail!("seawall up ended with {status} after Ctrl-C");
    }
    summary.add("stopped cleanly", started.elapsed(), "exit 0");
    Ok(())
}

async fn node(api: &Api) -> Result<Option<String>> {
    let coverage = api.list("/coverage?limit=200").await?;
    let seen = coverage.iter().filter(|row| row.to_string().contains("\"state\":\"seen\"")).count();
    Ok((seen > 0).then(|| format!("{seen} signals seen of {}", coverage.len())))
}

async fn assess(api: &Api, reference: &str) -> Result<(String, Duration)> {
    let started = Instant::now();
    api.post("/images", &json!({ "reference": reference })).await?;
    let (image, _) = wait_for("the assessment", || async {
        let images = api.list("/images").await?;
        Ok(images.into_iter().find(|image| image.to_string().contains(reference)))
    })
    .await?;
    Ok((short(&image), started.elapsed()))
}

/// The counts of an image's row, for the summary.
fn short(image: &Value) -> String {
    let number = |name: &str| image.get(name).map(|value| format!("{name} {value}"));
    let parts: Vec<String> = ["packages", "findings"].into_iter().filter_map(number).collect();
    parts.join(", ")
}

async fn attack(
    folder: &Path,
    logs: &Path,
    registry: &Registry,
    reference: &str,
    api: &Api,
    summary: &mut Summary,
) -> Result<()> {
    let containerd = Containerd::start(folder, logs).await?;
    let archive = folder.join("app.tar");
    registry.save(reference, &archive)?;
    containerd.import(&archive, reference)?;
    let started = Instant::now();
    let read = containerd.run(reference, "seawall-once", &["/bin/sh", "-c", ATTACK])?;
    if !read.starts_with("root:") {
        bail!("the container did not read its file: {read:?}");
    }
    summary.add("container ran and read its shadow file", started.elapsed(), "");
    for key in EXPECTED_ALERTS {
        let (alert, _) = wait_for(key, || async {
            let alerts = api.list(&format!("/alerts?key={key}")).await?;
            Ok(alerts.into_iter().find(|alert| alert.to_string().contains("seawall-once")))
        })
        .await?;
        let title = alert["title"].as_str().unwrap_or_default();
        summary.add("alert on the API since the start", started.elapsed(), title);
    }
    let (incident, _) = wait_for("one incident of both alerts", || async {
        let incidents = api.list("/incidents").await?;
        let mut ours: Vec<Value> =
            incidents.into_iter().filter(|row| row.to_string().contains("seawall-once")).collect();
        let both = ours.len() == 1 && ours[0]["alerts"].as_u64() >= Some(EXPECTED_ALERTS.len() as u64);
        Ok(both.then(|| ours.remove(0)))
    })
    .await?;
    let detail = incident["title"].as_str().unwrap_or_default();
    summary.add("one incident on the API since the start", started.elapsed(), detail);
    Ok(())
}

/// Looks at the console as a person does: alert, incident, image and node are there. Then every route in light and dark,
/// with the keyboard, with axe. Keeps the pictures.
fn browser(seawall: &Seawall, logs: &Path, summary: &mut Summary) -> Result<()> {
    let sensor = seawall.addresses.sensor;
    let started = Instant::now();
    let mut look = script(seawall, "e2e/once.mjs")?;
    look.env("SEAWALL_SCREENSHOTS", logs.join("screenshots"))
        .env("SEAWALL_EXPECT_ALERT", if sensor { "1" } else { "0" });
    let said = output(look)?;
    summary.add("visible in the browser", started.elapsed(), last_line(&said));

    let started = Instant::now();
    let mut drive = script(seawall, "e2e/run.mjs")?;
    drive.env("SEAWALL_SHOTS", logs.join("routes"));
    drive.env("SEAWALL_EXPECT", if sensor { "alerts,incidents,images,nodes" } else { "images" });
    let said = output(drive)?;
    summary.add("every route, light and dark, keyboard, axe", started.elapsed(), last_line(&said));
    Ok(())
}

/// A browser script of the console, with a one-time link of its own.
fn script(seawall: &Seawall, file: &str) -> Result<Command> {
    let node = match std::env::var_os("SEAWALL_NODEJS") {
        Some(dir) => PathBuf::from(dir).join("node"),
        None => PathBuf::from("node"),
    };
    let mut command = Command::new(node);
    command.arg(file).current_dir(testkit::repository().join("console"));
    command.env("SEAWALL_URL", &seawall.addresses.console);
    command.env("SEAWALL_LOGIN", Api::login_link(&seawall.addresses.state_dir)?);
    Ok(command)
}

fn last_line(said: &str) -> &str {
    said.trim().lines().last().unwrap_or_default()
}
