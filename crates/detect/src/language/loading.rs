//! Rule files: what is taken, what is refused, what later items make of earlier ones (Falco: rule loader).

use model::Level;

use super::{codes, compile};

const BASE: &str =
    "- rule: r\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: INFO\n  tags: [a, b]\n";

/// `condition | priority | tags` of the rule `r` where it is loaded, and the codes of warnings and errors.
fn loaded(files: &[&str]) -> (String, String) {
    let (rules, diagnostics) = compile(files);
    let rule = rules.compiled().iter().find(|compiled| compiled.rule.name == "r");
    let shown = rule.map_or_else(String::new, |found| {
        format!("{} | {} | {}", found.condition, found.rule.priority, found.rule.tags.join(","))
    });
    (shown, codes(&diagnostics, Level::Warning).join(","))
}

fn check(cases: &[(&str, &str, &str)]) {
    for (text, rule, expected) in cases {
        assert_eq!(loaded(&[BASE, text]), ((*rule).to_owned(), (*expected).to_owned()), "{text}");
    }
}

const SAME: &str = "evt.type = execve | Informational | a,b";

#[test]
fn overrides() {
    check(&[
        (
            "- rule: r\n  condition: and proc.name = sh\n  tags: [b, c]\n  override: {condition: append, tags: append}\n",
            "evt.type = execve and proc.name = sh | Informational | a,b,c",
            "",
        ),
        (
            "- rule: r\n  condition: evt.type = openat\n  priority: ERROR\n  tags: [x]\n  override: {condition: replace, priority: replace, tags: replace}\n",
            "evt.type = openat | Error | x",
            "",
        ),
        (
            "- rule: r\n  desc: more\n  condition: evt.type = openat\n  override: {desc: append, condition: replace}\n",
            "evt.type = openat | Informational | a,b",
            "",
        ),
        ("- rule: r\n  priority: ERROR\n  override: {priority: append}\n", SAME, "rule/override"),
        ("- rule: r\n  source: syscall\n  override: {source: replace}\n", SAME, "rule/override"),
        ("- rule: r\n  priority: ERROR\n  override: {priority: change}\n", SAME, "rule/override"),
        ("- rule: r\n  override: {condition: append}\n", SAME, "rule/override"),
        ("- rule: r\n  output: x\n  priority: ERROR\n  override: {priority: replace}\n", SAME, "rule/override"),
        ("- rule: r\n  condition: and proc.name = sh\n  override: append\n", SAME, "rule/override"),
        ("- rule: s\n  priority: ERROR\n  override: {priority: replace}\n", SAME, "rule/no-previous"),
        (
            "- rule: r\n  exceptions: [{name: e, values: [x]}]\n  override: {exceptions: replace}\n",
            SAME,
            "rule/exception",
        ),
    ]);
}

#[test]
fn appending_with_the_old_flag() {
    check(&[
        (
            "- rule: r\n  condition: and proc.name = sh\n  append: true\n",
            "evt.type = execve and proc.name = sh | Informational | a,b",
            "rule/deprecated",
        ),
        // What cannot be appended is passed over.
        (
            "- rule: r\n  condition: and proc.name = sh\n  priority: ERROR\n  enabled: false\n  append: true\n",
            "evt.type = execve and proc.name = sh | Informational | a,b",
            "rule/deprecated",
        ),
        ("- rule: r\n  tags: [c]\n  append: true\n", SAME, "rule/deprecated,rule/missing-key"),
        (
            "- rule: r\n  condition: and x\n  append: true\n  override: {condition: append}\n",
            SAME,
            "rule/deprecated,rule/append-and-override",
        ),
        ("- rule: s\n  condition: and x\n  append: true\n", SAME, "rule/deprecated,rule/no-previous"),
        ("- list: l\n  items: [x]\n  append: true\n", SAME, "rule/deprecated,rule/no-previous"),
        ("- macro: m\n  condition: or x\n  override: {condition: append}\n", SAME, "rule/no-previous"),
        ("- list: l\n  items: [x]\n  override: {item: append}\n", SAME, "rule/override"),
    ]);
}

#[test]
fn a_list_or_macro_that_is_replaced_need_not_exist() {
    check(&[
        ("- list: l\n  items: [x]\n  override: {items: replace}\n", SAME, ""),
        ("- macro: m\n  condition: evt.type = open\n  override: {condition: replace}\n", SAME, ""),
    ]);
}

