//! Compiled ≡ naive on random conditions: every operator and modifier over fields of every type, transformers, fields
//! against fields, on events that have the values and on events that do not.

use std::sync::Arc;

use model::Event;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::naive;
use super::tests::{Dice, random_event, random_process};
use crate::fields::types::kind_index;
use crate::fields::{self, Context, FieldArg};
use crate::opens::Judge;
use crate::testing::{audit, container, host};
use crate::value::Value;
use crate::{CompileOptions, Engine, EventSource, Matches, Matching, RuleSet, Source};

/// What sides, values and events are made of: few words, so that they meet.
const WORDS: [&str; 28] = [
    "sh",
    "bash",
    "SH",
    "/etc/passwd",
    "/etc",
    "/etc/",
    "/",
    "etc",
    "execve",
    "openat",
    "setuid",
    "10.0.0.7",
    "10.0.0.5",
    "10.0.0.0/8",
    "2001:db8::/32",
    "443",
    "https",
    "3",
    "-2",
    "0x3",
    "0",
    "true",
    "false",
    "x y",
    "",
    "*",
    "/e?c/[a-q]*",
    "2f657463",
];

const TEXTS: [&str; 24] = [
    "proc.name",
    "fd.name",
    "fd.name",
    "fd.name",
    "fd.directory",
    "proc.cmdline",
    "proc.args",
    "proc.args[0]",
    "proc.aname",
    "proc.aname[1]",
    "proc.env[HTTP_PROXY]",
    "evt.arg.name",
    "evt.arg.uid",
    "evt.res",
    "fd.sip.name",
    "user.name",
    "container.id",
    "k8s.ns.name",
    "tolower(proc.name)",
    "toupper(fd.name)",
    "basename(fd.name)",
    "b64(proc.name)",
    "concat(proc.name, fd.name)",
    "join(\"/\", (proc.name, \"etc\"))",
];
const NUMBERS: [&str; 10] = [
    "fd.num",
    "proc.pid",
    "proc.apid",
    "proc.apid[1]",
    "fd.sport",
    "fd.port",
    "user.uid",
    "evt.rawres",
    "evt.rawarg.fd",
    "len(fd.name)",
];
const BOOLEANS: [&str; 4] = ["evt.is_open_read", "evt.failed", "proc.is_exe_upper_layer", "container.privileged"];
const ADDRESSES: [&str; 5] = ["fd.sip", "fd.cip", "fd.ip", "fd.snet", "fd.net"];
const LISTS: [&str; 2] = ["dns.answers", "getopt((proc.name, \"-x\"), \"x\")"];
const AUDIT: [&str; 8] = [
    "ka.verb",
    "ka.target.name",
    "ka.user.groups",
    "ka.user.groups",
    "ka.req.pod.containers.image",
    "ka.sourceips[1]",
    "len(ka.user.groups)",
    "toupper(ka.user.groups)",
];

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

/// Operators that compare with one value.
const OPERATORS: [&str; 11] = [
    "=",
    "!=",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "glob",
    "iglob",
    "regex",
];

/// One check, often of a form that does not compile; then another one is made.
fn check(dice: &mut Dice, of_audit: bool) -> String {
    let word = |dice: &mut Dice| quoted(WORDS[dice.roll(WORDS.len())]);
    let list = |dice: &mut Dice| {
        let values: Vec<String> = (0..dice.roll(4)).map(|_| quoted(WORDS[dice.roll(WORDS.len())])).collect();
        format!("({})", values.join(", "))
    };
    let fields: &[&str] = match dice.roll(10) {
        _ if of_audit => &AUDIT,
        0..5 => &TEXTS,
        5..7 => &NUMBERS,
        7 => &BOOLEANS,
        8 => &ADDRESSES,
        _ => &LISTS,
    };
    let left = fields[dice.roll(fields.len())];
    match dice.roll(12) {
        0 => format!("{left} exists"),
        1 => format!(
            "evt.type {} {}",
            ["=", "!="][dice.roll(2)],
            ["execve", "openat", "setuid", "connect"][dice.roll(4)]
        ),
        2 => format!("{left} {} {}", ["<", "<=", ">", ">="][dice.roll(4)], ["3", "0x3", "-2", "0", "9"][dice.roll(5)]),
        3..5 => format!("{left} {} {}", ["in", "intersects", "pmatch"][dice.roll(3)], list(dice)),
        5..7 => {
            let modifier = ["oneof", "anyof", "allof"][dice.roll(3)];
            format!("{left} {} {modifier} {}", OPERATORS[dice.roll(OPERATORS.len())], list(dice))
        }
        7 => {
            let right = fields[dice.roll(fields.len())];
            let right = if right.contains('(') { right.to_owned() } else { format!("val({right})") };
            let order = ["<", "<=", ">", ">=", "in", "intersects"];
            let all: Vec<&str> = OPERATORS.into_iter().chain(order).collect();
            format!("{left} {} {right}", all[dice.roll(all.len())])
        }
        _ => format!("{left} {} {}", OPERATORS[dice.roll(OPERATORS.len())], word(dice)),
    }
}

