//! Cases of `yaml`: texts and what is read of them.

use super::*;

fn json(text: &str) -> Value {
    let (documents, diagnostics) = load(text, "t.yaml", &YamlLimits::DEFAULT);
    assert_eq!(diagnostics, [], "{text}");
    documents.first().map_or(Value::Null, Node::to_json)
}

fn refused(text: &str, limits: YamlLimits) -> Diagnostic {
    let (_, mut diagnostics) = load(text, "t.yaml", &limits);
    assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
    diagnostics.remove(0)
}

#[test]
fn scalars_resolve_as_the_field_does() {
    let text = "[yes, Off, 0644, 0x1f, 1.5, -3, '5', ~, 1.2.3, 10.0.0.0/8, 1e3, 18446744073709551615, .5, '', v]";
    let expected = serde_json::json!([
        true,
        false,
        420,
        31,
        1.5,
        -3,
        "5",
        null,
        "1.2.3",
        "10.0.0.0/8",
        1000.0,
        u64::MAX,
        0.5,
        "",
        "v"
    ]);
    assert_eq!(json(text), expected);
}

#[test]
fn documents_aliases_and_duplicate_keys() {
    assert_eq!(json("a: &x [1]\nb: *x\na: 2\n"), serde_json::json!({"a": 2, "b": [1]}));
    let (documents, _) = load("---\n# only a comment\n---\na: 1\n---\nb: 2\n", "t", &YamlLimits::DEFAULT);
    assert_eq!(documents.len(), 2);
}

#[test]
fn merge_keys_fill_in_what_is_not_said() {
    let cases = [
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", serde_json::json!({"p": 1, "q": 3})),
        ("a: &x {p: 1}\nb: {<<: [*x, {p: 2, r: 4}], q: 3}\n", serde_json::json!({"q": 3, "p": 1, "r": 4})),
        ("b: {'<<': {p: 1}}\n", serde_json::json!({"<<": {"p": 1}})),
        ("b: {<<: 5}\n", serde_json::json!({"<<": 5})),
    ];
    for (text, expected) in cases {
        assert_eq!(json(text)["b"], expected, "{text}");
    }
}

#[test]
fn scalars_keep_the_text_they_were_written_as() {
    let (documents, _) = load("[yes, On, 0x1F, 007, 1e3, '5', y]", "t", &YamlLimits::DEFAULT);
    let texts: Vec<_> = documents[0].items().unwrap().iter().map(|item| item.scalar_text().unwrap()).collect();
    assert_eq!(texts, ["yes", "On", "0x1F", "007", "1e3", "5", "y"]);
}

#[test]
fn positions_are_the_source_s() {
    let (documents, _) = load("- rule: x\n  é: 'proc.name'\n", "t.yaml", &YamlLimits::DEFAULT);
    let rule = &documents[0].items().unwrap()[0];
    let value = &rule.entries()[1].1;
    assert_eq!((value.start.line, value.start.column, value.start.offset), (2, 6, 16));
    assert_eq!(value.length, "'proc.name'".len());
}

#[test]
fn every_cap_is_met() {
    let limits = YamlLimits { bytes: 100, depth: 3, nodes: 20, documents: 2 };
    assert_eq!(refused(&" ".repeat(101), limits).code, "yaml/too-big");
    assert_eq!(refused("[[[[1]]]]", limits).code, "yaml/too-deep");
    assert_eq!(refused("1\n---\n2\n---\n3\n", limits).code, "yaml/too-many-documents");
    let laughs = "a: &a [1,1,1,1]\nb: &b [*a,*a,*a]\nc: [*b,*b]\n";
    let refusal = refused(laughs, limits);
    assert_eq!((refusal.code.as_str(), refusal.span.start.unwrap().line), ("yaml/too-many-nodes", 2));
}

#[test]
fn broken_text_keeps_what_came_before() {
    let (documents, diagnostics) = load("a: 1\n---\nb: [1, 2\nc: }\n", "t.yaml", &YamlLimits::DEFAULT);
    assert_eq!(documents.len(), 1);
    assert_eq!(diagnostics[0].code, "yaml/syntax");
    assert!(diagnostics[0].span.start.unwrap().line >= 3);
    let tab = refused("- a: 1\n\tb: 2\n", YamlLimits::DEFAULT);
    assert_eq!(tab.span.start.map(|start| (start.line, start.column)), Some((2, 1)));
    assert!(tab.fix.is_some_and(|fix| fix.contains("blanks")) && !tab.message.contains("line"), "{}", tab.message);
}

#[test]
fn one_document_means_one() {
    assert_eq!(load_one("a: 1\n---\nb: 2\n", "t", &YamlLimits::DEFAULT).1[0].code, "yaml/several-documents");
    assert_eq!(load_one("# nothing\n", "t", &YamlLimits::DEFAULT).1[0].code, "yaml/empty");
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "[ \\-a-c&*\\[\\]{}:,'\"\n|>!#%0-9.]{0,80}") {
        let limits = YamlLimits { bytes: 4096, depth: 8, nodes: 200, documents: 10 };
        drop(load(&text, "t", &limits));
    }
}
