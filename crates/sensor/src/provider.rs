//! Providers: each signal has an ordered list of ways to see it; the first that works is taken and the outcome is said.
//!
//! A refused provider costs itself only. What it is not: it does not know what a signal is good for.

use std::collections::BTreeSet;

use model::{Coverage, CoverageState, Loss, Scope, Subject, Timestamp};

use crate::kernel::{Attach, Kernel, KernelError, Program, functions, programs};
use crate::signal::Signal;

/// Something that can be started and then sees a signal.
pub trait Provider {
    /// The signal it sees.
    fn signal(&self) -> Signal;
    /// Its name in events and coverage, such as `tp_btf/sched_process_exec`.
    fn name(&self) -> &'static str;
    /// Whether it slows every system call down, so that it is started only when a rule needs its signal.
    fn taxes_every_call(&self) -> bool;
    /// Starts it. On failure nothing of it stays.
    fn start(&self, kernel: &mut Kernel) -> Result<(), KernelError>;
}

impl Provider for Program {
    fn signal(&self) -> Signal {
        self.signal
    }

    #[expect(clippy::misnamed_getters, reason = "a program's own name is that of its function")]
    fn name(&self) -> &'static str {
        self.provider
    }

    fn taxes_every_call(&self) -> bool {
        matches!(self.attach, Attach::Syscalls(_))
    }

    fn start(&self, kernel: &mut Kernel) -> Result<(), KernelError> {
        kernel.start(self)
    }
}

/// What became of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its signal.
    pub signal: Signal,
    /// Its name.
    pub provider: &'static str,
    /// Whether it sees.
    pub state: CoverageState,
    /// Why not, or what is missing; empty for plain seen.
    pub reason: String,
}

/// What became of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// One by one.
    pub all: Vec<Outcome>,
    /// Why system calls are not seen by the kernel's functions of them, where that was tried.
    pub functions: Option<String>,
}

impl Outcomes {
    /// The signals that are seen.
    pub fn seen(&self) -> BTreeSet<Signal> {
        self.all.iter().filter(|outcome| outcome.state == CoverageState::Seen).map(|outcome| outcome.signal).collect()
    }

