//! Evaluation: an event in, matches out.

mod memory;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::{Body, Event};

use crate::containers::Containers;
use crate::detectors::Detectors;
use crate::exact::Exact;
use crate::fields::types::kind_index;
use crate::fields::{AddressNames, Context, Depends};
use crate::opens::{self, Groups, Judge};
use crate::program::{Node, Program, Slot, UniqueCheck};
use crate::value::{Value, canonical};
use crate::{Matching, Needs, Rule, RuleSet};
use memory::{Answers, Processes};

/// Addresses whose names are remembered from DNS answers. Beyond it all are forgotten: names are learned again.
pub const MAX_ADDRESS_NAMES: usize = 65_536;

/// Names remembered of one address: content networks serve thousands under each.
pub const MAX_NAMES_PER_ADDRESS: usize = 8;

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

/// Compiled rules with what evaluation remembers between events: answers per process, and names of addresses.
#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
    processes: Processes,
    event: Answers,
    paths: Vec<u64>,
    names: AddressNames,
    detectors: Detectors,
    containers: Containers,
    judge: Option<Arc<Judge>>,
}

impl Engine {
    /// An engine over a rule set, with nothing remembered.
    pub fn new(rules: RuleSet) -> Self {
        let program = rules.program();
        let processes = Processes::new(program.likeness_bits, program.invariant_bits);
        let event = Answers::new(program.event_bits);
        let paths = vec![0; program.paths.words()];
        let detectors = Detectors::new(rules.detectors());
        Self {
            rules,
            processes,
            event,
            paths,
            names: AddressNames::default(),
            detectors,
            containers: Containers::default(),
            judge: None,
        }
    }

    /// From now on opens of processes that are like one that ended are evaluated only where this judge cannot leave them
    /// out: what starts again and again opens the same files again and again. Nothing else matches for it.
    pub fn judging(&mut self, judge: Arc<Judge>) {
        self.judge = Some(judge);
    }

    /// The rule set.
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What the rules and detectors need from a sensor.
    pub fn needs(&self) -> Needs {
        self.rules.needs()
    }

    /// Evaluates one event; `found` is emptied first. With [`Matching::First`] at most one rule of the given files
    /// matches, the first in the order of loading; our own rules are always all evaluated.
    ///
    /// Answers that depend on process and scope alone are remembered for as long as events share their `Arc`s: a sensor
    /// that changes a process makes a new one. When a process ends, the next that is like it takes its answers over.
    pub fn evaluate(&mut self, event: &Event, found: &mut Matches) {
        found.clear();
        self.learn_names(event);
        self.containers.learn(event);
        if self.is_left_out(event) {
            return;
        }
        self.match_rules(event, found);
        self.detectors.observe(event, found);
        if matches!(event.body, Body::Exit(_)) {
            self.processes.ended(event);
        }
    }

    /// Which opens of the process of an event, in its place, can match anything. The answer holds for as long as events
    /// share its `Arc`s.
    pub fn judge_opens(&mut self, judge: &Judge, event: &Event) -> Groups {
        let context = Context { event, names: &self.names, containers: &self.containers };
        let mut run = Run {
            program: self.rules.program(),
            context: &context,
            invariant: self.processes.answers(event),
            event: &mut self.event,
            paths: &mut self.paths,
            path_known: false,
            values: Vec::new(),
        };
        judge.judge(&context, |node| Some(run.node(node)))
    }

    /// Whether an event is an open of a process like one that ended, and nothing can match it.
    fn is_left_out(&mut self, event: &Event) -> bool {
        let (Some(judge), Body::FileOpen(_)) = (&self.judge, &event.body) else { return false };
        let Some((invariant, groups)) = self.processes.alike(event) else { return false };
        let groups = groups.get_or_insert_with(|| {
            let program = self.rules.program();
            let context = Context { event, names: &self.names, containers: &self.containers };
            let mut run = Run {
                program,
                context: &context,
                invariant,
                event: &mut self.event,
                paths: &mut self.paths,
                path_known: false,
                values: Vec::new(),
            };
            // Who exactly the process is stays open: the answer is for all that are like it.
            let is_shared = |node: u32| program.slots[node as usize].depends == Depends::Likeness;
            Box::new(judge.judge(&context, |node| is_shared(node).then(|| run.node(node))))
        });
        !opens::sends(judge.table(), groups, event)
    }

