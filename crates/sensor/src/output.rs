//! Where events and alerts go: through the rules, onto stdout, over the wire.
//!
//! What it is not: it decides nothing about what is seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;
use std::sync::Arc;

use detect::opens::Judge;
use detect::{AlertBuilder, Engine, Matches};
use model::{Alert, Body, Coverage, Event, Loss, Scope, Timestamp};
use serde::Serialize;

use crate::config::Print;
use crate::kernel::Judgement;
use crate::pipeline::Sink;
use crate::record::Header;
use crate::signal::Signal;

/// Events that leave the node per second on average (contract §2); alerts and their evidence do not count.
const EVENTS_PER_SECOND: u64 = 50;
/// And at once: ten seconds' worth, so that a deployment's start is told whole.
const EVENTS_AT_ONCE: u64 = 500;
/// Alerts that are remembered so that a better place can be sent after them.
const MAX_RECENT: usize = 256;

/// Something that takes what leaves this node.
pub trait Uplink {
    /// An alert, or the same again with more known.
    fn alert(&mut self, alert: &Alert);
    /// An event. It is numbered by the uplink's stream.
    fn event(&mut self, event: Event);
    /// What is seen.
    fn coverage(&mut self, statement: &Coverage);
    /// Counters since the start.
    fn counters(&mut self, losses: BTreeMap<String, Loss>);
}

/// The rules and the ways out.
#[expect(missing_debug_implementations, reason = "an uplink may be anything")]
pub struct Output {
    engine: Engine,
    /// The signals that a rule or a detector looks at.
    asked: BTreeSet<Signal>,
    builder: AlertBuilder,
    matches: Matches,
    print: Print,
    uplink: Option<Box<dyn Uplink>>,
    recent: VecDeque<Alert>,
    seq: u64,
    tokens: u64,
    refilled: Timestamp,
    losses: BTreeMap<Signal, Loss>,
    matched: Vec<u32>,
    judge: Option<Arc<Judge>>,
    judged: Vec<Judgement>,
    outdated: bool,
}

impl Output {
    /// An output through an engine.
    pub fn new(engine: Engine, builder: AlertBuilder, print: Print, uplink: Option<Box<dyn Uplink>>) -> Self {
        let asked = engine.needs().kinds.iter().filter_map(|kind| Signal::from_name(kind)).collect();
        Self {
            engine,
            asked,
            builder,
            matches: Matches::new(),
            print,
            uplink,
            recent: VecDeque::new(),
            seq: 0,
            tokens: EVENTS_AT_ONCE,
            refilled: Timestamp::default(),
            losses: BTreeMap::new(),
            matched: Vec::new(),
            judge: None,
            judged: Vec::new(),
            outdated: false,
        }
    }

    /// Judges the opens of processes from now on.
    pub fn judging(&mut self, judge: Arc<Judge>) {
        self.engine.judging(Arc::clone(&judge));
        self.judge = Some(judge);
    }

    /// Judgements since the last call.
    pub fn judged(&mut self) -> impl Iterator<Item = Judgement> {
        self.judged.drain(..)
    }

    /// Whether something became known since the last call on which earlier judgements may rest.
    pub fn outdated(&mut self) -> bool {
        std::mem::take(&mut self.outdated)
    }

    /// Says what is seen, now and with every alert from now on.
    pub fn coverage(&mut self, statements: &[Coverage]) {
        let missing = statements.iter().filter(|statement| statement.state != model::CoverageState::Seen);
        self.builder.set_coverage(missing.cloned().collect());
        if let Some(uplink) = &mut self.uplink {
            for statement in statements {
                uplink.coverage(statement);
            }
        }
    }

    /// Adds the kernel's counters to ours and sends them along.
    pub fn counters(&mut self, kernel: &[(Signal, Loss)]) -> Vec<(Signal, Loss)> {
        let mut all = kernel.to_vec();
        for (signal, loss) in &mut all {
            if let Some(own) = self.losses.get(signal) {
                loss.add(*own);
            }
        }
        if let Some(uplink) = &mut self.uplink {
            uplink.counters(all.iter().map(|(signal, loss)| (signal.name().to_owned(), *loss)).collect());
        }
        all
    }

