//! The rules for the Kubernetes API against a real one: scripts of ours talk to it, its audit log is judged.
//!
//! What each entry of the catalogue is tried with is data, one file each in `e2e/audit`, in the form of the attacks
//! ([`scenario`](crate::attack::scenario)). Every script has a namespace of its own and must raise exactly its alerts; the
//! benign twin, and what the controllers do meanwhile, must raise nothing. The same events reach a hub through the API
//! server's webhook, and it must say the same. What it is not: a test of the rules in CI without these programs: there
//! the recordings of [`record`] are replayed.

mod events;
mod play;
pub mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::attack::Part;
use crate::attack::scenario::{self, Scenario};
use crate::attack::verdict::pages;
use crate::parts::hub::Hub;
use crate::parts::kube::Kube;
use crate::parts::wait_for;

pub use crate::attack::Choice;
use events::Judge;

/// What came of one script.
#[derive(Debug)]
pub struct Row {
    /// Scenario and part.
    pub id: String,
    /// How often each key was raised.
    pub raised: BTreeMap<String, usize>,
    /// What is wrong with that, for people; nothing when it is as it should be.
    pub wrong: Option<String>,
}

/// What came of all of them.
#[derive(Debug)]
pub struct Report {
    /// In the order of the scenarios; the last is what the control plane itself did.
    pub rows: Vec<Row>,
}

impl Report {
    /// Those that are not as they should be.
    pub fn wrong(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.wrong.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let raised: Vec<String> = row.raised.iter().map(|(key, count)| format!("{key} x{count}")).collect();
            writeln!(f, "{:<52} {}", row.id, raised.join(", "))?;
            row.wrong.iter().try_for_each(|wrong| writeln!(f, "    WRONG: {wrong}"))?;
        }
        Ok(())
    }
}

/// Plays scenarios and judges what the API server wrote.
pub async fn run(folder: &Path, choice: &Choice) -> Result<Report> {
    let repository = testkit::repository();
    let mut scenarios = scenario::load(&repository.join("e2e/audit"))?;
    scenarios.retain(|one| choice.names.is_empty() || choice.names.iter().any(|name| one.name.contains(name)));
    let parts: Vec<Part<'_>> = scenarios.iter().flat_map(Scenario::parts).collect();
    let (hub, webhook) = Hub::start_for_api_server(folder).await?;
    let policy = repository.join("e2e/kube/audit-policy.yaml").canonicalize().context("finding the audit policy")?;
    let mut kube = Kube::start(folder, &policy, Some(&webhook)).await.context("starting the control plane")?;
    let played = play::all(&mut kube, &parts, folder).await?;
    let judge = Judge::new();
    let mut rows: Vec<Row> = played.parts.iter().map(|play| row(&judge, play)).collect();
    rows.push(background(&judge, &played.background));
    rows.push(delivered(&judge, &hub, &played).await?);
    if choice.record {
        record::all(&judge, &played).context("writing recordings")?;
    }
    Ok(Report { rows })
}

fn row(judge: &Judge, play: &play::Play<'_>) -> Row {
    let raised = judge.count(&play.events);
    let expected: Vec<&str> = if play.part.benign { Vec::new() } else { sorted(play.part.alerts) };
    let keys: Vec<&str> = raised.keys().map(String::as_str).collect();
    let differs = (keys != expected).then(|| format!("it must raise {expected:?} and nothing else"));
    Row { id: play.part.id(), wrong: play.failed.clone().or(differs), raised }
}

fn sorted(keys: &[String]) -> Vec<&str> {
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn background(judge: &Judge, events: &[serde_json::Value]) -> Row {
    let raised = judge.count(events);
    let wrong = (!raised.is_empty()).then(|| "what the control plane does by itself must raise nothing".to_owned());
    Row { id: format!("control plane, {} requests", events.len()), raised, wrong }
}

/// The hub must have as many of each alert as the log shows.
async fn delivered(judge: &Judge, hub: &Hub, played: &play::Played<'_>) -> Result<Row> {
    let logged = judge.count(&played.all);
    let api = hub.sign_in().await?;
    let ask = async || {
        let mut counts = BTreeMap::new();
        for alert in pages(&api, "/alerts").await? {
            let key = alert["key"].as_str().unwrap_or_default().to_owned();
            *counts.entry(key).or_default() += usize::try_from(alert["count"].as_u64().unwrap_or_default())?;
        }
        anyhow::Ok(counts)
    };
    let came = wait_for("all alerts on the hub", || async { Ok((ask().await? == logged).then_some(())) }).await;
    let wrong = came.is_err().then(|| format!("the log has {logged:?}"));
    Ok(Row { id: "hub, by the webhook".to_owned(), raised: ask().await?, wrong })
}
