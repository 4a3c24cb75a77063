//! Evaluation: an event in, matches out.

use std::sync::Arc;

use model::Event;

use crate::{Needs, Rule, RuleSet};

/// A rule that an event matched.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The rule or detector.
    pub rule: Arc<Rule>,
    /// The rule's output with the event's values, one line.
    pub output: String,
    /// Earlier events that belong to the match, oldest first (detectors only); the event itself is not among them.
    pub earlier: Vec<Event>,
}

/// The matches of one event, in the order of the rules. Reuse one between events.
pub type Matches = Vec<Match>;

/// Compiled rules with what evaluation remembers between events: answers per process, and the detectors' state.
#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
}

impl Engine {
    /// An engine over a rule set, with nothing remembered.
    pub fn new(rules: RuleSet) -> Self {
        Self { rules }
    }

    /// The rule set.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What the rules and detectors need from a sensor.
    pub fn needs(&self) -> Needs {
        self.rules.needs()
    }

    /// Evaluates one event; `found` is emptied first. With [`crate::Matching::First`] at most one rule of a file
    /// matches, the first in the order of loading; detectors of ours speak for themselves.
    pub fn evaluate(&mut self, _event: &Event, found: &mut Matches) {
        found.clear();
    }
}
