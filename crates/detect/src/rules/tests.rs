//! Cases of `rules`: inputs and what must come of them.

use std::collections::BTreeSet;

use super::*;

fn collect(files: &[&str]) -> Collected {
    let mut collected = Collected::default();
    for (index, text) in files.iter().enumerate() {
        collected.read(&Source::new(format!("f{index}.yaml"), *text), false);
    }
    collected
}

fn codes(collected: &Collected) -> Vec<String> {
    let shown = |d: &Diagnostic| format!("{} {}", d.code, d.span.start.map_or(0, |start| start.line));
    collected.diagnostics.iter().map(shown).collect()
}

const RULE: &str = "- rule: r\n  desc: d\n  condition: a.b = 1\n  output: o\n  priority: INFO\n";

#[test]
fn lists_are_text_in_definition_order() {
    // (lists, condition, expected text without blanks)
    let cases = [
        (vec!["- list: l\n  items: [x, y z]\n"], "a.b in (l)", "a.bin(x,\"yz\")"),
        (vec!["- list: e\n  items: []\n"], "a.b in (x, e, y)", "a.bin(x,y)"),
        (vec!["- list: e\n  items: []\n"], "a.b in (e, y)", "a.bin(y)"),
        (vec!["- list: l\n  items: [x]\n"], "a.l in (ll, l.l, l)", "a.lin(ll,l.l,x)"),
        (vec!["- list: inner\n  items: [x]\n- list: outer\n  items: [inner, y]\n"], "a.b in (outer)", "a.bin(x,y)"),
        // Not yet defined when the outer list is: a plain word, which the later list's own turn then replaces.
        (vec!["- list: outer\n  items: [inner, y]\n- list: inner\n  items: [x]\n"], "a.b in (outer)", "a.bin(x,y)"),
        (vec!["- list: b\n  items: [a]\n- list: a\n  items: [z]\n"], "a.b in (b)", "a.bin(z)"),
        (
            vec!["- list: l\n  items: [x]\n", "- list: l\n  items: [y]\n  override: {items: append}\n"],
            "a.b in (l)",
            "a.bin(x,y)",
        ),
        (vec!["- list: l\n  items: [x]\n", "- list: l\n  items: [y]\n"], "a.b in (l)", "a.bin(y)"),
    ];
    for (files, condition, expected) in cases {
        let collected = collect(&files);
        assert_eq!(codes(&collected), [] as [&str; 0], "{files:?}");
        let (flat, _) = lists::flatten(&collected.lists);
        let mut located = Located::default();
        located.push_synthetic(condition);
        let text = lists::substitute(&located, &flat, &mut BTreeSet::new()).unwrap();
        assert_eq!(text.text().replace(' ', ""), expected, "{files:?} {condition}");
    }
}

#[test]
fn lists_that_double_are_cut() {
    let mut text = String::from("- list: l0\n  items: [aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb]\n");
    for level in 1..40 {
        // Defined before the one they name: the substitution grows with every turn.
        text = format!("- list: l{level}\n  items: [l{0}, l{0}]\n{text}", level - 1);
    }
    let collected = collect(&[&text]);
    let (flat, _) = lists::flatten(&collected.lists);
    let mut located = Located::default();
    located.push_synthetic("a.b in (l39)");
    assert!(lists::substitute(&located, &flat, &mut BTreeSet::new()).is_none());
}

#[test]
fn rules_change_in_the_order_of_files() {
    let cases = [
        ("- rule: r\n  condition: or c.d = 2\n  override: {condition: append}\n", "a.b = 1 or c.d = 2", ""),
        ("- rule: r\n  condition: or c.d = 2\n  append: true\n", "a.b = 1 or c.d = 2", "rule/deprecated 3"),
        ("- rule: r\n  condition: c.d = 2\n  override: {condition: replace}\n", "c.d = 2", ""),
        ("- rule: r\n  enabled: false\n", "a.b = 1", "rule/deprecated 1"),
        ("- rule: r\n  enabled: false\n  override: {enabled: replace}\n", "a.b = 1", ""),
        ("- rule: r\n  priority: loud\n  override: {priority: replace}\n", "a.b = 1", "rule/priority 2"),
        ("- rule: r\n  priority: INFO\n  override: {priority: append}\n", "a.b = 1", "rule/override 3"),
        ("- rule: r\n  output: x\n  override: {condition: append}\n", "a.b = 1", "rule/override 3"),
        (
            "- rule: r\n  condition: x\n  append: true\n  override: {condition: append}\n",
            "a.b = 1",
            "rule/deprecated 3,rule/append-and-override 1",
        ),
        ("- rule: s\n  condition: x\n  override: {condition: append}\n", "a.b = 1", "rule/no-previous 1"),
        (
            "- rule: r\n  tpyo: 1\n  condition: c.d = 3\n  desc: d\n  output: o\n  priority: INFO\n",
            "c.d = 3",
            "rule/unknown-key 2",
        ),
        ("- rule: r\n  condition: x\n", "a.b = 1", "rule/missing-key 1,rule/missing-key 1,rule/missing-key 1"),
        ("rule: r\n", "a.b = 1", "rule/not-a-list 1"),
        ("- hello: r\n", "a.b = 1", "rule/unknown-item 1"),
        ("- required_engine_version: 99.0.0\n", "a.b = 1", "rule/engine-version 1"),
        ("- required_engine_version: 26\n", "a.b = 1", ""),
        (
            "- rule: r\n  source: k8s_audit\n  condition: x\n  desc: d\n  output: o\n  priority: INFO\n",
            "a.b = 1",
            "rule/other-source 1",
        ),
    ];
    for (text, condition, expected) in cases {
        let collected = collect(&[RULE, text]);
        assert_eq!(codes(&collected).join(","), expected, "{text}");
        assert_eq!(collected.rules["r"].condition.text(), condition, "{text}");
    }
    assert!(!collect(&[RULE, "- rule: r\n  enabled: false\n"]).rules["r"].enabled);
}