    /// The names of the signals that are seen.
    pub fn seen_names(&self) -> BTreeSet<&'static str> {
        self.seen().into_iter().map(Signal::name).collect()
    }

    /// The signals that are seen by the kernel's functions of system calls.
    pub fn by_functions(&self) -> BTreeSet<Signal> {
        let is = |outcome: &&Outcome| outcome.provider == functions::PROVIDER && outcome.state == CoverageState::Seen;
        self.all.iter().filter(is).map(|outcome| outcome.signal).collect()
    }

    /// The signals that were wanted and that nothing sees.
    pub fn missing(&self) -> impl Iterator<Item = Signal> {
        let seen = self.seen();
        let refused = self.all.iter().filter(|outcome| outcome.state == CoverageState::Unsupported);
        refused.map(|outcome| outcome.signal).filter(move |signal| !seen.contains(signal))
    }

    /// Whether nothing that was tried was refused. What no rule needs was not tried.
    pub fn all_wanted(&self) -> bool {
        self.missing().next().is_none()
    }

    /// Takes back what was said of signals whose self-test did not come through; says so where it could not be made.
    pub fn unproved(&mut self, missing: &BTreeSet<Signal>, untried: &BTreeSet<Signal>) {
        let seen = |outcome: &&mut Outcome| outcome.state == CoverageState::Seen && missing.contains(&outcome.signal);
        for outcome in self.all.iter_mut().filter(seen) {
            if untried.contains(&outcome.signal) {
                outcome.reason = "attached; the self-test cannot try it here".into();
            } else {
                outcome.state = CoverageState::Unseen;
                outcome.reason = "attached, but the self-test's event did not arrive".into();
            }
        }
    }

    /// The table for people: signal, provider, state, reason.
    pub fn table(&self) -> String {
        let mut out = format!("{:<13} {:<28} {:<12} {}\n", "SIGNAL", "PROVIDER", "STATE", "REASON");
        for outcome in &self.all {
            let state = format!("{:?}", outcome.state).to_lowercase();
            let row = format!("{:<13} {:<28} {state:<12} {}", outcome.signal.name(), outcome.provider, outcome.reason);
            out.push_str(row.trim_end());
            out.push('\n');
        }
        out
    }

    /// Coverage statements of a node at a time, one per signal, with its losses.
    pub fn coverage(&self, scope: &Scope, since: Timestamp, losses: &[(Signal, Loss)]) -> Vec<Coverage> {
        let signals: BTreeSet<Signal> = self.all.iter().map(|outcome| outcome.signal).collect();
        let statement = |signal| {
            let (state, providers, reason) = self.of(signal);
            let subject = Subject::Scope { scope: scope.clone() };
            let mut statement = Coverage::new(subject, signal.name(), state, reason);
            statement.since = Some(since);
            statement.provider = Some(providers);
            if state == CoverageState::Seen {
                statement.lost = losses.iter().find(|(lost, _)| *lost == signal).map(|(_, loss)| *loss);
            }
            statement
        };
        signals.into_iter().map(statement).collect()
    }

    /// A signal's state, the providers that it has by them, and all reasons: one provider that sees is enough.
    fn of(&self, signal: Signal) -> (CoverageState, String, String) {
        let all: Vec<&Outcome> = self.all.iter().filter(|outcome| outcome.signal == signal).collect();
        let is = |state| all.iter().any(|outcome| outcome.state == state);
        let best = [CoverageState::Seen, CoverageState::Unseen].into_iter().find(|state| is(*state));
        let state = best.unwrap_or(CoverageState::Unsupported);
        let (mut providers, mut reasons) = (Vec::new(), Vec::new());
        for outcome in all {
            let is_best = outcome.state == state;
            if is_best && !providers.contains(&outcome.provider) {
                providers.push(outcome.provider);
            }
            let reason = if is_best || outcome.reason.is_empty() {
                outcome.reason.clone()
            } else {
                format!("{}: {}", outcome.provider, outcome.reason)
            };
            if !reason.is_empty() && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        (state, providers.join(", "), reasons.join("; "))
    }
}

/// Starts what is wanted. `wanted` are the signals that a rule or the configuration needs; others are started only where
/// they cost other programs nothing. `may_hook`: whether all system calls may be slowed down.
pub fn start_all(kernel: &mut Kernel, wanted: &BTreeSet<Signal>, may_hook: bool) -> Outcomes {
    let is_tried = |program: &&Program| wanted.contains(&program.signal) || !program.taxes_every_call();
    let mut tried: Vec<&'static Program> = programs::ALL.iter().filter(is_tried).collect();
    let handlers: Vec<&Program> = tried.iter().copied().filter(|program| program.taxes_every_call()).collect();
    let functions = if handlers.is_empty() { Ok(()) } else { kernel.enter_by_functions(&handlers) };
    if !handlers.is_empty() && functions.is_err() {
        tried.push(&programs::DISPATCH);
    }
    if !may_hook && functions.is_err() {
        tried.retain(|program| !program.taxes_every_call() && program.name != programs::DISPATCH.name);
    }
    kernel.prepare(&tried);
    let dispatcher =
        (!may_hook).then(|| Err("a hook on all system calls is not allowed (--no-syscall-hook)".to_owned()));
    let mut start = Start { kernel, outcomes: Vec::new(), dispatcher };
    for program in programs::ALL {
        start.one(program, wanted);
    }
    let Start { outcomes, .. } = start;
    kernel.prepared();
    Outcomes { all: outcomes, functions: functions.err().map(|error| explain(&error)) }
}

/// A start of all programs, one after the other.
struct Start<'a> {
    kernel: &'a mut Kernel,
    outcomes: Vec<Outcome>,
    /// What became of the hook on all system calls, once it was needed.
    dispatcher: Option<Result<(), String>>,
}

