//! The interpreter's edges: where it would otherwise differ from OPA. Expected values are OPA's.

#![expect(clippy::needless_pass_by_value, reason = "tables of literals read better without references")]

use serde_json::json;

use super::*;

fn compile(text: &str, libs: &[&str], dialect: Dialect) -> Result<Program, CompileError> {
    let libs: Vec<_> = libs.iter().map(|text| Module { name: "lib.rego", text }).collect();
    Program::compile(Module { name: "t.rego", text }, &libs, "violation", dialect)
}

fn run(text: &str, input: Value) -> Result<Vec<Value>, EvalError> {
    compile(text, &[], Dialect::V0).unwrap().evaluate(input, &Limits::at(0))
}

#[track_caller]
fn check(body: &str, input: Value, expected: Value) {
    let members = run(&format!("package t\nviolation[msg] {{\n{body}\n}}\n"), input).unwrap();
    assert_eq!(Value::Array(members), expected, "{body}");
}

#[test]
fn formats_as_go_does() {
    let check = |call: &str, expected: &str| check(&format!("msg := sprintf({call})"), json!({}), json!([expected]));
    check(r#""%v %s %d", ["a", "b", 3]"#, "a b 3");
    check(r#""%v", []"#, "%!v(MISSING)");
    check(r#""a", [1, "x"]"#, "a%!(EXTRA int64=1, string=x)");
    check(r#""%o|%O|%#o", [384, 384, 384]"#, "600|0o600|0600");
    check(r#""%-5s|%5s|%05d|%+d", ["a", "b", 42, 7]"#, "a    |    b|00042|+7");
    check(r#""%d", ["x"]"#, "%!d(string=x)");
    check(r#""%s", [5]"#, "%!s(int64=5)");
    check(r#""%t", [true]"#, "%!t(string=true)");
    check(r#""%q %x %X %c", ["a\"b", 255, "hi", 65]"#, "\"a\\\"b\" ff 6869 A");
    check(r#""%v %v", [1.5, 1e30]"#, "1.5 1000000000000000000000000000000");
    check(r#""%.2f|%8.3f|%e|%g", [1.005, 2.5, 12345.678, 0.00001]"#, "1.00|   2.500|1.234568e+04|1e-05");
    check(r#""%v", [[1, "a", {"k": null}, {true}]]"#, "[1, \"a\", {\"k\": null}, {true}]");
    check(r#""%v %v", [set(), {}]"#, "set() {}");
    check(r#""%[2]v %[1]v", ["x", "y"]"#, "y x");
    check(r#""%#v|%+v|%+q", ["a", 1, "é"]"#, "\"a\"|1|\"\\u00e9\"");
    check(r#""%*d|%.3s", [4, 7, "abcdef"]"#, "   7|abc");
    check(r#""100%", []"#, "100%!(NOVERB)");
    check(r#""%d%%", [5]"#, "5%");
}

#[test]
fn errors_of_builtins_are_undefined() {
    check("msg := object.get(null, \"a\", 1)", json!({}), json!([]));
    check("msg := to_number(\"x\")", json!({}), json!([]));
    check("not startswith(input.x, 1)\nmsg := \"reached\"", json!({ "x": "a" }), json!(["reached"]));
}

#[test]
fn other_errors_are_errors() {
    let text = "package t\nf(x) = 1 { x > 0 }\nf(x) = 2 { x > 1 }\nviolation[msg] { msg := f(input.n) }\n";
    assert_eq!(run(text, json!({ "n": 1 })).unwrap(), [json!(1)]);
    let error = run(text, json!({ "n": 2 })).unwrap_err();
    assert!(error.to_string().contains("t.rego:"), "{error}");
}

#[test]
fn a_line_that_starts_with_a_parenthesis_is_an_expression() {
    check("x := input.a\n(x + 1) > 1\nmsg := x", json!({ "a": 1 }), json!([1]));
    check("x := [input.a,\n(input.a)]\nmsg := x", json!({ "a": 1 }), json!([[1, 1]]));
}

#[test]
fn chained_bodies_are_rules() {
    let text = "package t\nviolation[{\"msg\": msg}] {\n  msg := \"a\"\n} {\n  msg := \"b\"\n}\n{\n  msg := \"c\"\n}\n";
    assert_eq!(run(text, json!({})).unwrap(), [json!({ "msg": "a" }), json!({ "msg": "b" }), json!({ "msg": "c" })]);
    let text = "package t\nx = {\"k\": 1} { true }\nviolation[x] { true }\n";
    assert_eq!(run(text, json!({})).unwrap(), [json!({ "k": 1 })], "a value in braces is no body");
}

#[test]
fn facts_without_a_body_hold() {
    let text = "package t\nimport rego.v1\nf(\"\")\nf(x) if x == \"a\"\nviolation contains x if { some x in [\"\", \"a\", \"b\"]; f(x) }\n";
    let program = compile(text, &[], Dialect::V1).unwrap();
    assert_eq!(program.evaluate(json!({}), &Limits::at(0)).unwrap(), [json!(""), json!("a")]);
}

#[test]
fn arguments_are_evaluated_before_they_are_negated() {
    let text = "package t\nf(x) { x == 1 }\nviolation[\"v\"] { not f(input.a.b) }\n";
    assert_eq!(run(text, json!({ "a": { "b": 2 } })).unwrap(), [json!("v")]);
    assert_eq!(run(text, json!({ "a": { "b": 1 } })).unwrap(), [] as [Value; 0]);
    assert_eq!(run(text, json!({ "a": {} })).unwrap(), [] as [Value; 0], "undefined, not false");
    check("not startswith(lower(input.x), \"a\")\nmsg := 1", json!({}), json!([]));
    check("not input.x > 1\nmsg := 1", json!({}), json!([]));
    check("not input.x == 1\nmsg := 1", json!({}), json!([1]));
    check("not count(input.x) == 1\nmsg := 1", json!({}), json!([]));
    check("not any([startswith(input.x, \"a\")])\nmsg := 1", json!({}), json!([]));
    check("not any([startswith(input.x, p) | p := [\"a\", \"b\"][_]])\nmsg := 1", json!({ "x": "c" }), json!([1]));
}

#[test]
fn deprecated_functions_are_known() {
    check("any([false, true])\nnot all([false, true])\nmsg := 1", json!({}), json!([1]));
    check("re_match(`^a+$`, \"aa\")\nmsg := 1", json!({}), json!([1]));
    check("msg := set_diff({1, 2}, {2})", json!({}), json!([[1]]));
}

#[test]
fn the_clock_is_a_parameter() {
    let program = compile("package t\nviolation[t] { t := time.now_ns() }\n", &[], Dialect::V0).unwrap();
    assert_eq!(program.evaluate(json!({}), &Limits::at(42)).unwrap(), [json!(42)]);
}

#[test]
fn nothing_is_reached_outside() {
    let call = "package t\nviolation[r] { r := http.send({\"method\": \"get\", \"url\": \"http://x\"}) }\n";
    let error = run(call, json!({})).unwrap_err().to_string();
    assert!(error.contains("could not find function http.send"), "{error}");
    check("r := external_data({\"provider\": \"p\", \"keys\": []})\nmsg := r.status_code", json!({}), json!([400]));
}

#[test]
fn references_are_fenced() {
    let refused = |text: &str, what: &str| {
        let error = compile(text, &[], Dialect::V0).unwrap_err().to_string();
        assert_eq!(error, format!("t.rego:2: {what} is not allowed: only data.lib and data.inventory are"));
    };
    refused("package t\nviolation[x] { x := data.secrets }\n", "data.secrets");
    refused("package t\nviolation[x] { x := data[\"other\"].x }\n", "data.other");
    refused("package t\nviolation[x] { x := data[input.y] }\n", "data");
    let lib = "package lib.a\nf(x) = y { y := x + 1 }\n";
    let program = compile("package t\nimport data.lib.a\nviolation[y] { y := a.f(1) }\n", &[lib], Dialect::V0).unwrap();
    assert_eq!(program.evaluate(json!({}), &Limits::at(0)).unwrap(), [json!(2)]);
    let error = compile("package t\nviolation[1] { true }\n", &["package other\nx = 1\n"], Dialect::V0).unwrap_err();
    assert_eq!(error.to_string(), "lib.rego: libraries belong in a package under `lib`, not in `other`");
    let fine = "package t\nviolation[y] { x := {\"data\": input.data}; y := x.data }\n";
    assert_eq!(run(fine, json!({ "data": 5 })).unwrap(), [json!(5)]);
}

#[test]
fn the_inventory_is_data() {
    let program = compile("package t\nviolation[x] { x := data.inventory.cluster[_] }\n", &[], Dialect::V0).unwrap();
    assert!(program.uses_inventory);
    assert_eq!(program.evaluate(json!({}), &Limits::at(0)).unwrap(), [] as [Value; 0]);
    let program = program.with_inventory(&json!({ "cluster": { "v1": 7 } })).unwrap();
    assert_eq!(program.evaluate(json!({}), &Limits::at(0)).unwrap(), [json!(7)]);
}

#[test]
fn bad_programs_are_refused_with_a_place() {
    let error = compile("package t\nviolation[x] { x := }\n", &[], Dialect::V0).unwrap_err().to_string();
    assert!(error.contains("t.rego:2:"), "{error}");
    let error = compile("package t\nother[x] { x := 1 }\n", &[], Dialect::V0).unwrap_err();
    assert_eq!(error.to_string(), "t.rego: no rule `violation`");
    let many = vec!["package lib\n"; MAX_MODULES];
    assert!(matches!(compile("package t\nviolation[1] { true }\n", &many, Dialect::V0), Err(CompileError::TooMany)));
}

#[test]
fn time_is_limited() {
    let text =
        "package t\nviolation[1] { a := numbers.range(1, 3000); x := a[_]; y := a[_]; z := a[_]; x + y + z == 0 }\n";
    let program = compile(text, &[], Dialect::V0).unwrap();
    let limits = Limits { time: Duration::from_millis(20), now: 0 };
    let error = program.evaluate(json!({}), &limits).unwrap_err();
    assert!(error.to_string().contains("time"), "{error}");
}
