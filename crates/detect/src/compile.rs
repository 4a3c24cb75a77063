//! Rule texts → compiled rules: lists and exceptions as text, then macros as trees, then checks, outputs, kinds.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Diagnostic, Level};
use sha2::{Digest as _, Sha256};

use crate::condition::{self, Check, ExpandError, Expr, Macros, Modifier, Op, Spot};
use crate::fields::types::{KINDS, NAMES};
use crate::fields::{Kinds, Type, is_unfed_event_type};
use crate::output::Output;
use crate::program::{Program, Tree};
use crate::rules::lists::{self, FlatList};
use crate::rules::text::Located;
use crate::rules::{Collected, MAX_CONDITION_BYTES, RuleText, at_spot, closest, exceptions};
use crate::ruleset::{CompileOptions, Compiled, RuleSet};
use crate::test::{self, Test};
use crate::{Catalogue, EventSource, Rule, Source, content, detectors, lint, operand};

impl RuleSet {
    /// Compiles rule files in the order given: later files may override earlier ones.
    ///
    /// Never fails: what is wrong is left out and said in a diagnostic.
    pub fn compile(sources: &[Source], options: &CompileOptions) -> (Self, Vec<Diagnostic>) {
        let builtin = if options.builtin { content::rules() } else { Vec::new() };
        Self::compile_with(&builtin, sources, content::catalogue(), options)
    }

    /// The same with another catalogue and other built-in rules, which are evaluated apart from the others.
    pub fn compile_with(
        builtin: &[Source],
        files: &[Source],
        catalogue: &Catalogue,
        options: &CompileOptions,
    ) -> (Self, Vec<Diagnostic>) {
        let mut collected = Collected::default();
        let mut hash = Sha256::new();
        let builtins = builtin.iter().map(|source| (source, true));
        for (source, ours) in builtins.chain(files.iter().map(|source| (source, false))) {
            hash.update((source.text.len() as u64).to_le_bytes());
            hash.update(source.text.as_bytes());
            collected.read(source, ours || content::is_ours(source));
        }
        // Our macros are what the additions are made of.
        if (!builtin.is_empty() || files.iter().any(content::is_ours))
            && let Some(source) = content::tuning(files)
        {
            hash.update(source.text.as_bytes());
            collected.read(&source, false);
        }
        let version = hex::encode(&hash.finalize()[..8]);
        let mut compiler = Compiler::new(collected);
        compiler.macros();
        let rules = compiler.rules(catalogue, options);
        compiler.unused();
        compiler.program.finish();
        let Compiler { program, diagnostics, off, .. } = compiler;
        let ours = rules.iter().any(|compiled| compiled.builtin);
        let detectors = if ours { detectors::rules(catalogue) } else { Vec::new() };
        (Self::new(rules, detectors, off, program, version, options.matching), diagnostics)
    }
}

struct Compiler {
    collected: Collected,
    lists: Vec<FlatList>,
    used_lists: BTreeSet<String>,
    used_macros: BTreeSet<String>,
    macros: Macros,
    /// Macros that are defined and could not be read.
    broken: BTreeSet<String>,
    off: Vec<String>,
    program: Program,
    diagnostics: Vec<Diagnostic>,
}

impl Compiler {
    fn new(mut collected: Collected) -> Self {
        let diagnostics = std::mem::take(&mut collected.diagnostics);
        let (lists, used_lists) = lists::flatten(&collected.lists);
        Self {
            collected,
            lists,
            used_lists,
            used_macros: BTreeSet::new(),
            macros: Macros::default(),
            broken: BTreeSet::new(),
            off: Vec::new(),
            program: Program::new(),
            diagnostics,
        }
    }