#[test]
fn sources_of_a_rule() {
    check(&[
        (
            "- rule: r\n  condition: and proc.name = sh\n  source: k8s_audit\n  append: true\n",
            SAME,
            "rule/deprecated,rule/other-source",
        ),
        (
            "- rule: r\n  condition: ka.verb = get\n  source: k8s_audit\n  override: {condition: replace}\n",
            SAME,
            "rule/other-source",
        ),
        (
            "- rule: r\n  condition: and proc.name = sh\n  source: ''\n  append: true\n",
            "evt.type = execve and proc.name = sh | Informational | a,b",
            "rule/deprecated",
        ),
        // Only a condition belongs to a source.
        (
            "- rule: r\n  priority: ERROR\n  source: k8s_audit\n  override: {priority: replace}\n",
            "evt.type = execve | Error | a,b",
            "",
        ),
        (
            "- rule: r\n  desc: d\n  condition: ka.verb = get\n  output: o\n  priority: INFO\n  source: k8s_audit\n",
            SAME,
            "rule/other-source",
        ),
        (
            "- rule: t\n  desc: d\n  condition: x\n  output: o\n  priority: INFO\n  source: ''\n",
            SAME,
            "rule/wrong-type",
        ),
    ]);
}

#[test]
fn toggles() {
    check(&[
        ("- rule: r\n  enabled: false\n", "", "rule/deprecated"),
        ("- rule: r\n  enabled: false\n  tags: [x]\n", "", "rule/deprecated"),
        ("- rule: r\n  enabled: false\n  override: {enabled: replace}\n", "", ""),
        ("- rule: r\n  enabled: 'no'\n  override: {enabled: replace}\n", "", ""),
        ("- rule: r\n  enabled: OFF\n  override: {enabled: replace}\n", "", ""),
        ("- rule: r\n  enabled: n\n  override: {enabled: replace}\n", "", ""),
        ("- rule: r\n  enabled: Y\n  override: {enabled: replace}\n", SAME, ""),
        ("- rule: r\n  enabled: nO\n  override: {enabled: replace}\n", SAME, "rule/wrong-type"),
        ("- rule: r\n  enabled: 0\n  override: {enabled: replace}\n", SAME, "rule/wrong-type"),
        ("- rule: r\n  enabled:\n", SAME, "rule/wrong-type,rule/deprecated"),
        ("- rule: s\n  enabled: false\n", SAME, "rule/deprecated,rule/no-previous"),
        ("- rule: r\n", SAME, "rule/missing-key"),
        // A whole rule replaces the earlier one, with its own switch.
        (
            "- rule: r\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: error\n  enabled: false\n",
            "",
            "",
        ),
    ]);
}

#[test]
fn priorities_in_any_case() {
    for (word, expected) in [
        ("EMERGENCY", "Emergency"),
        ("Alert", "Alert"),
        ("critical", "Critical"),
        ("eRRoR", "Error"),
        ("warning", "Warning"),
        ("NOTICE", "Notice"),
        ("INFO", "Informational"),
        ("informational", "Informational"),
        ("Debug", "Debug"),
    ] {
        let file = format!("{BASE}- rule: r\n  priority: {word}\n  override: {{priority: replace}}\n");
        let (shown, found) = loaded(&[&file]);
        assert_eq!((shown.split(" | ").nth(1), found.as_str()), (Some(expected), ""), "{word}");
    }
    for word in ["warn", "inform", "crit", "5", "''"] {
        let file = format!("{BASE}- rule: r\n  priority: {word}\n  override: {{priority: replace}}\n");
        let (shown, found) = loaded(&[&file]);
        assert_eq!(shown, SAME, "{word}");
        assert!(["rule/priority", "rule/wrong-type"].contains(&found.as_str()), "{word}: {found}");
    }
}

/// The condition that a rule gets by its exceptions, without the start, and what is said.
fn with_exceptions(exceptions: &str) -> (String, String) {
    let file = format!("{BASE}  exceptions:\n{exceptions}");
    let (rules, diagnostics) = compile(&[&file]);
    let condition = rules.compiled().first().map(|found| found.condition.to_string()).unwrap_or_default();
    let start = "evt.type = execve and ";
    (condition.strip_prefix(start).unwrap_or(&condition).to_owned(), codes(&diagnostics, Level::Warning).join(","))
}

