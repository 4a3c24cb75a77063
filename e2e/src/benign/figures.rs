//! The figures of a run: what ran how long, and which rule raised how many alerts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::Severity;

use super::item::Kind;
use super::run::Outcome;

/// An item's line.
#[derive(Debug, Clone)]
pub struct ItemFigures {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Where it ran.
    pub kind: Kind,
    /// How long, in seconds.
    pub seconds: f64,
    /// Alerts that it raised, by severity.
    pub alerts: BTreeMap<Severity, u64>,
}

/// A rule's line.
#[derive(Debug, Clone)]
pub struct RuleFigures {
    /// How bad.
    pub severity: Severity,
    /// Alerts in the run.
    pub alerts: u64,
    /// Events behind them.
    pub events: u64,
    /// Items that raised it.
    pub items: Vec<String>,
    /// Why it fires by its own design, where that is known.
    pub reason: Option<String>,
}

/// The figures of a run.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// The items in order.
    pub items: Vec<ItemFigures>,
    /// By rule; alerts that belong to an expected incident are left out.
    pub rules: BTreeMap<String, RuleFigures>,
    /// Alerts of an item's expected incident.
    pub expected: u64,
    /// Whether Falco's stable file was loaded.
    pub falco: bool,
}

impl Figures {
    /// Of a run.
    pub fn of(outcome: &Outcome) -> Self {
        let mut figures = Self { falco: outcome.falco, ..Self::default() };
        for done in &outcome.items {
            let mut alerts: BTreeMap<Severity, u64> = BTreeMap::new();
            for raised in outcome.raised.iter().filter(|raised| raised.item == done.item.name) {
                *alerts.entry(raised.severity).or_default() += 1;
                if !done.item.one_incident_of.is_empty() {
                    figures.expected += 1;
                    continue;
                }
                let reason = done.item.explained.get(&raised.rule).cloned();
                let rule = figures.rules.entry(raised.rule.clone()).or_insert_with(|| RuleFigures {
                    severity: raised.severity,
                    alerts: 0,
                    events: 0,
                    items: Vec::new(),
                    reason,
                });
                rule.alerts += 1;
                rule.events += raised.count;
                if !rule.items.contains(&done.item.name) {
                    rule.items.push(done.item.name.clone());
                }
            }
            figures.items.push(ItemFigures {
                name: done.item.name.clone(),
                about: done.item.about.clone(),
                kind: done.item.kind,
                seconds: done.took.as_secs_f64(),
                alerts,
            });
        }
        figures
    }

    /// How long all items ran, in seconds.
    pub fn seconds(&self) -> f64 {
        self.items.iter().map(|item| item.seconds).sum()
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut out = format!("{:<34} {:<8} {:>8}  alerts\n", "item", "kind", "seconds");
        // Writing to a string cannot fail, here and below.
        for item in &self.items {
            let alerts: Vec<String> =
                item.alerts.iter().rev().map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
            let kind = format!("{:?}", item.kind).to_lowercase();
            let _ = writeln!(out, "{:<34} {kind:<8} {:>8.1}  {}", item.name, item.seconds, alerts.join(", "));
        }
        let _ = writeln!(out, "\n{:<44} {:<14} {:>6} {:>8}", "rule", "severity", "alerts", "per hour");
        for (name, rule) in &self.rules {
            let per_hour = self.per_hour(rule.alerts);
            let _ = writeln!(out, "{name:<44} {:<14} {:>6} {per_hour:>8.1}", rule.severity.as_str(), rule.alerts);
        }
        let _ = writeln!(
            out,
            "\n{} items, {:.0} s, {} alerts of expected incidents",
            self.items.len(),
            self.seconds(),
            self.expected
        );
        out
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of alerts are small")]
    fn per_hour(&self, alerts: u64) -> f64 {
        alerts as f64 * 3600.0 / self.seconds().max(1.0)
    }

    /// The file that the catalogue's page is made from.
    pub fn yaml(&self, date: &str) -> String {
        let mut out = String::from(
            "# Noise of the rules on the benign corpus (e2e/benign), written by `cargo xtask e2e benign`; do not edit.\n",
        );
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let _ = writeln!(out, "date: {}\nseconds: {:.0}\nfalco: {}\nitems:", text(date), self.seconds(), self.falco);
        for item in &self.items {
            let kind = format!("{:?}", item.kind).to_lowercase();
            let (name, about) = (text(&item.name), text(&item.about));
            let _ = writeln!(out, "- {{name: {name}, kind: {kind}, seconds: {:.1}, about: {about}}}", item.seconds);
        }
        let _ = writeln!(out, "rules:{}", if self.rules.is_empty() { " []" } else { "" });
        for (name, rule) in &self.rules {
            let items: Vec<String> = rule.items.iter().map(|item| text(item)).collect();
            let reason = rule.reason.as_deref().map(|reason| format!(", reason: {}", text(reason))).unwrap_or_default();
            let _ = writeln!(
                out,
                "- {{rule: {}, severity: {}, alerts: {}, events: {}, items: [{}]{reason}}}",
                text(name),
                rule.severity.as_str(),
                rule.alerts,
                rule.events,
                items.join(", ")
            );
        }
        out
    }
}