    fn parse(&mut self, text: &Located, spot: &Spot) -> Option<Expr> {
        let Some(text) = lists::substitute(text, &self.lists, &mut self.used_lists) else {
            let message = format!("with its lists the condition has more than {MAX_CONDITION_BYTES} bytes");
            self.diagnostics.push(at_spot(spot, "rule/too-big", Level::Error, message));
            return None;
        };
        match condition::parse(text.text(), &|at, length| text.spot(at, length)) {
            Ok(expr) => Some(expr),
            Err(error) => {
                let place = text.spot(error.at.min(text.text().len().saturating_sub(1)), 1);
                self.diagnostics.push(at_spot(&place, "rule/syntax", Level::Error, error.to_string()));
                None
            }
        }
    }

    fn expand(&mut self, expr: &Expr, macros: &Macros, whole: &Spot) -> Option<Expr> {
        let mut missing = Vec::new();
        expr.macros(&mut |name, spot| {
            if !macros.contains_key(name) {
                missing.push((name.to_owned(), spot.clone()));
            }
        });
        let said = !missing.is_empty();
        for (name, spot) in missing {
            if self.broken.contains(&name) {
                let message = format!("the macro `{name}` is broken, so what names it is left out");
                self.push_once(at_spot(&spot, "rule/broken-macro", Level::Error, message));
            } else {
                self.push_once(expand_diagnostic(&ExpandError::Undefined { name, spot }, whole, macros));
            }
        }
        match condition::expand(expr, macros, &mut self.used_macros) {
            Ok(expanded) => Some(expanded),
            Err(ExpandError::Undefined { .. }) if said => None,
            Err(error) => {
                self.push_once(expand_diagnostic(&error, whole, macros));
                None
            }
        }
    }

    /// Parses all macros, then expands each with those that it may see: first defined before its last change.
    fn macros(&mut self) {
        let all: Vec<_> = self.collected.macros.iter().map(|(name, found)| (name.clone(), found.clone())).collect();
        let mut parsed = Vec::new();
        for (name, found) in all {
            if !is_identifier(&name) {
                let message = format!("no condition can name the macro `{name}`");
                let fix = "use letters, digits and underscores, a letter first";
                self.diagnostics.push(at_spot(&found.spot, "rule/macro-name", Level::Warning, message).with_fix(fix));
            }
            match self.parse(&found.condition, &found.spot) {
                Some(expr) => parsed.push((name, found, Arc::new(expr))),
                None => drop(self.broken.insert(name)),
            }
        }
        for (name, found, expr) in &parsed {
            let seen: Macros = parsed
                .iter()
                .filter(|(name, other, _)| other.index < found.visibility && !self.broken.contains(name))
                .map(|(name, _, expr)| (name.clone(), self.macros.get(name).unwrap_or(expr).clone()))
                .collect();
            match self.expand(expr, &seen, &found.spot) {
                Some(expanded) => drop(self.macros.insert(name.clone(), Arc::new(expanded))),
                None => drop(self.broken.insert(name.clone())),
            }
        }
    }

    fn rules(&mut self, catalogue: &Catalogue, options: &CompileOptions) -> Vec<Compiled> {
        let texts: Vec<_> = self.collected.rules.iter().map(|(name, rule)| (name.clone(), rule.clone())).collect();
        let mut compiled = Vec::new();
        for (name, text) in texts {
            if !text.enabled || text.priority > options.minimum_priority {
                // It may be enabled another day: what is wrong with it is said today.
                let kept = std::mem::replace(&mut self.program, Program::new());
                self.rule(0, &name, &text, catalogue);
                self.program = kept;
                self.off.push(name);
                continue;
            }
            if let EventSource::Other(source) = &text.source {
                let message = format!("nothing feeds the source `{source}` of `{name}` here");
                self.diagnostics.push(at_spot(&text.spot, "rule/source-not-fed", Level::Note, message));
            }
            let number = u32::try_from(compiled.len()).unwrap_or(u32::MAX);
            if let Some(rule) = self.rule(number, &name, &text, catalogue) {
                compiled.push(rule);
            }
        }
        compiled
    }