#[test]
fn exceptions_of_all_shapes() {
    let cases = [
        ("  - {name: e, fields: proc.name, values: [a, b c]}\n", "not proc.name in (a, \"b c\")", ""),
        ("  - {name: e, fields: proc.name, comps: ' in ', values: [a]}\n", "not proc.name in (a)", ""),
        ("  - {name: e, fields: fd.name, comps: pmatch, values: [/etc]}\n", "not fd.name pmatch (/etc)", ""),
        (
            "  - {name: e, fields: proc.name, comps: startswith anyof, values: [a, b]}\n",
            "not proc.name startswith anyof (a, b)",
            "",
        ),
        (
            "  - {name: e, fields: [proc.name, fd.name], values: [[a, /x], [b, /y z]]}\n",
            "not ((proc.name = a and fd.name = /x) or (proc.name = b and fd.name = \"/y z\"))",
            "",
        ),
        (
            "  - {name: e, fields: [proc.name, fd.name], comps: [in, glob], values: [[[a, b], /x*]]}\n",
            "not (proc.name in (a, b) and fd.name glob /x*)",
            "",
        ),
        ("  - {name: e, fields: [proc.name], comps: [in], values: [[a]]}\n", "not proc.name in (a)", ""),
        ("  - {name: e, fields: [proc.name], comps: [in], values: [['(a, b)']]}\n", "not proc.name in (a, b)", ""),
        (
            "  - {name: e, fields: [proc.cmdline], comps: [contains], values: [[curl 127.0.0.1]]}\n",
            "not proc.cmdline contains \"curl 127.0.0.1\"",
            "",
        ),
        (
            "  - {name: e, fields: ['tolower( proc.name)'], comps: [=], values: [[x]]}\n",
            "not tolower(proc.name) = x",
            "",
        ),
        (
            "  - {name: e, fields: [proc.name], values: [['toupper(proc.pname)']]}\n",
            "not proc.name = toupper(proc.pname)",
            "",
        ),
        (
            "  - {name: e, fields: [proc.name], values: [[proc.pname]]}\n",
            "not proc.name = proc.pname",
            "rule/field-as-text",
        ),
        (
            "  - {name: e, fields: [proc.name], values: [['toupper( proc.pname)']]}\n",
            "not proc.name = \"toupper( proc.pname)\"",
            "rule/transformer-as-text",
        ),
        ("  - {name: e, fields: [proc.pid], comps: ['>='], values: [[1000]]}\n", "not proc.pid >= 1000", ""),
        ("  - {name: e, fields: proc.name}\n", "evt.type = execve", ""),
        ("  - {name: e, fields: [proc.name], values: []}\n", "evt.type = execve", ""),
        (
            "  - {name: e, fields: proc.name, values: [a]}\n  - {name: e, fields: fd.name, values: [b]}\n",
            "not proc.name in (a) and not fd.name in (b)",
            "rule/exception-twice",
        ),
    ];
    for (text, condition, expected) in cases {
        assert_eq!(with_exceptions(text), (condition.to_owned(), expected.to_owned()), "{text}");
    }
}

#[test]
fn exceptions_of_no_shape() {
    let cases = [
        ("  - {name: e, values: [a]}\n", "evt.type = execve", "rule/exception"),
        ("  - {fields: proc.name, values: [a]}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: proc.name, comps: =, values: [a]}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: proc.name, comps: [in], values: [a]}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: [proc.name], comps: [=, in], values: [[a]]}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: [proc.name], comps: [like], values: [[a]]}\n", "evt.type = execve", "rule/exception"),
        (
            "  - {name: e, fields: [proc.name], comps: [in oneof], values: [[a]]}\n",
            "evt.type = execve",
            "rule/exception",
        ),
        (
            "  - {name: e, fields: [proc.pid], comps: ['>= oneof'], values: [[1]]}\n",
            "evt.type = execve",
            "rule/exception",
        ),
        ("  - {name: e, fields: proc.name, comps: oneof, values: [a]}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: proc.name, values: ['']}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: proc.name, values: a}\n", "evt.type = execve", "rule/exception"),
        ("  - {name: e, fields: [proc.nam], values: [[a]]}\n", "", "rule/unknown-field"),
        ("  - {name: e, fields: [proc.name, fd.name], values: [[a]]}\n", "", "rule/exception"),
        ("  - {name: e, fields: proc.name, values: [[a]]}\n", "", "rule/exception"),
        ("  - {name: e, fields: proc.name, valeus: [a]}\n", "evt.type = execve", "rule/unknown-key"),
        ("    x: y\n", "evt.type = execve", "rule/wrong-type"),
    ];
    for (text, condition, expected) in cases {
        assert_eq!(with_exceptions(text), (condition.to_owned(), expected.to_owned()), "{text}");
    }
    let none = format!("{BASE}  exceptions:\n");
    assert_eq!(loaded(&[&none]), (SAME.to_owned(), String::new()), "nothing behind the key is allowed");
}

