//! Evaluation: semantics of the language, and compiled ≡ naive on random events.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::event::{Call, Exit, FileChange, FileOperation, PathSource};
use model::{Attribution, Body, Capabilities, ContainerRef, Event, ExeOrigin, Scope, Timestamp};
use proptest::prelude::*;

use super::naive;
use crate::condition::{Expr, Right};
use crate::fields::Context;
use crate::opens::Judge;
use crate::testing::{audit, connect, container, dns, event, exec, host, open, process};
use crate::{CompileOptions, Engine, EventSource, Matches, Matching, RuleSet, Source, content};

/// Compiles one rule with a condition, after other items.
fn rule(before: &str, condition: &str, source: &str) -> RuleSet {
    let text = format!(
        "{before}- rule: r\n  desc: d\n  condition: {condition:?}\n  output: o\n  priority: INFO\n  source: {source}\n"
    );
    let (rules, diagnostics) = RuleSet::compile(&[Source::new("t.yaml", text.as_str())], &CompileOptions::default());
    let errors: Vec<_> =
        diagnostics.iter().filter(|d| d.level == model::Level::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{condition}: {errors:?}");
    rules
}

fn matches(before: &str, condition: &str, event: &Event) -> bool {
    let source = if matches!(event.body, Body::K8sAudit(_)) { "k8s_audit" } else { "syscall" };
    let mut found = Matches::new();
    Engine::new(rule(before, condition, source)).evaluate(event, &mut found);
    !found.is_empty()
}

fn check(event: &Event, cases: &[(&str, bool)]) {
    for (condition, expected) in cases {
        assert_eq!(matches("", condition, event), *expected, "{condition}");
    }
}

// The ten semantics of the language; numbers as in the list of the specification.

#[test]
fn s1_lists_are_text() {
    let shell = event(exec(), &host(), process("sh -c x", &[]));
    let lists =
        "- list: shells\n  items: [bash, sh]\n- list: empty\n  items: []\n- list: more\n  items: [shells, zsh]\n";
    assert!(matches(lists, "proc.name in (more, empty)", &shell));
    assert!(matches(lists, "proc.name in (empty, sh)", &shell));
    assert!(!matches(lists, "proc.name in (empty)", &shell), "an empty list has no members");
    assert!(matches("- list: l\n  items: [\"sh -c x\"]\n", "proc.cmdline in (l)", &shell), "a blank is quoted");
}

#[test]
fn s2_macros_see_earlier_ones_and_rules_see_all() {
    let shell = event(exec(), &host(), process("sh", &[]));
    let text = "- macro: a\n  condition: proc.name = zsh\n- macro: b\n  condition: a\n- macro: a\n  condition: proc.name = sh\n";
    assert!(matches(text, "b", &shell), "a redefinition replaces, for those before it too");
    assert!(matches(text, "a", &shell));
    let late = "- macro: b\n  condition: late\n- macro: late\n  condition: proc.name = sh\n";
    let source = format!("{late}- rule: r\n  desc: d\n  condition: late\n  output: o\n  priority: INFO\n");
    let (rules, diagnostics) = RuleSet::compile(&[Source::new("t", source.as_str())], &CompileOptions::default());
    let codes: BTreeSet<&str> = diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert!(codes.contains("rule/undefined-macro"), "{codes:?}");
    assert_eq!(rules.rules().len(), 1, "the rule itself sees the macro");
}

#[test]
fn s3_no_value_is_false_and_not_makes_it_true() {
    let alone = event(exec(), &host(), process("sh", &[]));
    let cases = [
        ("proc.pname != x", false),
        ("not proc.pname = x", true),
        ("not proc.pname != x", true),
        ("proc.pname exists", false),
        ("fd.name != x", false),
        ("not fd.name exists", true),
    ];
    check(&alone, &cases);
}

#[test]
fn s4_in_is_all_and_intersects_is_any() {
    let found = audit(serde_json::json!({ "auditID": "1", "user": { "groups": ["a", "b"] } }));
    let cases = [
        ("ka.user.groups in (a, b, c)", true),
        ("ka.user.groups in (a)", false),
        ("ka.user.groups intersects (a, z)", true),
        ("ka.user.groups intersects (z)", false),
        ("ka.sourceips in (a)", false),
        ("not ka.sourceips intersects (a)", true),
    ];
    check(&found, &cases);
}

#[test]
fn s5_rules_are_indexed_by_type_and_first_or_all_match() {
    let text = "- rule: a\n  desc: d\n  condition: evt.type = execve\n  output: a\n  priority: INFO\n- rule: b\n  desc: d\n  condition: evt.type in (execve, openat)\n  output: b\n  priority: INFO\n- rule: c\n  desc: d\n  condition: proc.name = sh\n  output: c\n  priority: INFO\n";
    let shell = event(exec(), &host(), process("sh", &[]));
    let file = event(open("/x", 0, 3), &host(), process("sh", &[]));
    let names = |matching, event: &Event| {
        let options = CompileOptions { matching, ..CompileOptions::default() };
        let (rules, diagnostics) = RuleSet::compile(&[Source::new("t", text)], &options);
        assert_eq!(diagnostics.iter().map(|d| d.code.as_str()).collect::<Vec<_>>(), ["rule/no-event-type"]);
        let mut found = Matches::new();
        Engine::new(rules).evaluate(event, &mut found);
        found.iter().map(|found| found.rule.name.as_str()).collect::<String>()
    };
    assert_eq!(names(Matching::First, &shell), "a");
    assert_eq!(names(Matching::All, &shell), "abc");
    assert_eq!(names(Matching::First, &file), "b");
    assert_eq!(names(Matching::All, &file), "bc");
}

#[test]
fn s6_addresses_networks_and_names() {
    let curl = event(connect("[::ffff:10.1.2.3]:443", "tcp"), &host(), process("curl", &[]));
    let cases = [
        ("fd.sip = 10.1.2.3", true),
        ("fd.sip = \"::ffff:10.1.2.3\"", true),
        ("fd.snet in (10.0.0.0/8, 192.168.0.0/16)", true),
        ("fd.net = 10.0.0.0/8", true),
        ("fd.ip != 10.1.2.3", false),
        ("fd.ip != 10.9.9.9", true),
        ("fd.port = 443", true),
        ("fd.sip = \"2001:db8::1\"", false),
        ("fd.sip.name = example.com", false),
    ];
    check(&curl, &cases);
    let mut engine = Engine::new(rule("", "evt.type = connect and fd.sip.name = example.com", "syscall"));
    let mut found = Matches::new();
    engine.evaluate(&event(dns("example.com", &["10.1.2.3"]), &host(), process("curl", &[])), &mut found);
    engine.evaluate(&curl, &mut found);
    assert_eq!(found.len(), 1, "the DNS answer named the address");
}

#[test]
fn s7_flags_print_as_falco_prints_them() {
    let mut memfd = process("x", &[]);
    memfd.exe_origin = Some(ExeOrigin::Memfd);
    check(&event(exec(), &host(), memfd), &[("evt.arg.flags contains EXE_FROM_MEMFD", true)]);
    check(&event(open("/x", 0o101, 3), &host(), process("x", &[])), &[("evt.arg.flags = O_WRONLY|O_CREAT", true)]);
}

#[test]
fn s8_outputs() {
    let text = "- rule: r\n  desc: d\n  condition: evt.type = execve\n  priority: INFO\n  output: >\n    *%proc.name. %10proc.name|%3proc.exepath %proc.pname\n    %toupper(proc.name) 100% %container.info%container.id\n";
    let (rules, diagnostics) = RuleSet::compile(&[Source::new("t", text)], &CompileOptions::default());
    let codes: Vec<&str> = diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["rule/output", "rule/deprecated"]);
    let mut found = Matches::new();
    Engine::new(rules).evaluate(&event(exec(), &container(), process("sh", &[])), &mut found);
    let expected =
        "sh. sh        |/us <NA> SH 100% abcdef012345 container_name=web k8s_ns_name=shop k8s_pod_name=web-0";
    assert_eq!(found[0].output.trim(), expected);
}