    /// Processes of whose opens or changes of files one matched a rule since the last call.
    pub fn matched(&mut self) -> impl Iterator<Item = u32> {
        self.matched.drain(..)
    }

    /// Sends the alerts again whose count grew. Call it about once a second.
    pub fn tick(&mut self, now: Timestamp) {
        for alert in self.builder.updates(now) {
            self.send(alert);
        }
    }

    fn send(&mut self, alert: Alert) {
        if self.print != Print::Nothing {
            print(&alert);
        }
        if let Some(uplink) = &mut self.uplink {
            uplink.alert(&alert);
        }
        self.recent.retain(|known| known.id != alert.id);
        self.recent.push_back(alert);
        if self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
    }

    fn ship(&mut self, event: Event) {
        if self.uplink.is_none() || !leaves_by_default(event.body.kind()) {
            return;
        }
        let signal = Signal::from_name(event.body.kind());
        if !self.may_leave(signal, event.time) {
            return;
        }
        self.tokens -= 1;
        if let Some(uplink) = &mut self.uplink {
            uplink.event(event);
        }
    }

    /// Whether one more event may leave the node now; else it is counted.
    fn may_leave(&mut self, signal: Option<Signal>, now: Timestamp) -> bool {
        if let Ok(millis) = u64::try_from(now.millis_since(self.refilled))
            && millis >= 100
        {
            let fresh = millis.saturating_mul(EVENTS_PER_SECOND) / 1000;
            self.tokens = self.tokens.saturating_add(fresh).min(EVENTS_AT_ONCE);
            self.refilled = now;
        }
        if let Some(signal) = signal.filter(|_| self.tokens == 0) {
            self.losses.entry(signal).or_default().shed += 1;
        }
        self.tokens > 0
    }
}

/// The kinds that leave a node without being asked for (contract §2, last column).
fn leaves_by_default(kind: &str) -> bool {
    !matches!(kind, "fork" | "file_open" | "file_change" | "fpu_rounding" | "log")
}

impl Sink for Output {
    fn event(&mut self, mut event: Event) {
        self.seq += 1;
        event.seq = self.seq;
        self.engine.evaluate(&event, &mut self.matches);
        if !self.matches.is_empty() {
            let matches = std::mem::take(&mut self.matches);
            // Its repetitions count from now on.
            let process = event.process.as_ref().and_then(|process| u32::try_from(process.pid).ok());
            self.matched.extend(process.filter(|_| matches!(event.body, Body::FileOpen(_) | Body::FileChange(_))));
            for found in &matches {
                if let Some(alert) = self.builder.add(&event, found) {
                    self.send(alert);
                }
            }
            self.matches = matches;
        }
        if self.print == Print::Events {
            print(&event);
        }
        self.ship(event);
    }

    fn wants(&mut self, signal: Signal, time: Timestamp) -> bool {
        let anyway = self.print == Print::Events || self.asked.contains(&signal);
        let leaves = self.uplink.is_some() && leaves_by_default(signal.name());
        anyway || leaves && self.may_leave(Some(signal), time)
    }

    fn unjudged(&mut self, header: &Header, event: &Event) {
        let Some(judge) = &self.judge else { return };
        let groups = self.engine.judge_opens(judge, event);
        self.judged.push(Judgement { header: *header, groups });
    }

    fn placed(&mut self, scope: &Arc<Scope>) {
        self.outdated = true;
        let Some(container) = &scope.container else { return };
        let is_here = |alert: &Alert| alert.scope.container.as_ref().is_some_and(|known| known.id == container.id);
        let late: Vec<Alert> =
            self.recent.iter().filter(|alert| is_here(alert) && alert.scope != **scope).cloned().collect();
        for mut alert in late {
            alert.scope = Scope::clone(scope);
            self.send(alert);
        }
    }
}

fn print(value: &impl Serialize) {
    let mut out = std::io::stdout().lock();
    // A reader that went away ends nothing here: the hub still gets its copies.
    if serde_json::to_writer(&mut out, value).is_ok() {
        drop(out.write_all(b"\n").and_then(|()| out.flush()));
    }
}