#[test]
fn exceptions_are_appended_to() {
    let base = format!("{BASE}  exceptions:\n  - {{name: e, fields: proc.name, values: [a]}}\n");
    let with = |more: &str| {
        let text = format!("- rule: r\n  exceptions: [{more}]\n  override: {{exceptions: append}}\n");
        let (rules, diagnostics) = compile(&[&base, &text]);
        (rules.compiled()[0].condition.to_string(), codes(&diagnostics, Level::Warning).join(","))
    };
    let cases = [
        ("{name: e, values: [b]}", "evt.type = execve and not proc.name in (a, b)", ""),
        ("{name: e}", "evt.type = execve and not proc.name in (a)", "rule/append-no-values"),
        ("{name: e, fields: proc.name, values: [b]}", "evt.type = execve and not proc.name in (a)", "rule/exception"),
        (
            "{name: f, fields: fd.name, values: [/x]}",
            "evt.type = execve and not proc.name in (a) and not fd.name in (/x)",
            "",
        ),
        ("{name: f, values: [/x]}", "evt.type = execve and not proc.name in (a)", "rule/exception"),
        (
            "{name: f, fields: fd.name}",
            "evt.type = execve and not proc.name in (a)",
            "rule/append-no-values,rule/exception",
        ),
    ];
    for (text, condition, expected) in cases {
        assert_eq!(with(text), (condition.to_owned(), expected.to_owned()), "{text}");
    }
}

#[test]
fn versions() {
    let cases = [
        ("- required_engine_version: 26\n", ""),
        ("- required_engine_version: 0.63.0\n", ""),
        ("- required_engine_version: '0.26.0'\n", ""),
        ("- required_engine_version: 0.57.0-rc1\n", ""),
        // Falco refuses the file; here it is said, and what is not understood is said one by one.
        ("- required_engine_version: 64\n", "rule/engine-version"),
        ("- required_engine_version: 1.0.0\n", "rule/engine-version"),
        ("- required_engine_version: seven\n", "rule/engine-version"),
        ("- required_engine_version: 0.57\n", "rule/engine-version"),
        ("- required_engine_version: -1\n", "rule/engine-version"),
        ("- required_engine_version: 26\n  rule: x\n", "rule/unknown-key"),
        ("- required_plugin_versions: [{name: json, version: 0.7.0}]\n", ""),
        (
            "- required_plugin_versions: [{name: k8saudit, version: 0.7.0, alternatives: [{name: k8saudit-eks, version: 0.4.0}]}]\n",
            "",
        ),
        ("- required_plugin_versions: [{name: json, version: '1'}]\n", "rule/plugin-version"),
        ("- required_plugin_versions: [{version: 0.7.0}]\n", "rule/plugin-version"),
        ("- required_plugin_versions: [json]\n", "rule/plugin-version"),
        (
            "- required_plugin_versions: [{name: a, version: 0.7.0, alternatives: [{name: a, version: 0.4.0}]}]\n",
            "rule/plugin-version",
        ),
        ("- required_plugin_versions: {name: a}\n", "rule/wrong-type"),
    ];
    for (text, expected) in cases {
        assert_eq!(loaded(&[text, BASE]), (SAME.to_owned(), expected.to_owned()), "{text}");
    }
}