#[test]
fn s9_regexes_match_whole_texts_in_linear_time() {
    let shell = event(exec(), &host(), process(&format!("sh {}", "a".repeat(20_000)), &[]));
    let cases = [("proc.name regex s.", true), ("proc.name regex s", false), ("proc.cmdline regex '.*(a+)+b'", false)];
    check(&shell, &cases);
    let text = "- rule: r\n  desc: d\n  condition: proc.name regex '(?=x)'\n  output: o\n  priority: INFO\n";
    let (_, diagnostics) = RuleSet::compile(&[Source::new("t", text)], &CompileOptions::default());
    assert_eq!(diagnostics[0].code, "rule/regex", "no look-around");
    let bomb = text.replace("(?=x)", "(a{1000}){1000}");
    let (_, diagnostics) = RuleSet::compile(&[Source::new("t", bomb.as_str())], &CompileOptions::default());
    assert_eq!(diagnostics[0].code, "rule/regex", "too big");
}

#[test]
fn s10_all_events_are_exits() {
    let shell = event(exec(), &host(), process("sh", &[]));
    check(&shell, &[("evt.dir = <", true), ("evt.dir = >", false)]);
}

#[test]
fn operators_and_modifiers() {
    let shell = event(open("/etc/ssl/Key.pem", 0, 3), &host(), process("sh -c 'X'", &["nginx", "init"]));
    let cases = [
        ("fd.name startswith anyof (/var, /etc)", true),
        ("fd.name startswith oneof (/etc, /etc/ssl)", false),
        ("fd.name contains allof (etc, Key)", true),
        ("fd.name contains allof (etc, zzz)", false),
        ("fd.name icontains key.PEM", true),
        ("fd.name bcontains 73736c", true),
        ("fd.name glob /etc/*.pem", true),
        ("fd.name iglob /ETC/*.PEM", true),
        ("fd.name pmatch (/etc/ssl)", true),
        ("fd.name pmatch (/etc/ss)", false),
        ("fd.name pmatch (/e*/ssl)", true),
        ("proc.aname = init", true),
        ("proc.aname in (x, nginx)", true),
        ("proc.aname[1] = init", false),
        ("fd.filename = val(fd.filename)", true),
        ("fd.directory = val(fd.filename)", false),
        ("basename(fd.name) = Key.pem", true),
        ("len(proc.name) = 2", true),
        ("len(proc.name) in (2, 3)", true),
        ("fd.num >= 0x3", true),
    ];
    check(&shell, &cases);
}