    fn rule(&mut self, number: u32, name: &str, text: &RuleText, catalogue: &Catalogue) -> Option<Compiled> {
        let condition = match exceptions::apply(&text.condition, &text.exceptions) {
            Ok(condition) => condition,
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                return None;
            }
        };
        let parsed = self.parse(&condition, &text.spot)?;
        let macros = std::mem::take(&mut self.macros);
        let expanded = self.expand(&parsed, &macros, &text.spot);
        self.macros = macros;
        let Some(expanded) = expanded else {
            // What else is wrong with it is said in the same pass.
            if !matches!(text.source, EventSource::Other(_)) {
                self.tree(&parsed, text, &mut Facts::default());
            }
            return None;
        };
        let fed = !matches!(text.source, EventSource::Other(_));
        let mut facts = Facts::default();
        let tree = if fed { self.tree(&expanded, text, &mut facts)? } else { Tree::Const(false) };
        let (output, found) = if fed { Output::compile(&text.output, &text.source) } else { Default::default() };
        if fed {
            lint::condition(&expanded, &text.source, &mut |found| self.push_once(found));
        }
        let unknown = text.skip_unknown && found.iter().any(|diagnostic| diagnostic.level == Level::Error);
        for mut diagnostic in found {
            diagnostic.level = if unknown { diagnostic.level.min(Level::Warning) } else { diagnostic.level };
            self.diagnostics.push(diagnostic);
        }
        if unknown {
            return None;
        }
        let kinds = match text.source {
            EventSource::K8sAudit => Kinds::AUDIT,
            _ => Kinds::SENSOR,
        };
        let kinds = self.program.add_rule(number, &tree, kinds);
        self.warn_of_kinds(name, text, kinds, fed, &facts);
        if kinds == Kinds::named("exec")
            && let Some(field) = lint::failed_exec(&expanded)
        {
            let message =
                format!("`{name}` asks for programs that could not be started: only started ones are reported");
            self.diagnostics.push(at_spot(&text.spot, "rule/failed-exec", Level::Warning, message));
            facts.unavailable.insert(format!("{field} of execve"));
        }
        let rule = describe(name, text, kinds, facts, catalogue);
        Some(Compiled {
            rule: Arc::new(rule),
            condition: Arc::new(expanded),
            output: Arc::new(output),
            builtin: text.builtin,
        })
    }

    fn warn_of_kinds(&mut self, name: &str, text: &RuleText, kinds: Kinds, fed: bool, facts: &Facts) {
        if text.source == EventSource::Syscall && kinds == Kinds::SENSOR && text.warn_event_types {
            let message = format!("`{name}` matches any type of event and is evaluated for all of them");
            let fix = "add a check such as `evt.type = execve`";
            self.diagnostics.push(at_spot(&text.spot, "rule/no-event-type", Level::Warning, message).with_fix(fix));
        }
        // A condition that is never true on purpose (`never_true`) still names event types that exist.
        if fed && kinds == Kinds::NONE && !facts.unfed.is_empty() {
            let unfed: Vec<&str> = facts.unfed.iter().map(String::as_str).collect();
            let message = format!("`{name}` asks for events that the sensor does not report: {}", unfed.join(", "));
            self.diagnostics.push(at_spot(&text.spot, "rule/never-matches", Level::Warning, message));
        }
    }

    fn tree(&mut self, expr: &Expr, text: &RuleText, facts: &mut Facts) -> Option<Tree> {
        let mut parts = |parts: &[Expr]| -> Option<Vec<Tree>> {
            // All parts are looked at, so that one pass reports everything that is wrong.
            let trees: Vec<Option<Tree>> = parts.iter().map(|part| self.tree(part, text, facts)).collect();
            trees.into_iter().collect()
        };
        Some(match expr {
            Expr::And(inner) => Tree::And(parts(inner)?),
            Expr::Or(inner) => Tree::Or(parts(inner)?),
            Expr::Not(inner) => Tree::Not(Box::new(self.tree(inner, text, facts)?)),
            Expr::Check(check) => self.check(check, text, facts)?,
            Expr::Macro(..) => Tree::Const(false),
        })
    }

    fn check(&mut self, check: &Check, text: &RuleText, facts: &mut Facts) -> Option<Tree> {
        let side = match operand::compile(&check.left, &text.source) {
            Ok(side) => side,
            Err(diagnostic) if diagnostic.level == Level::Warning => {
                facts.unavailable.insert(check.left.to_string());
                self.push_once(*diagnostic);
                return Some(Tree::Const(false));
            }
            Err(mut diagnostic) => {
                if text.skip_unknown {
                    diagnostic.level = Level::Warning;
                }
                self.push_once(*diagnostic);
                return None;
            }
        };
        side.fields(&mut |field| {
            facts.fields.insert(field);
        });
        if let Some(several) = one_by_one(check, side.ty()) {
            return self.tree(&several, text, facts);
        }
        // The type of an event is told by its source as well, so equal texts of two sources are two checks.
        let key = format!("{} {check}", text.source);
        if let Some(known) = self.program.known(&key) {
            let names = self.program.checks[known as usize].test.event_types(check);
            self.event_types(&names, check, text.skip_unknown, facts);
            return Some(Tree::Check(known));
        }
        match test::compile(check, &side, &text.source) {
            Ok(compiled) => {
                self.event_types(&compiled.event_types(check), check, text.skip_unknown, facts);
                Some(Tree::Check(self.program.add_check(key, side, compiled)))
            }
            Err(diagnostic) => {
                self.push_once(*diagnostic);
                None
            }
        }
    }

    fn event_types(&mut self, names: &[String], check: &Check, skip_unknown: bool, facts: &mut Facts) {
        for name in names {
            if NAMES.iter().any(|known| known.contains(&name.as_str())) {
                facts.event_types.insert(name.clone());
                // A recording may have the end of writing, the sensor does not tell it.
                if name == "close" {
                    facts.unfed.insert(name.clone());
                }
                continue;
            }
            facts.unfed.insert(name.clone());
            if !is_unfed_event_type(name) {
                let known: Vec<&str> = NAMES.iter().flat_map(|names| names.iter().copied()).collect();
                let message = format!("there is no event type `{name}`");
                let level = if skip_unknown { Level::Warning } else { Level::Error };
                let found = at_spot(&check.spot, "rule/unknown-event-type", level, message);
                let near = closest(name, &known).map(|near| format!("did you mean `{near}`?"));
                self.push_once(match near {
                    Some(near) => found.with_fix(near),
                    None => found,
                });
            }
        }
    }

    /// A macro's check is reported once, not once for every rule that uses the macro.
    fn push_once(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn unused(&mut self) {
        // Ours may be there for users' rules.
        let ours = |name: &str| name.starts_with("sw_");
        for (name, found) in &self.collected.macros {
            if !self.used_macros.contains(name) && !ours(name) {
                let message = format!("no rule or macro uses the macro `{name}`");
                self.diagnostics.push(at_spot(&found.spot, "rule/unused-macro", Level::Note, message));
            }
        }
        for (name, found) in &self.collected.lists {
            if !self.used_lists.contains(name) && !ours(name) {
                let message = format!("no rule or macro uses the list `{name}`");
                self.diagnostics.push(at_spot(&found.spot, "rule/unused-list", Level::Note, message));
            }
        }
    }
}