impl Start<'_> {
    fn push(&mut self, signal: Signal, provider: &'static str, state: CoverageState, reason: String) {
        self.outcomes.push(Outcome { signal, provider, state, reason });
    }

    fn one(&mut self, program: &'static Program, wanted: &BTreeSet<Signal>) {
        let (signal, provider) = (program.signal(), program.name());
        if program.taxes_every_call() {
            if !wanted.contains(&signal) {
                let reason = "no loaded rule needs it, and it would slow every system call".into();
                self.push(signal, provider, CoverageState::Unseen, reason);
                return;
            }
            if self.by_functions(program) || !self.dispatched(program) {
                return;
            }
        }
        match program.start(self.kernel) {
            Ok(()) => self.push(signal, provider, CoverageState::Seen, String::new()),
            Err(error) => {
                self.push(signal, provider, CoverageState::Unsupported, explain(&error));
                for other in stand_ins(program) {
                    let outcome = start_one(other, self.kernel);
                    self.outcomes.push(outcome);
                }
            }
        }
    }

    /// The first provider of system calls: their functions.
    fn by_functions(&mut self, program: &Program) -> bool {
        if !self.kernel.enters_by_functions() {
            return false;
        }
        let started = self.kernel.start_by_functions(program);
        let (state, reason) = match &started {
            Ok(true) => (CoverageState::Seen, String::new()),
            Ok(false) => (CoverageState::Seen, functions::BLIND_SPOT.to_owned()),
            Err(error) => (CoverageState::Unsupported, explain(error)),
        };
        self.push(program.signal, functions::PROVIDER, state, reason);
        started.is_ok()
    }

    /// The second: the hook on all of them. False when there is none.
    fn dispatched(&mut self, program: &Program) -> bool {
        let kernel = &mut *self.kernel;
        let start = || programs::DISPATCH.start(kernel).map_err(|error| explain(&error));
        if let Err(reason) = self.dispatcher.get_or_insert_with(start) {
            let reason = reason.clone();
            self.push(program.signal, program.provider, CoverageState::Unsupported, reason);
            return false;
        }
        true
    }
}

/// The programs that see the same in another way.
fn stand_ins(refused: &Program) -> impl Iterator<Item = &'static Program> {
    let name = refused.name;
    programs::INSTEAD.iter().filter(move |(of, _)| *of == name).map(|(_, program)| program)
}

fn start_one(program: &Program, kernel: &mut Kernel) -> Outcome {
    let (state, reason) = match program.start(kernel) {
        Ok(()) => (CoverageState::Seen, String::new()),
        Err(error) => (CoverageState::Unsupported, explain(&error)),
    };
    Outcome { signal: program.signal, provider: program.provider, state, reason }
}

/// All signals unseen for one reason: without bpf(2) there is nothing to try.
pub fn none(reason: &str) -> Outcomes {
    let outcome = |program: &Program| Outcome {
        signal: program.signal,
        provider: program.provider,
        state: CoverageState::Unsupported,
        reason: reason.to_owned(),
    };
    Outcomes { all: programs::ALL.iter().map(outcome).collect(), functions: None }
}

/// An error and its causes in one line.
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_seen_when_one_of_its_providers_sees() {
        let outcome = |provider, state, reason: &str| Outcome {
            signal: Signal::Capability,
            provider,
            state,
            reason: reason.to_owned(),
        };
        let check = |all: Vec<Outcome>, state, provider: &str, reason: &str| {
            let loss = Loss { lost: 3, ..Loss::default() };
            let outcomes = Outcomes { all, functions: None };
            let [statement] =
                &outcomes.coverage(&Scope::cluster(""), Timestamp::from_seconds(0), &[(Signal::Capability, loss)])[..]
            else {
                panic!("one signal, one statement")
            };
            assert_eq!((statement.state, statement.provider.as_deref()), (state, Some(provider)));
            assert_eq!(statement.reason, reason);
            assert_eq!(statement.lost.is_some(), state == CoverageState::Seen);
        };
        let (refused, seen) =
            (outcome("tp_btf/a", CoverageState::Unsupported, "refused"), outcome("fexit/b", CoverageState::Seen, ""));
        check(vec![refused.clone(), seen.clone()], CoverageState::Seen, "fexit/b", "tp_btf/a: refused");
        check(vec![seen.clone(), seen], CoverageState::Seen, "fexit/b", "");
        check(vec![refused.clone(), refused], CoverageState::Unsupported, "tp_btf/a", "refused");
    }
}