#[test]
fn errors_are_said_where_they_stand() {
    let cases = [
        ("proc.nam = x", "rule/unknown-field"),
        ("proc.name > 5 and fd.num contains 5", "rule/operator"),
        ("fd.num = many", "rule/value"),
        ("evt.type = execv", "rule/unknown-event-type"),
        ("evt.is_open_read = maybe", "rule/value"),
        ("fd.sip = nowhere", "rule/value"),
        ("ka.uri.param = 1", "rule/unknown-field"),
        ("evt.arg = 1", "rule/field-argument"),
        ("proc.name[1] = 1", "rule/field-argument"),
        ("proc.aname[x] = 1", "rule/field-argument"),
        ("join(proc.name) = x", "rule/transformer"),
        ("proc.name = val(fd.num)", "rule/operator"),
        ("nothing", "rule/undefined-macro"),
        ("proc.vmsize > 5 and evt.type = execve", "rule/unavailable-field"),
        ("proc.name ==", "rule/syntax"),
    ];
    for (condition, code) in cases {
        let text = format!("- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    {condition}\n");
        let (_, diagnostics) = RuleSet::compile(&[Source::new("t.yaml", text.as_str())], &CompileOptions::default());
        let found =
            diagnostics.iter().find(|d| d.code == code).unwrap_or_else(|| panic!("{condition}: {diagnostics:?}"));
        assert_eq!(found.span.start.map(|start| start.line), Some(6), "{condition}");
    }
}

#[test]
fn memory_follows_processes_and_is_bounded() {
    let mut engine = Engine::new(rule("", "evt.type = openat and proc.name = sh", "syscall"));
    let mut found = Matches::new();
    for round in 0..20_000 {
        let name = if round % 2 == 0 { "sh" } else { "ls" };
        engine.evaluate(&event(open("/x", 0, 3), &host(), process(name, &[])), &mut found);
        assert_eq!(found.len(), usize::from(round % 2 == 0), "{round}: a new process at an old address");
    }
}

#[test]
fn opens_of_a_process_like_an_ended_one_match_what_they_did() {
    let rules =
        rule("", "evt.type = openat and proc.name = sh and fd.name = /etc/shadow and proc.vpid != 9", "syscall");
    let mut engine = Engine::new(rules.clone());
    engine.judging(Arc::new(Judge::new(&rules)));
    let (place, mut found) = (host(), Matches::new());
    for vpid in [1, 2, 9, 3] {
        let mut made = process("sh", &["cron"]);
        made.vpid = Some(vpid);
        let made = Arc::new(made);
        let bodies = [
            open("/usr/lib/x.so", 0, 3),
            open("/etc/shadow", 0, 3),
            Body::Exit(Exit { code: 0, signal: 0, duration_ms: 1 }),
        ];
        for (number, body) in bodies.into_iter().enumerate() {
            let event = Event::new(Timestamp::default(), 1, Arc::clone(&place), Attribution::Host, "t", body);
            engine.evaluate(&event.with_process(Arc::clone(&made)), &mut found);
            assert_eq!(!found.is_empty(), number == 1 && vpid != 9, "{vpid} {number}");
        }
    }
}