/// What is learned of a rule while its checks are compiled.
#[derive(Debug, Default)]
struct Facts {
    fields: BTreeSet<&'static str>,
    unavailable: BTreeSet<String>,
    event_types: BTreeSet<String>,
    unfed: BTreeSet<String>,
}

/// A check against several values of a type that is compared with one: the same said with one check for each value.
fn one_by_one(check: &Check, ty: Type) -> Option<Expr> {
    let condition::Right::List(values) = &check.right else { return None };
    let op = match check.op {
        Op::In | Op::Intersects if ty == Type::Bool && values.len() > 1 => Op::Eq,
        op if check.modifier.is_some() && matches!(ty, Type::Bool | Type::Ip) => op,
        _ => return None,
    };
    let single = |value: &String| {
        let right = condition::Right::Value(value.clone());
        Expr::Check(Box::new(Check { op, modifier: None, right, ..check.clone() }))
    };
    let all: Vec<Expr> = values.iter().map(single).collect();
    Some(match check.modifier {
        Some(Modifier::AllOf) if !all.is_empty() => Expr::And(all),
        Some(Modifier::OneOf) => {
            let others = |at: usize| all.iter().enumerate().filter(move |(other, _)| *other != at);
            let only = |(at, one): (usize, &Expr)| {
                let not = others(at).map(|(_, other)| Expr::Not(Box::new(other.clone())));
                Expr::And(std::iter::once(one.clone()).chain(not).collect())
            };
            Expr::Or(all.iter().enumerate().map(only).collect())
        }
        // Without values nothing holds.
        _ => Expr::Or(all),
    })
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn expand_diagnostic(error: &ExpandError, whole: &Spot, macros: &Macros) -> Diagnostic {
    match error {
        ExpandError::Undefined { name, spot } => {
            let known: Vec<&str> = macros.keys().map(String::as_str).collect();
            let found = at_spot(spot, "rule/undefined-macro", Level::Error, error.to_string());
            match closest(name, &known) {
                Some(near) => found.with_fix(format!("did you mean `{near}`?")),
                None => found.with_fix("define it before it is used, or put a field here"),
            }
        }
        ExpandError::Loop { spot, .. } => at_spot(spot, "rule/macro-loop", Level::Error, error.to_string()),
        ExpandError::TooBig { spot } => {
            at_spot(spot.as_ref().unwrap_or(whole), "rule/too-big", Level::Error, error.to_string())
        }
    }
}

fn describe(name: &str, text: &RuleText, kinds: Kinds, facts: Facts, catalogue: &Catalogue) -> Rule {
    let entry = catalogue.of_rule(name);
    let of_tags = |prefix: char| text.tags.iter().filter(move |tag| tag.starts_with(prefix)).cloned();
    let techniques = of_tags('T').filter(|tag| tag.get(1..2).is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit())));
    let tactics = text.tags.iter().filter_map(|tag| tag.strip_prefix("mitre_")).map(title_case);
    let types: BTreeSet<String> = KINDS
        .iter()
        .enumerate()
        .filter(|(kind, _)| kinds.0 >> kind & 1 == 1)
        .flat_map(|(kind, _)| NAMES[kind])
        .filter(|name| facts.event_types.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    Rule {
        name: name.to_owned(),
        key: entry.map_or_else(|| name.to_owned(), |entry| entry.key.clone()),
        title: entry.map_or_else(|| name.to_owned(), |entry| entry.title.clone()),
        description: entry.map_or_else(|| text.description.clone(), |entry| entry.description.clone()),
        source: text.source.clone(),
        priority: text.priority,
        severity: entry.map_or_else(|| text.priority.severity(), |entry| entry.severity),
        tactics: entry.map_or_else(|| tactics.collect(), |entry| entry.tactics.clone()),
        techniques: entry.map_or_else(|| techniques.collect(), |entry| entry.techniques.clone()),
        tags: text.tags.clone(),
        detector: false,
        kinds: kinds.names().collect(),
        event_types: types,
        fields: facts.fields,
        unavailable: facts
            .unavailable
            .into_iter()
            .chain(facts.unfed.into_iter().map(|name| format!("evt.type={name}")))
            .collect(),
    }
}

fn title_case(tag: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    tag.split('_').map(word).collect::<Vec<_>>().join(" ")
}

impl Test {
    /// The event types that a check names, when it is one of `evt.type`.
    fn event_types(&self, check: &Check) -> Vec<String> {
        match (self, &check.right) {
            (Self::EventType(_), condition::Right::Value(value))
                if matches!(check.op, condition::Op::Eq | condition::Op::Ne) =>
            {
                vec![value.clone()]
            }
            (Self::EventType(_), condition::Right::List(values)) if check.op.takes_list() => values.clone(),
            _ => Vec::new(),
        }
    }
}
