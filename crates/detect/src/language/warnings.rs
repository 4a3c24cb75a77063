//! Which of Falco's warnings and errors has which code here.

use std::collections::BTreeSet;

use model::Level;

use super::{codes, compile, rule};

/// A rule file for each code of Falco's loader, with ours.
#[test]
fn every_code_of_falcos_loader_has_one_here() {
    let plain = || rule("evt.type = execve", "o", "syscall");
    let audit = |condition: &str| rule(condition, "o", "k8s_audit");
    let cases = [
        ("LOAD_ERR_YAML_PARSE", "- {a: b\n".to_owned(), "yaml/syntax"),
        ("LOAD_ERR_YAML_VALIDATE", "rule: r\n".into(), "rule/not-a-list"),
        ("LOAD_ERR_YAML_VALIDATE", "- list: l\n".into(), "rule/missing-key"),
        ("LOAD_ERR_YAML_VALIDATE", "- list: l\n  items: x\n".into(), "rule/wrong-type"),
        ("LOAD_ERR_COMPILE_CONDITION", rule("evt.type =", "o", "syscall"), "rule/syntax"),
        ("LOAD_ERR_COMPILE_CONDITION", rule("proc.nam = x", "o", "syscall"), "rule/unknown-field"),
        ("LOAD_ERR_COMPILE_OUTPUT", rule("evt.type = execve", "%proc.nam", "syscall"), "rule/unknown-field"),
        ("LOAD_ERR_COMPILE_OUTPUT", rule("evt.type = execve", "100 %", "syscall"), "rule/output"),
        ("LOAD_ERR_VALIDATE", rule("evt.type = execve and m", "o", "syscall"), "rule/undefined-macro"),
        ("LOAD_UNKNOWN_SOURCE", rule("x.y = 1", "o", "my_plugin"), "rule/source-not-fed"),
        ("LOAD_UNSAFE_NA_CHECK", audit("ka.verb = '<NA>'"), "rule/unsafe-na"),
        ("LOAD_UNSAFE_NA_CHECK", audit("not ka.user.groups intersects (a, <NA>)"), "rule/unsafe-na"),
        ("LOAD_UNSAFE_NA_CHECK", audit("tolower(jevt.value[/x]) != '<NA>'"), "rule/unsafe-na"),
        ("LOAD_NO_EVTTYPE", rule("proc.name = sh", "o", "syscall"), "rule/no-event-type"),
        (
            "LOAD_UNKNOWN_FILTER",
            rule("proc.nam = x", "o", "syscall") + "  skip-if-unknown-filter: true\n",
            "rule/unknown-field",
        ),
        ("LOAD_UNUSED_MACRO", "- macro: m\n  condition: evt.type = execve\n".into(), "rule/unused-macro"),
        ("LOAD_UNUSED_LIST", "- list: l\n  items: [x]\n".into(), "rule/unused-list"),
        ("LOAD_UNKNOWN_ITEM", "- thing: x\n".into(), "rule/unknown-item"),
        ("LOAD_DEPRECATED_ITEM", plain() + "- rule: r\n  enabled: false\n", "rule/deprecated"),
        ("LOAD_DEPRECATED_ITEM", rule("evt.type = execve and evt.dir = <", "o", "syscall"), "rule/deprecated"),
        (
            "LOAD_APPEND_NO_VALUES",
            plain()
                + "  exceptions: [{name: e, fields: proc.name, values: [x]}]\n- rule: r\n  exceptions: [{name: e}]\n  override: {exceptions: append}\n",
            "rule/append-no-values",
        ),
        (
            "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
            plain() + "  exceptions: [{name: e, fields: proc.name}, {name: e, fields: fd.name}]\n",
            "rule/exception-twice",
        ),
        ("LOAD_INVALID_MACRO_NAME", "- macro: m-n\n  condition: evt.type = execve\n".into(), "rule/macro-name"),
        ("LOAD_INVALID_LIST_NAME", "- list: l m\n  items: [x]\n".into(), "rule/list-name"),
        (
            "LOAD_COMPILE_CONDITION",
            rule("evt.type = execve and proc.name = proc.pname", "o", "syscall"),
            "rule/field-as-text",
        ),
        (
            "LOAD_COMPILE_CONDITION",
            rule("evt.type = execve and proc.name = 'tolower(proc.pname)'", "o", "syscall"),
            "rule/transformer-as-text",
        ),
        (
            "LOAD_COMPILE_CONDITION",
            rule("evt.type = execve and proc.name regex '^abc.*'", "o", "syscall"),
            "rule/simple-regex",
        ),
        ("LOAD_UNKNOWN_KEY", plain() + "  prioriti: x\n", "rule/unknown-key"),
    ];
    for (falco, text, expected) in &cases {
        let (_, diagnostics) = compile(&[text]);
        let found = codes(&diagnostics, Level::Note);
        assert!(found.contains(expected), "{falco}: {found:?} for {text}");
        let said = diagnostics.iter().find(|d| d.code == *expected).map(|d| (d.level, d.span.start.is_some()));
        let refused = falco.starts_with("LOAD_ERR");
        let (level, placed) = said.unwrap_or((Level::Note, false));
        assert_eq!((level == Level::Error, placed), (refused, true), "{falco}: {text}");
    }
    let falco: BTreeSet<&str> = cases.iter().map(|(falco, _, _)| *falco).collect();
    assert_eq!(falco.len(), 19, "of 7 errors and 15 warnings, three are of files and extensions");
}

