//! What was raised, what was missed, what should have stayed silent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use model::{Alert, Severity};
use serde_json::Value;

use super::{Part, Play};
use crate::parts::hub::Hub;
use crate::parts::sensor::{Line, Sensor};
use crate::parts::wait_for;

/// What came of one script.
#[derive(Debug)]
pub struct Row {
    /// Its container.
    pub id: String,
    /// Keys of our alerts and how long after its event each line was there.
    pub alerts: BTreeMap<String, Duration>,
    /// Falco's rules that fired.
    pub falco: BTreeSet<String>,
    /// How many incidents of it the hub has.
    pub incidents: usize,
    /// What is wrong with that, for people; nothing when it is as it should be.
    pub wrong: Vec<String>,
}

/// What came of all of them.
#[derive(Debug)]
pub struct Report {
    /// In the order of the scenarios.
    pub rows: Vec<Row>,
}

/// The container of an alert.
fn container(alert: &Alert) -> &str {
    alert.scope.container.as_ref().map_or("", |container| container.id.as_str())
}

/// Incidents of each container, once the hub has every alert that the sensor gave.
pub async fn incidents(hub: &Hub, sensor: &Sensor, plays: &[Play<'_>]) -> Result<BTreeMap<String, Vec<Value>>> {
    let api = hub.sign_in().await?;
    let given: BTreeSet<String> = sensor.alerts().iter().map(|line| line.what.id.to_string()).collect();
    wait_for("all alerts on the hub", || async {
        let known = pages(&api, "/alerts").await?;
        let missing = given.iter().filter(|id| !known.iter().any(|alert| alert["id"] == id.as_str())).count();
        Ok((missing == 0).then_some(()))
    })
    .await?;
    let mut of: BTreeMap<String, Vec<Value>> = plays.iter().map(|play| (play.part.id(), Vec::new())).collect();
    for incident in pages(&api, "/incidents").await? {
        let id = incident.pointer("/scope/container/id").and_then(Value::as_str).unwrap_or_default();
        if let Some(list) = of.get_mut(id) {
            list.push(incident);
        }
    }
    Ok(of)
}

/// All items of a list.
pub(crate) async fn pages(api: &crate::api::Api, path: &str) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{path}?limit=500{cursor}")).await?;
        all.extend(page["items"].as_array().cloned().with_context(|| format!("{path} has no items"))?);
        let Some(next) = page["next"].as_str() else { return Ok(all) };
        cursor = format!("&cursor={next}");
    }
}

impl Report {
    /// Judges what was played. Falco's rules are only asked for when they were given to the sensor.
    pub fn new(
        plays: &[Play<'_>],
        alerts: &[Line<Alert>],
        incidents: &BTreeMap<String, Vec<Value>>,
        falco: bool,
    ) -> Self {
        let row = |play: &Play<'_>| {
            let id = play.part.id();
            let ours: Vec<&Line<Alert>> = alerts.iter().filter(|line| container(&line.what) == id).collect();
            judge(&play.part, &play.said, &ours, incidents.get(&id).map_or(0, Vec::len), falco)
        };
        Self { rows: plays.iter().map(row).collect() }
    }

    /// Rows of which something is wrong.
    pub fn wrong(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.wrong.is_empty())
    }
}

fn judge(part: &Part<'_>, said: &str, alerts: &[&Line<Alert>], incidents: usize, falco: bool) -> Row {
    let catalogue = detect::content::catalogue();
    let mut row = Row { id: part.id(), alerts: BTreeMap::new(), falco: BTreeSet::new(), incidents, wrong: Vec::new() };
    for line in alerts {
        if catalogue.get(&line.what.key).is_some() {
            row.alerts.entry(line.what.key.clone()).or_insert_with(|| line.latency());
        } else {
            row.falco.extend(line.what.rule.clone());
        }
    }
    if part.benign {
        let loud = alerts.iter().filter(|line| {
            let ours = catalogue.get(&line.what.key).is_some();
            ours && (line.what.severity >= Severity::Medium || part.alerts.contains(&line.what.key))
        });
        let said: BTreeSet<String> = loud.map(|line| line.what.output.clone()).collect();
        row.wrong.extend(said.into_iter().map(|output| format!("not silent: {output}")));
        return row;
    }
    let missing = part.alerts.iter().filter(|key| !row.alerts.contains_key(*key));
    row.wrong.extend(missing.map(|key| format!("not raised: {key}")));
    if falco {
        let missing = part.falco.iter().filter(|rule| !row.falco.contains(*rule));
        row.wrong.extend(missing.map(|rule| format!("Falco's rule not raised: {rule}")));
    }
    if incidents != 1 {
        row.wrong.push(format!("{incidents} incidents instead of one"));
    }
    if !row.wrong.is_empty() && !said.trim().is_empty() {
        row.wrong.push(format!("it said: {}", said.trim()));
    }
    row
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44} {:>3}  alerts (ms after their event)", "scenario", "inc")?;
        for row in &self.rows {
            let alerts: Vec<String> =
                row.alerts.iter().map(|(key, took)| format!("{key} {}", took.as_millis())).collect();
            writeln!(f, "{:<44} {:>3}  {}", row.id, row.incidents, alerts.join(", "))?;
            if !row.falco.is_empty() {
                let rules: Vec<&str> = row.falco.iter().map(String::as_str).collect();
                writeln!(f, "{:<50} Falco: {}", "", rules.join("; "))?;
            }
            for wrong in &row.wrong {
                writeln!(f, "{:<50} WRONG {wrong}", "")?;
            }
        }
        let slowest = self.rows.iter().flat_map(|row| row.alerts.values()).max();
        let wrong = self.wrong().count();
        writeln!(
            f,
            "{} scripts, {wrong} wrong, slowest alert {} ms after its event",
            self.rows.len(),
            slowest.map_or(0, Duration::as_millis)
        )
    }
}