#[test]
fn exceptions_become_text() {
    let with = |exceptions: &str| {
        let collected = collect(&[&format!("{RULE}  exceptions:\n{exceptions}")]);
        let rule = &collected.rules["r"];
        let text =
            exceptions::apply(&rule.condition, &rule.exceptions).map_or_else(|d| d.code, |text| text.text().to_owned());
        (text, codes(&collected).join(","))
    };
    let cases = [
        ("  - {name: e, fields: c.d, values: [x, y z]}\n", "(a.b = 1) and not (c.d in (x, \"y z\"))", ""),
        (
            "  - {name: e, fields: [c.d, e.f], values: [[x, y], [z, w]]}\n",
            "(a.b = 1) and not ((c.d = x and e.f = y) or (c.d = z and e.f = w))",
            "",
        ),
        (
            "  - {name: e, fields: [c.d, e.f], comps: [startswith, in], values: [[x, [y, z]]]}\n",
            "(a.b = 1) and not ((c.d startswith x and e.f in (y, z)))",
            "",
        ),
        ("  - {name: e, fields: [c.d], comps: [in], values: [[l]]}\n", "(a.b = 1) and not ((c.d in (l)))", ""),
        ("  - {name: e, fields: c.d}\n", "(a.b = 1)", ""),
        ("  - {name: e, fields: c.d, comps: '='}\n", "a.b = 1", "rule/exception 7"),
        ("  - {name: e, fields: [c.d], comps: [in, in]}\n", "a.b = 1", "rule/exception 7"),
        ("  - {name: e, fields: [c.d, e.f], values: [[x]]}\n", "rule/exception", ""),
        (
            "  - {name: e, fields: c.d, comps: startswith anyof, values: [x]}\n",
            "(a.b = 1) and not (c.d startswith anyof (x))",
            "",
        ),
    ];
    for (text, condition, expected) in cases {
        assert_eq!(with(text), (condition.into(), expected.into()), "{text}");
    }
}

#[test]
fn values_are_appended_to_exceptions() {
    let base = format!("{RULE}  exceptions:\n  - {{name: e, fields: c.d, values: [x]}}\n");
    let more = "- rule: r\n  exceptions:\n  - {name: e, values: [y]}\n  override: {exceptions: append}\n";
    let collected = collect(&[&base, more]);
    assert_eq!(codes(&collected), [] as [&str; 0]);
    let text = exceptions::apply(&collected.rules["r"].condition, &collected.rules["r"].exceptions).unwrap();
    assert_eq!(text.text(), "(a.b = 1) and not (c.d in (x, y))");
}

#[test]
fn places_survive_folding_and_substitution() {
    let text = "- list: l\n  items: [x, y]\n- rule: r\n  desc: d\n  condition: >\n    a.b in (l)\n    and c.d = 2\n  output: o\n  priority: INFO\n";
    let collected = collect(&[text]);
    let (flat, _) = lists::flatten(&collected.lists);
    let located = lists::substitute(&collected.rules["r"].condition, &flat, &mut BTreeSet::new()).unwrap();
    let at = located.text().find("c.d").unwrap();
    let spot = located.spot(at, 3);
    assert_eq!((spot.start.line, spot.start.column, spot.length), (7, 9, 3));
    for quoted in [
        "- macro: m\n  condition: 'a.b = \"x\" and c.d = 1'\n",
        "- macro: m\n  condition: \"a.b = \\\"x\\\" and c.d = 1\"\n",
    ] {
        let collected = collect(&[quoted]);
        let condition = &collected.macros["m"].condition;
        let spot = condition.spot(condition.text().find("c.d").unwrap(), 3);
        assert_eq!(quoted.get(spot.start.offset..spot.start.offset + 3), Some("c.d"), "{quoted}");
    }
}

#[test]
fn big_files_are_refused() {
    let collected = collect(&[&"#".repeat(MAX_FILE_BYTES + 1)]);
    assert_eq!(codes(&collected), ["yaml/too-big 0"]);
}

#[test]
fn nearest_words() {
    assert_eq!(keys::closest("conditon", keys::RULE), Some("condition"));
    assert_eq!(keys::closest("xyzzy", keys::RULE), None);
}

/// A rule file with parts cut out, doubled and swapped, from a seed.
fn mangled(text: &str, seed: u64) -> String {
    let mut words: Vec<&str> = text.split_inclusive([' ', '\n', '(', ')', ',']).collect();
    let mut state = seed | 1;
    for _ in 0..12 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap() % words.len();
        let other = usize::try_from(state >> 13 & 0xFFFF).unwrap() % words.len();
        match state >> 60 & 3 {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[other]),
            2 => words.swap(at, other),
            _ => words[at] = "\u{e9}\"%[",
        }
    }
    words.concat()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_the_compiler_panic(text: String) {
        let whole = format!("- rule: r\n  desc: d\n  output: {text:?}\n  priority: INFO\n  condition: {text:?}\n");
        for text in [text, whole] {
            crate::RuleSet::compile(&[Source::new("t", text.as_str())], &crate::CompileOptions::default());
        }
    }

    #[test]
    fn no_mangled_rule_file_makes_the_compiler_panic(seed: u64) {
        for source in crate::content::rules().iter().take(4) {
            let text = mangled(&source.text, seed);
            let (_, diagnostics) = crate::RuleSet::compile(&[Source::new("t", text.as_str())], &crate::CompileOptions::default());
            for diagnostic in &diagnostics {
                diagnostic.render(&text);
            }
        }
    }
}