    fn match_rules(&mut self, event: &Event, found: &mut Matches) {
        let program = self.rules.program();
        let roots = &program.roots[kind_index(&event.body)];
        if roots.is_empty() {
            return;
        }
        self.event.forget();
        let context = Context { event, names: &self.names, containers: &self.containers };
        let invariant = self.processes.answers(event);
        let mut run = Run {
            program,
            context: &context,
            invariant,
            event: &mut self.event,
            paths: &mut self.paths,
            path_known: false,
            values: Vec::new(),
        };
        let mut matched_given = false;
        for (number, root) in roots {
            let compiled = &self.rules.compiled()[*number as usize];
            let skip = matched_given && !compiled.builtin && self.rules.matching() == Matching::First;
            if !skip && run.node(*root) {
                matched_given |= !compiled.builtin;
                let output = compiled.output.format(&context);
                found.push(Match { rule: Arc::clone(&compiled.rule), output, earlier: Vec::new() });
            }
        }
    }

    /// Names of addresses that DNS answers told so far.
    #[cfg(test)]
    pub(crate) const fn names(&self) -> &AddressNames {
        &self.names
    }

    /// What containers do, as far as events told it.
    #[cfg(test)]
    pub(crate) const fn containers(&self) -> &Containers {
        &self.containers
    }

    fn learn_names(&mut self, event: &Event) {
        let Body::Dns(dns) = &event.body else { return };
        for answer in &dns.answers {
            let Ok(address) = answer.parse().map(canonical) else { continue };
            if self.names.len() >= MAX_ADDRESS_NAMES && !self.names.contains_key(&address) {
                self.names.clear();
            }
            let names = self.names.entry(address).or_default();
            if !names.iter().any(|name| **name == *dns.question) {
                names.truncate(MAX_NAMES_PER_ADDRESS - 1);
                names.insert(0, dns.question.as_str().into());
            }
        }
    }
}

/// One evaluation.
struct Run<'a, 'b> {
    program: &'a Program,
    context: &'b Context<'a>,
    invariant: &'b mut Answers,
    event: &'b mut Answers,
    paths: &'b mut [u64],
    path_known: bool,
    /// Values that were needed, by their numbers: command lines are put together, and asked many times.
    values: Vec<(u32, Value<'a>)>,
}

impl<'a> Run<'a, '_> {
    fn node(&mut self, number: u32) -> bool {
        let program = self.program;
        let slot = &program.slots[number as usize];
        if let Some(answer) = self.answers(slot).get(slot.bit) {
            return answer;
        }
        let answer = match program.node(number) {
            Node::Const(value) => value,
            Node::Check(check) => match program.exact_of(slot) {
                Some(exact) => return self.exact(exact, slot),
                None => self.check(&program.checks[check as usize]),
            },
            Node::Not(inner) => !self.node(inner),
            Node::And(children) => children.iter().all(|child| self.node(*child)),
            Node::Or(children) => children.iter().any(|child| self.node(*child)),
        };
        self.answers(slot).set(slot.bit, answer);
        answer
    }

    const fn answers(&mut self, slot: &Slot) -> &mut Answers {
        if matches!(slot.depends, Depends::Event) { &mut *self.event } else { &mut *self.invariant }
    }

    /// Answers all checks of a field with whole texts; gives the answer of one.
    fn exact(&mut self, exact: &Exact, slot: &Slot) -> bool {
        let context = self.context;
        let answers = self.answers(slot);
        answers.deny(exact.first, exact.count);
        exact.answer(context, |bit| answers.set(bit, true));
        answers.get(slot.bit).unwrap_or(false)
    }

    fn check(&mut self, check: &'a UniqueCheck) -> bool {
        if let Some(bit) = check.path_bit.filter(|_| self.program.paths.is_ready()) {
            return self.path(bit);
        }
        let Some(number) = check.value else { return check.holds(self.context) };
        let known = self.values.iter().position(|(known, _)| *known == number);
        let at = known.unwrap_or_else(|| {
            self.values.push((number, check.left.value(self.context)));
            self.values.len() - 1
        });
        check.test.holds(&self.values[at].1, self.context)
    }

    fn path(&mut self, bit: u32) -> bool {
        if !self.path_known {
            let path = match &self.context.event.body {
                Body::FileOpen(open) => open.path.as_str(),
                Body::FileChange(change) => change.path.as_str(),
                _ => return self.path_of_connection(bit),
            };
            self.program.paths.run(path, self.paths);
            self.path_known = true;
        }
        self.paths[bit as usize / 64] >> (bit % 64) & 1 == 1
    }

    /// Names of connections are composed, not borrowed; rules compare few constants with them.
    fn path_of_connection(&mut self, bit: u32) -> bool {
        use crate::EventSource;
        let Ok(spec) = crate::fields::find("fd.name", &EventSource::Syscall) else { return false };
        let Value::Text(name) = (spec.get)(self.context, &crate::fields::FieldArg::None) else { return false };
        self.program.paths.run(&name, self.paths);
        self.path_known = true;
        self.paths[bit as usize / 64] >> (bit % 64) & 1 == 1
    }
}