#[test]
fn what_is_fine_is_not_warned_of() {
    for condition in [
        "evt.type = execve and proc.name = sh",
        "evt.type = execve and fd.name = x.y",
        "evt.type = execve and proc.name = evt.nothing",
        "evt.type = execve and proc.cmdline contains 'tolower(x)'",
        "evt.type = execve and proc.name regex '[ab]c'",
        "evt.type = execve and proc.name regex 'a.c'",
        "evt.type = execve and proc.name = '<NA>'",
        // Never true on purpose: no event type is too many.
        "evt.num = 0 and evt.type = openat and evt.type = execve",
        "evt.type in (open, openat, execve, connect)",
    ] {
        let (_, diagnostics) = compile(&[&rule(condition, "o", "syscall")]);
        assert_eq!(codes(&diagnostics, Level::Note), [] as [&str; 0], "{condition}");
    }
    let quiet = rule("proc.name = sh", "o", "syscall") + "  warn_evttypes: false\n";
    assert_eq!(codes(&compile(&[&quiet]).1, Level::Note), [] as [&str; 0]);
}

#[test]
fn rules_that_are_off_are_checked_and_use_what_they_name() {
    let off = "- list: l\n  items: [x]\n- macro: m\n  condition: proc.name in (l)\n".to_owned()
        + &rule("evt.type = execve and m", "o", "syscall")
        + "  enabled: false\n";
    let (rules, diagnostics) = compile(&[&off]);
    assert_eq!((rules.rules().len(), codes(&diagnostics, Level::Note)), (0, vec![]));
    assert_eq!(rules.unique_checks(), (0, 0), "nothing of it is evaluated");
    assert_eq!(rules.off(), ["r"]);
    let broken = rule("evt.type = execve and proc.nam = x", "o", "syscall") + "  enabled: false\n";
    assert_eq!(codes(&compile(&[&broken]).1, Level::Error), ["rule/unknown-field"]);
}

#[test]
fn unknown_filters_may_be_skipped() {
    for (condition, output) in
        [("evt.type = execve and proc.nam = x", "o"), ("evt.type = execve", "%proc.nam"), ("evt.type = execv", "o")]
    {
        let skipped = rule(condition, output, "syscall") + "  skip-if-unknown-filter: true\n";
        let (rules, diagnostics) = compile(&[&skipped]);
        assert_eq!(codes(&diagnostics, Level::Error), [] as [&str; 0], "{condition} {output}");
        assert!(!codes(&diagnostics, Level::Warning).is_empty(), "{condition} {output}");
        assert!(rules.needs().kinds.is_empty(), "{condition} {output}");
    }
}

#[test]
fn rules_about_what_is_not_told_are_degraded() {
    let check = |condition: &str, expected: &[&str], code: Option<&str>| {
        let (rules, diagnostics) = compile(&[&rule(condition, "o", "syscall")]);
        let missing: Vec<String> = rules.rules()[0].unavailable.iter().cloned().collect();
        assert_eq!(
            (missing, codes(&diagnostics, Level::Warning)),
            (expected.iter().map(ToString::to_string).collect(), code.into_iter().collect()),
            "{condition}"
        );
    };
    let failed = Some("rule/failed-exec");
    check("evt.type in (execve, execveat) and evt.failed = true", &["evt.failed of execve"], failed);
    check("evt.type = execve and evt.res in (ENOENT, EACCES)", &["evt.res of execve"], failed);
    check("evt.type = execve and evt.rawres < 0", &["evt.rawres of execve"], failed);
    check("evt.type = execve and evt.failed = false and evt.rawres >= 0", &[], None);
    check("evt.type in (execve, openat) and evt.failed = true", &[], None);
    check("evt.type in (open, close) and fd.name = x", &["evt.type=close"], None);
}