fn condition(dice: &mut Dice, depth: usize, of_audit: bool) -> String {
    if depth == 0 || dice.roll(3) == 0 {
        let found = loop {
            let found = check(dice, of_audit);
            if compiled(std::slice::from_ref(&found), of_audit).rules().len() == 1 {
                break found;
            }
        };
        return if dice.roll(3) == 0 { format!("not {found}") } else { found };
    }
    let parts: Vec<String> = (0..2 + dice.roll(2)).map(|_| condition(dice, depth - 1, of_audit)).collect();
    let joined = parts.join([" and ", " or "][dice.roll(2)]);
    if dice.roll(4) == 0 { format!("not ({joined})") } else { format!("({joined})") }
}

fn compiled(conditions: &[String], of_audit: bool) -> RuleSet {
    let source = if of_audit { "k8s_audit" } else { "syscall" };
    let rule = |(number, condition): (usize, &String)| {
        let condition = json!(condition);
        format!(
            "- rule: r{number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  source: {source}\n"
        )
    };
    let text: String = conditions.iter().enumerate().map(rule).collect();
    let options = CompileOptions { matching: Matching::All, ..CompileOptions::default() };
    RuleSet::compile(&[Source::new("t", text.as_str())], &options).0
}

fn random_audit(dice: &mut Dice) -> Event {
    let mut word = || Json::from(WORDS[dice.roll(WORDS.len())]);
    let mut event = json!({ "auditID": "1", "verb": word(), "objectRef": { "name": word() } });
    event["user"] = json!({ "groups": [word(), word()] });
    event["requestObject"] = json!({ "spec": { "containers": [{ "image": word() }, {}, { "image": word() }] } });
    for part in ["verb", "objectRef", "user", "requestObject"] {
        if dice.roll(5) == 0 {
            event[part] = [Json::Null, json!([]), json!("x")][dice.roll(3)].clone();
        }
    }
    audit(event)
}

fn agree(seed: u64) {
    let mut dice = Dice(seed);
    let of_audit = dice.roll(4) == 0;
    let conditions: Vec<String> = (0..8).map(|_| condition(&mut dice, 2, of_audit)).collect();
    let rules = compiled(&conditions, of_audit);
    assert_eq!(rules.rules().len(), conditions.len(), "{conditions:?}");
    let words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    let scopes = [host(), container()];
    let processes: Vec<_> = (0..6).map(|_| random_process(&mut dice, &words)).collect();
    let mut engine = Engine::new(rules.clone());
    engine.judging(Arc::new(Judge::new(&rules)));
    let mut found = Matches::new();
    let source = EventSource::from_name(if of_audit { "k8s_audit" } else { "syscall" });
    for _ in 0..30 {
        let event =
            if of_audit { random_audit(&mut dice) } else { random_event(&mut dice, &words, &scopes, &processes) };
        engine.evaluate(&event, &mut found);
        let names: Vec<&str> = found.iter().map(|found| found.rule.name.as_str()).collect();
        let context = Context { event: &event, names: engine.names(), containers: engine.containers() };
        for (compiled, text) in rules.compiled().iter().zip(&conditions) {
            let expected = naive::holds(&compiled.condition, &context, &source);
            let holds = names.contains(&compiled.rule.name.as_str());
            assert_eq!(holds, expected, "seed {seed}: {text}\n{event:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn compiled_equals_naive_on_random_conditions(seed: u64) {
        agree(seed);
    }
}

/// Compilation leaves a field's checks out of kinds of events that its table does not name.
#[test]
fn fields_have_values_only_on_the_kinds_of_their_table() {
    let mut dice = Dice(3);
    let words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    let processes = [random_process(&mut dice, &words)];
    let engine = Engine::new(compiled(&[], false));
    for _ in 0..300 {
        let event = random_event(&mut dice, &words, &[host(), container()], &processes);
        let context = Context { event: &event, names: engine.names(), containers: engine.containers() };
        let kind = kind_index(&event.body);
        for spec in fields::all(&EventSource::Syscall).filter(|spec| spec.kinds.0 >> kind & 1 == 0) {
            for arg in [FieldArg::None, FieldArg::Index(0), FieldArg::Key("name".into())] {
                assert_eq!((spec.get)(&context, &arg), Value::Missing, "{} {event:?}", spec.name);
            }
        }
    }
}

/// The words of the language that the property must have tried.
#[test]
fn the_random_conditions_try_everything() {
    let mut dice = Dice(1);
    let mut text = String::new();
    for of_audit in [false, true] {
        for _ in 0..2_000 {
            text.push_str(&condition(&mut dice, 0, of_audit));
            text.push('\n');
        }
    }
    let others = ["exists", "<", "<=", ">", ">=", "in", "intersects", "pmatch", "oneof", "anyof", "allof"];
    for word in OPERATORS.into_iter().chain(others) {
        assert!(text.contains(&format!(" {word}")), "{word}");
    }
    for fields in [&TEXTS[..], &NUMBERS, &BOOLEANS, &ADDRESSES, &LISTS, &AUDIT] {
        for field in fields {
            assert!(text.lines().any(|line| line.trim_start_matches("not ").starts_with(field)), "{field}");
        }
    }
    assert!(text.contains("val(") && text.contains("not "));
}