#[test]
fn yaml_as_yaml_cpp_reads_it() {
    let condition = |file: &str| {
        let (rules, diagnostics) = compile(&[file]);
        let shown = rules.compiled().first().map(|found| found.condition.to_string()).unwrap_or_default();
        (shown, codes(&diagnostics, Level::Warning).join(","))
    };
    let rule =
        |condition: &str| format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n");
    let listed =
        |items: &str| format!("- list: l\n  items: {items}\n{}", rule("evt.type = execve and proc.name in (l)"));
    let shown = |items: &str| format!("evt.type = execve and proc.name in ({items})");
    let cases = [
        // Items of lists are words, whatever YAML makes of them elsewhere.
        (listed("[yes, No, true, on, 007, 0x1F, 1.0, 1e3, 2001-01-01, '5']"),
            shown("yes, No, true, on, 007, 0x1F, 1.0, 1e3, 2001-01-01, 5"), ""),
        (listed("[~, a]"), shown("l"), "rule/wrong-type"),
        (listed("[[a]]"), shown("l"), "rule/wrong-type"),
        (listed("['a b', '\"c d\"', \"'e f'\"]"), shown("\"a b\", \"c d\", \"e f\""), ""),
        (listed("[]"), shown(""), ""),
        (listed("&x [a, b]"), shown("a, b"), ""),
        ("- list: m\n  items: &x [a, b]\n- list: l\n  items: *x\n".to_owned() + &rule("evt.type = execve and proc.name in (l, m)"),
            shown("a, b, a, b"), ""),
        (rule("|\n    evt.type = execve\n    and proc.name = sh\n"), "evt.type = execve and proc.name = sh".into(), ""),
        (rule(">-\n    evt.type = execve\n    # no comment in a block\n"), String::new(), "rule/syntax"),
        (rule("evt.type = execve # a comment"), "evt.type = execve".into(), ""),
        // Several documents are one file; empty ones and null items are passed over.
        (format!("---\n# nothing\n---\n- list: l\n  items: [a]\n-\n---\n{}", rule("evt.type = execve and proc.name in (l)")),
            shown("a"), ""),
        // Of equal keys the first one counts.
        (rule("evt.type = execve") + "  condition: evt.type = openat\n", "evt.type = execve".into(), "rule/duplicate-key"),
        ("- &base {rule: r, desc: d, output: o, priority: INFO, condition: evt.type = openat}\n- <<: *base\n  condition: evt.type = execve\n".to_owned(),
            "evt.type = execve".into(), ""),
        ("rule: r\n".to_owned(), String::new(), "rule/not-a-list"),
        ("just text\n".to_owned(), String::new(), "rule/not-a-list"),
        ("- just text\n".to_owned(), String::new(), "rule/wrong-type"),
        ("- [a]\n".to_owned(), String::new(), "rule/wrong-type"),
        ("- thing: r\n".to_owned(), String::new(), "rule/unknown-item"),
        ("- rule: r\n  condition: [a]\n  desc: d\n  output: o\n  priority: INFO\n".to_owned(), String::new(), "rule/wrong-type"),
        ("- rule: r\n  condition: ''\n  desc: d\n  output: o\n  priority: INFO\n".to_owned(), String::new(), "rule/wrong-type"),
        (rule("evt.type = execve") + "  capture: maybe\n", "evt.type = execve".into(), "rule/wrong-type"),
        (rule("evt.type = execve") + "  capture: true\n  capture_duration: 5000\n", "evt.type = execve".into(), ""),
        ("- rule: r\n  condition: {a: b\n".to_owned(), String::new(), "yaml/syntax"),
        (String::new(), String::new(), ""),
    ];
    for (text, expected, warnings) in cases {
        assert_eq!(condition(&text), (expected, warnings.to_owned()), "{text}");
    }
}

#[test]
fn names_of_macros_and_lists() {
    let cases = [
        ("- macro: a b\n  condition: evt.type = execve\n", "rule/macro-name"),
        ("- macro: 1st\n  condition: evt.type = execve\n", "rule/macro-name"),
        ("- macro: a-b\n  condition: evt.type = execve\n", "rule/macro-name"),
        ("- macro: a_1\n  condition: evt.type = execve\n", ""),
        ("- list: a b\n  items: [x]\n", "rule/list-name"),
        ("- list: a(b\n  items: [x]\n", "rule/list-name"),
        ("- list: a-b.c\n  items: [x]\n", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(loaded(&[BASE, text]).1, expected, "{text}");
    }
}

#[test]
fn macros_see_what_stood_before_them() {
    let rule = "- rule: r\n  desc: d\n  condition: evt.type = execve and m\n  output: o\n  priority: INFO\n";
    let cases = [
        // A macro that is changed later sees what was defined until then.
        (
            "- macro: m\n  condition: proc.name = a\n- macro: n\n  condition: proc.name = b\n- macro: m\n  condition: or n\n  override: {condition: append}\n",
            "evt.type = execve and (proc.name = a or proc.name = b)",
            "",
        ),
        ("- macro: m\n  condition: n\n- macro: n\n  condition: proc.name = b\n", "", "rule/undefined-macro"),
        ("- macro: m\n  condition: m\n", "", "rule/undefined-macro"),
        (
            "- macro: n\n  condition: proc.name = b\n- macro: m\n  condition: n\n- macro: n\n  condition: m\n",
            "",
            "rule/macro-loop",
        ),
        (
            "- macro: m\n  condition: proc.name = a\n- macro: m\n  condition: proc.name = b\n",
            "evt.type = execve and proc.name = b",
            "",
        ),
        // No macro inside a transformer: there `m` is no field.
        ("- macro: m\n  condition: tolower(x) = a\n", "", "rule/syntax"),
        ("", "", "rule/undefined-macro"),
    ];
    for (text, condition, expected) in cases {
        let (rules, diagnostics) = compile(&[text, rule]);
        let shown = rules.compiled().first().map(|found| found.condition.to_string()).unwrap_or_default();
        assert_eq!(shown, condition, "{text}");
        let found = codes(&diagnostics, Level::Warning);
        assert_eq!(found.first().copied().unwrap_or_default(), expected, "{text}: {found:?}");
    }
}