#[test]
fn an_ended_process_answers_for_those_like_it_but_not_for_who_they_are() {
    let mut engine =
        Engine::new(rule("", "proc.name in (sh, bash) and proc.vpid = 1 and proc.aname = cron", "syscall"));
    let mut found = Matches::new();
    let mut check = |change: &dyn Fn(&mut model::Process), place: &Arc<Scope>, expected: bool| {
        let mut made = process("sh", &["cron"]);
        made.vpid = Some(1);
        change(&mut made);
        let made = Arc::new(made);
        for body in [exec(), Body::Exit(Exit { code: 0, signal: 0, duration_ms: 1 })] {
            let event = Event::new(Timestamp::default(), 1, Arc::clone(place), Attribution::Host, "t", body);
            engine.evaluate(&event.with_process(Arc::clone(&made)), &mut found);
            assert_eq!(!found.is_empty(), expected, "{made:?}");
        }
    };
    let here = host();
    for _ in 0..2 {
        check(&|_| (), &here, true);
        check(&|process| process.vpid = Some(7), &here, false);
        check(&|process| process.args.push("-c".into()), &here, true);
        check(&|process| process.name = "zsh".into(), &here, false);
        check(&|process| process.ancestors.clear(), &here, false);
        check(&|process| Arc::make_mut(&mut process.ancestors[0]).name = "init".into(), &here, false);
        check(&|process| Arc::make_mut(&mut process.ancestors[0]).pid = 5, &container(), true);
    }
}

/// Numbers from a seed (splitmix64).
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ z >> 31) % sides as u64).unwrap()
    }

    pub(super) fn of<'a>(&mut self, words: &'a [String]) -> &'a str {
        &words[self.roll(words.len())]
    }
}

/// Every constant of the conditions: events made of them meet the rules where it matters.
fn constants(rules: &RuleSet) -> Vec<String> {
    let mut words = BTreeSet::from(["x".to_owned(), "/x/y".to_owned()]);
    for compiled in rules.compiled() {
        compiled.condition.checks(&mut |check| match &check.right {
            Right::Value(value) => drop(words.insert(value.clone())),
            Right::List(values) => words.extend(values.iter().cloned()),
            _ => {}
        });
    }
    words.into_iter().collect()
}

pub(super) fn random_event(
    dice: &mut Dice,
    words: &[String],
    scopes: &[Arc<Scope>],
    processes: &[Arc<model::Process>],
) -> Event {
    let mut path = dice.of(words).to_owned();
    if dice.roll(2) == 0 {
        path = format!("{path}/{}", dice.of(words));
    }
    let result = [0, 1, 3, -2, -115][dice.roll(5)];
    let call = |dice: &mut Dice, name: &str| {
        let mut args = model::Extra::new();
        for key in ["uid", "flags", "request", "cmd", "path", "sig"] {
            args.insert(key.into(), dice.of(words).into());
        }
        Call { call: name.into(), args, result }
    };
    let operations = [
        FileOperation::Rename,
        FileOperation::Unlink,
        FileOperation::Chmod,
        FileOperation::Symlink,
        FileOperation::Mkdir,
    ];
    let body = match dice.roll(12) {
        0..3 => exec(),
        3..6 => open(&path, [0, 1, 2, 0o101, 0o1101, 0o200_000][dice.roll(6)], result),
        6 if dice.roll(2) == 0 => Body::Exit(Exit { code: 0, signal: 0, duration_ms: 1 }),
        6 => connect(
            ["10.0.0.7:443", "169.254.169.254:80", "[2001:db8::1]:53", "1.2.3.4:3333"][dice.roll(4)],
            ["tcp", "udp"][dice.roll(2)],
        ),
        7 => Body::Ptrace(call(dice, "ptrace")),
        8 => {
            let name = ["setuid", "setresuid", "odd"][dice.roll(3)];
            Body::SetId(call(dice, name))
        }
        9 => {
            let name = ["setns", "unshare"][dice.roll(2)];
            Body::Namespace(call(dice, name))
        }
        10 => dns(dice.of(words), &["10.0.0.7"]),
        _ => Body::FileChange(FileChange {
            operation: operations[dice.roll(5)],
            path,
            new_path: Some(dice.of(words).to_owned()),
            mode: Some(u32::try_from(dice.roll(0o7777)).unwrap()),
            result,
            sha256_before: None,
            sha256_after: None,
            path_source: PathSource::Kernel,
        }),
    };
    let scope = &scopes[dice.roll(scopes.len())];
    let attribution = [Attribution::Host, Attribution::Unknown, Attribution::Complete][dice.roll(3)];
    let time = Timestamp::from_seconds(1_700_000_000);
    let event = Event::new(time, 1, Arc::clone(scope), attribution, ["t", "cgroup/sendmsg4"][dice.roll(2)], body);
    if dice.roll(20) == 0 { event } else { event.with_process(Arc::clone(&processes[dice.roll(processes.len())])) }
}

