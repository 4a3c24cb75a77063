//! A compiled set of rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::condition::Expr;
use crate::output::Output;
use crate::program::Program;
use crate::{Degraded, Needs, Priority, Rule};

/// How many rules one event may match (Falco's `rule_matching`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// The first one in the order of loading.
    #[default]
    First,
    /// All.
    All,
}

/// How to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileOptions {
    /// How many rules of the given files one event may match. Built-in rules are always all evaluated.
    pub matching: Matching,
    /// Rules that are less urgent are left out.
    pub minimum_priority: Priority,
    /// Whether the built-in rules are compiled in, before the given files. They may as well be among these
    /// ([`content::rules`]): they are known by their text.
    pub builtin: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { matching: Matching::First, minimum_priority: Priority::Debug, builtin: false }
    }
}

/// A rule with what evaluation needs.
#[derive(Debug)]
pub struct Compiled {
    /// What is known of it.
    pub rule: Arc<Rule>,
    /// Its condition, lists and macros expanded.
    pub condition: Arc<Expr>,
    /// Its output.
    pub output: Arc<Output>,
    /// Whether it is one of ours.
    pub builtin: bool,
}

/// Rules ready to be evaluated. Cloning shares them.
#[derive(Debug, Clone)]
pub struct RuleSet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: Vec<Arc<Rule>>,
    compiled: Vec<Compiled>,
    detectors: Vec<Arc<Rule>>,
    off: Vec<String>,
    program: Program,
    version: String,
    matching: Matching,
}

impl RuleSet {
    /// From compiled rules.
    pub(crate) fn new(
        compiled: Vec<Compiled>,
        detectors: Vec<Arc<Rule>>,
        off: Vec<String>,
        program: Program,
        version: String,
        matching: Matching,
    ) -> Self {
        let rules = compiled.iter().map(|compiled| Arc::clone(&compiled.rule)).collect();
        Self { inner: Arc::new(Inner { rules, compiled, detectors, off, program, version, matching }) }
    }

    /// The detectors: there where our own rules are compiled in.
    pub fn detectors(&self) -> &[Arc<Rule>] {
        &self.inner.detectors
    }

    /// The enabled rules, in the order of loading.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.inner.rules
    }

    /// Names of the rules that are left out: switched off, or less urgent than was asked for.
    pub fn off(&self) -> &[String] {
        &self.inner.off
    }

    /// The rules with conditions and outputs, in the same order.
    pub fn compiled(&self) -> &[Compiled] {
        &self.inner.compiled
    }

    /// The expanded condition of a rule.
    pub fn condition(&self, name: &str) -> Option<&Expr> {
        self.inner
            .compiled
            .iter()
            .find(|compiled| compiled.rule.name == name)
            .map(|compiled| compiled.condition.as_ref())
    }

    pub(crate) fn program(&self) -> &Program {
        &self.inner.program
    }

    /// How many rules of the given files one event may match.
    pub fn matching(&self) -> Matching {
        self.inner.matching
    }

    /// How many different checks the conditions have, and how many of them depend on the process alone.
    pub fn unique_checks(&self) -> (usize, usize) {
        let checks = &self.inner.program.checks;
        (checks.len(), checks.iter().filter(|check| check.depends != crate::fields::Depends::Event).count())
    }

    /// A hash over everything that was compiled: the `content_version` of alerts.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// What the rules need from a sensor.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.inner.detectors.iter().for_each(|rule| needs.add(rule));
        for compiled in &self.inner.compiled {
            needs.add(&compiled.rule);
            compiled.output.fields(&mut |field| {
                needs.fields.insert(field);
            });
        }
        needs
    }

    /// The rules that cannot work as written where only these kinds of events are seen and these fields are absent.
    pub fn degraded(&self, kinds: &BTreeSet<&str>, absent_fields: &BTreeSet<&str>) -> Vec<Degraded> {
        self.inner
            .rules
            .iter()
            .chain(&self.inner.detectors)
            .filter_map(|rule| Degraded::of(rule, kinds, absent_fields))
            .collect()
    }
}
