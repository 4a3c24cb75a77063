//! The measured noise of rules: the figures of the last run of the benign corpus, as `content/noise/measured.yaml` has
//! them.

use std::collections::BTreeMap;

use limits::yaml::{self, Node, YamlLimits};
use model::{Diagnostic, Level, Severity};

use crate::Source;

/// What one rule raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleNoise {
    /// How bad its alerts are.
    pub severity: Severity,
    /// Alerts in the run.
    pub alerts: u64,
    /// Items of the corpus that raised it.
    pub items: Vec<String>,
    /// Why it fires by its own design, where that is known.
    pub reason: Option<String>,
}

/// An item of the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoiseItem {
    /// Its name.
    pub name: String,
    /// `host`, `build` or `service`.
    pub kind: String,
    /// What it is.
    pub about: String,
    /// How long it ran, as the file says it, in seconds.
    pub seconds: String,
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noise {
    /// When it ran: a date.
    pub date: String,
    /// How long all items ran, in seconds.
    pub seconds: u64,
    /// Its items in order.
    pub items: Vec<NoiseItem>,
    /// By rule. A rule that is not here raised nothing.
    pub rules: BTreeMap<String, RuleNoise>,
}

impl Noise {
    /// Alerts an hour of the rules that `of` names, one decimal.
    pub fn per_hour(&self, of: impl Fn(&str) -> bool) -> String {
        let alerts: u64 = self.rules.iter().filter(|(name, _)| of(name)).map(|(_, rule)| rule.alerts).sum();
        if alerts == 0 {
            return "0".into();
        }
        let tenths = alerts * 36_000 / self.seconds.max(1);
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Reads the file; what is not understood is left out and said.
pub fn load(source: &Source) -> (Noise, Vec<Diagnostic>) {
    let (node, mut diagnostics) = yaml::load_one(&source.text, &source.name, &YamlLimits::DEFAULT);
    let mut noise = Noise::default();
    let Some(node) = node else { return (noise, diagnostics) };
    noise.date = text(&node, "date");
    noise.seconds = number(&node, "seconds");
    let list = |key: &str| node.get(key).and_then(Node::items).unwrap_or_default();
    for item in list("items") {
        let of = |key: &str| text(item, key);
        noise.items.push(NoiseItem { name: of("name"), kind: of("kind"), about: of("about"), seconds: of("seconds") });
    }
    for rule in list("rules") {
        let Some(severity) = Severity::from_word(&text(rule, "severity")).filter(|level| *level != Severity::Unknown)
        else {
            let message = "a rule's noise needs its severity";
            diagnostics.push(rule.diagnostic("noise/rule", Level::Error, &source.name, message));
            continue;
        };
        let items = rule.get("items").and_then(Node::items).unwrap_or_default();
        let items = items.iter().filter_map(Node::scalar_text).collect();
        let reason = rule.get("reason").and_then(Node::scalar_text);
        noise.rules.insert(text(rule, "rule"), RuleNoise { severity, alerts: number(rule, "alerts"), items, reason });
    }
    (noise, diagnostics)
}

fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::scalar_text).unwrap_or_default()
}

fn number(node: &Node, key: &str) -> u64 {
    text(node, key).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_counted_per_hour() {
        let file = "date: 2026-11-24\nseconds: 120\nitems:\n- {name: a, kind: host, seconds: 1.5, about: b}\n\
                    rules:\n- {rule: r.x, severity: Low, alerts: 3, items: [a], reason: c}\n- {rule: s, alerts: 1}\n";
        let (noise, diagnostics) = load(&Source::new("n.yaml", file));
        let codes: Vec<&str> = diagnostics.iter().map(|found| found.code.as_str()).collect();
        assert_eq!(codes, ["noise/rule"]);
        assert_eq!((noise.seconds, noise.items.len(), noise.rules["r.x"].alerts), (120, 1, 3));
        assert_eq!((noise.per_hour(|rule| rule == "r.x"), noise.per_hour(|_| false)), ("90.0".into(), "0".into()));
    }
}