pub(super) fn random_process(dice: &mut Dice, words: &[String]) -> Arc<model::Process> {
    let line = format!("{} {} {}", dice.of(words), dice.of(words), dice.of(words));
    let parents: Vec<String> = (0..dice.roll(5)).map(|_| dice.of(words).to_owned()).collect();
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    let mut made = process(&line, &parents);
    made.name = dice.of(words).to_owned();
    made.exe = dice.of(words).to_owned();
    made.tty = u32::try_from(dice.roll(2)).unwrap();
    made.uid = [0, 1000, 65534][dice.roll(3)];
    made.vpid = [None, Some(1), Some(9)][dice.roll(3)];
    made.pgid = [None, Some(100)][dice.roll(2)];
    made.caps_effective = Capabilities(dice.0);
    made.caps_permitted = Capabilities(dice.0 >> 7);
    made.exe_origin = [None, Some(ExeOrigin::Upper), Some(ExeOrigin::Memfd), Some(ExeOrigin::Image)][dice.roll(4)];
    made.env = [format!("HTTP_PROXY={}", dice.of(words))].into();
    Arc::new(made)
}

/// The same program started once more, by another child of the same parent.
fn twin(dice: &mut Dice, process: &model::Process) -> Arc<model::Process> {
    let mut made = process.clone();
    made.pid = 1000 + i32::try_from(dice.roll(9)).unwrap();
    made.start_time = Timestamp::from_seconds(1_690_000_000);
    made.vpid = [None, Some(1), Some(9)][dice.roll(3)];
    made.sid = [None, Some(made.pid), Some(99)][dice.roll(3)];
    made.pgid = [None, Some(made.pid), Some(100)][dice.roll(3)];
    Arc::new(made)
}

fn agree(rules: &RuleSet, seed: u64, rounds: usize) {
    let words = constants(rules);
    let mut dice = Dice(seed);
    let mut other = container().as_ref().clone();
    other.container = Some(ContainerRef { id: "f".repeat(64), name: "x".into(), privileged: Some(true) });
    let scopes = [host(), container(), Arc::new(other)];
    let mut processes: Vec<_> = (0..12).map(|_| random_process(&mut dice, &words)).collect();
    processes.extend((0..6).map(|number| twin(&mut dice, &processes[number])).collect::<Vec<_>>());
    let mut engine = Engine::new(rules.clone());
    let judge = crate::opens::Judge::new(rules);
    let mut found = Matches::new();
    for _ in 0..rounds {
        let event = random_event(&mut dice, &words, &scopes, &processes);
        let groups = engine.judge_opens(&judge, &event);
        engine.evaluate(&event, &mut found);
        for groups in [groups, judge.anybody()] {
            let sent = crate::opens::sends(judge.table(), &groups, &event);
            assert!(found.is_empty() || sent, "seed {seed}: left out, but {found:?} {event:?}");
        }
        let compiled: Vec<&str> =
            found.iter().filter(|found| !found.rule.detector).map(|found| found.rule.name.as_str()).collect();
        let context = Context { event: &event, names: engine.names(), containers: engine.containers() };
        let holds = |condition: &Expr, source: &EventSource| naive::holds(condition, &context, source);
        let expected: Vec<&str> = rules
            .compiled()
            .iter()
            .filter(|compiled| {
                compiled.rule.source == EventSource::Syscall && holds(&compiled.condition, &compiled.rule.source)
            })
            .map(|compiled| compiled.rule.name.as_str())
            .collect();
        assert_eq!(compiled, expected, "seed {seed}: {event:?}");
    }
}

fn ours() -> RuleSet {
    let options = CompileOptions { matching: Matching::All, ..CompileOptions::default() };
    RuleSet::compile(&content::rules(), &options).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn compiled_equals_naive_on_our_rules(seed: u64) {
        agree(&ours(), seed, 40);
    }
}

#[test]
fn compiled_equals_naive_on_official_rules() {
    testkit::need!(data);
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let sources: Vec<Source> = names
        .iter()
        .map(|name| Source::new(*name, testkit::read_text(testkit::data(&format!("falco/rules/{name}")))))
        .collect();
    let options = CompileOptions { matching: Matching::All, ..CompileOptions::default() };
    let (rules, _) = RuleSet::compile(&sources, &options);
    for seed in 0..12 {
        agree(&rules, seed, 60);
    }
}
