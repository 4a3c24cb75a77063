//! Rego programs as Gatekeeper runs them: compile once, evaluate per constraint and object.
//!
//! The interpreter is regorus. It is not OPA; what OPA does otherwise and policies rely on is made up for here:
//! source text is rewritten before it is parsed ([`normalise`]), and some built-in functions are ours ([`builtins`]).
//! Errors of built-in functions are *undefined*, as in OPA's non-strict mode; any other error of an evaluation is
//! returned as one and must become a violation, never a pass. What it is not: a general OPA (no bundles, no partial
//! evaluation, no network functions, and the clock is a parameter).

mod builtins;
mod lexer;
mod normalise;
mod sprintf;

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value as Rego};
use serde_json::Value;

pub use normalise::Dialect;

/// Steps of the interpreter between two looks at the deadline.
const STEPS_PER_CHECK: NonZeroU32 = NonZeroU32::new(256).unwrap();

/// Modules of one program. The largest library that is in use (kubescape's) has 12.
const MAX_MODULES: usize = 64;

/// A source module.
#[derive(Debug, Clone, Copy)]
pub struct Module<'a> {
    /// How errors name it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What an evaluation may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for one constraint and object.
    pub time: Duration,
    /// The time that `time.now_ns` tells, in nanoseconds since the Unix epoch.
    pub now: i64,
}

impl Limits {
    /// Gatekeeper's webhook has 3 s for everything; the slowest template of its library takes 3 ms.
    pub const fn at(now: i64) -> Self {
        Self { time: Duration::from_secs(1), now }
    }
}

/// Why a program cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A module does not parse or does not compile.
    #[error("{module}: {reason}")]
    Module {
        /// Its name.
        module: String,
        /// What the compiler says, with line and column.
        reason: String,
    },
    /// A module names data that programs must not see.
    #[error("{module}:{line}: {reference} is not allowed: only data.lib and data.inventory are")]
    Reference {
        /// The module's name.
        module: String,
        /// Line of the reference, from 1.
        line: u32,
        /// The reference as far as it is known.
        reference: String,
    },
    /// A library is not in the package `lib`.
    #[error("{module}: libraries belong in a package under `lib`, not in `{package}`")]
    Library {
        /// The module's name.
        module: String,
        /// Its package.
        package: String,
    },
    /// There are too many modules.
    #[error("more than {MAX_MODULES} modules")]
    TooMany,
    /// The entry module lacks the rule.
    #[error("{module}: no rule `{rule}`")]
    NoRule {
        /// The module's name.
        module: String,
        /// The rule.
        rule: String,
    },
}

/// Why an evaluation has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(String);

/// A compiled program.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    query: String,
    /// Whether it reads `data.inventory`.
    pub uses_inventory: bool,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("query", &self.query).finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles an entry module and its libraries; `rule` is what evaluations ask for.
    pub fn compile(entry: Module<'_>, libs: &[Module<'_>], rule: &str, dialect: Dialect) -> Result<Self, CompileError> {
        if libs.len() >= MAX_MODULES {
            return Err(CompileError::TooMany);
        }
        let mut engine = Engine::new();
        engine.set_rego_v0(dialect == Dialect::V0);
        engine.set_strict_builtin_errors(false);
        let mut uses_inventory = false;
        let mut packages = Vec::new();
        for (index, module) in std::iter::once(&entry).chain(libs).enumerate() {
            let normal = normalise::normalise(module.text, dialect);
            for reference in &normal.data {
                match reference.root.as_deref() {
                    Some("inventory") => uses_inventory = true,
                    Some("lib") => {}
                    other => {
                        return Err(CompileError::Reference {
                            module: module.name.to_owned(),
                            line: reference.line,
                            reference: other.map_or_else(|| "data".to_owned(), |root| format!("data.{root}")),
                        });
                    }
                }
            }
            let package = guarded(|| engine.add_policy(module.name.to_owned(), normal.text))
                .map_err(|reason| CompileError::Module { module: module.name.to_owned(), reason })?;
            if index > 0 && package != "data.lib" && !package.starts_with("data.lib.") {
                let package = package.trim_start_matches("data.").to_owned();
                return Err(CompileError::Library { module: module.name.to_owned(), package });
            }
            packages.push(package);
        }
        let package = packages.first().cloned().unwrap_or_default();
        if !guarded(|| engine.has_declared_rule_rooted_at(entry.name, rule)).unwrap_or(false) {
            return Err(CompileError::NoRule { module: entry.name.to_owned(), rule: rule.to_owned() });
        }
        builtins::install(&mut engine);
        let mut program = Self { engine, query: format!("{package}.{rule}"), uses_inventory };
        program.prepare().map_err(|reason| CompileError::Module { module: entry.name.to_owned(), reason })?;
        Ok(program)
    }

    /// Scheduling and other work on the whole program, done once, without evaluating anything.
    fn prepare(&mut self) -> Result<(), String> {
        let query = self.query.as_str().into();
        let engine = &mut self.engine;
        guarded(|| engine.compile_with_entrypoint(&query)).map(drop)
    }

    /// The program with other objects of the cluster as `data.inventory`.
    pub fn with_inventory(&self, inventory: &Value) -> Result<Self, EvalError> {
        let mut program = self.clone();
        let data = Rego::from(serde_json::json!({ "inventory": inventory }));
        program.engine.add_data(data).map_err(|error| EvalError(format!("{error:#}")))?;
        program.prepare().map_err(EvalError)?;
        Ok(program)
    }

    /// The members of the rule's set for an input, in a stable order.
    pub fn evaluate(&self, input: Value, limits: &Limits) -> Result<Vec<Value>, EvalError> {
        let mut engine = self.engine.clone();
        engine.set_execution_timer_config(ExecutionTimerConfig { limit: limits.time, check_interval: STEPS_PER_CHECK });
        engine.set_input(Rego::from(input));
        let query = self.query.clone();
        let _clock = builtins::Clock::set(limits.now);
        let value = guarded(|| engine.eval_rule(query)).map_err(EvalError)?;
        match value {
            Rego::Set(members) => members.iter().map(to_json).collect(),
            // A partial object's keys are what `violation[result]` binds.
            Rego::Object(entries) => entries.iter().map(|(key, _)| to_json(key)).collect(),
            // Undefined, indexes of a list, members of a scalar: nothing that has a message.
            _ => Ok(Vec::new()),
        }
    }
}

fn to_json(value: &Rego) -> Result<Value, EvalError> {
    serde_json::to_value(value).map_err(|error| EvalError(format!("a result that is no JSON: {error}")))
}

/// Runs the interpreter. A panic of it is an error of the evaluation, not the end of the program.
fn guarded<T, E: std::fmt::Display>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("the interpreter stopped unexpectedly".to_owned()),
    }
}
