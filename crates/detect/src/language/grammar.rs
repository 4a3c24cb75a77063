//! What is a condition and what is none (libs: filter parser).

use crate::condition::{Spot, parse};

fn shown(text: &str) -> Option<String> {
    let spot =
        |at, length| Spot { source: "t".into(), start: model::Position { line: 1, column: 1, offset: at }, length };
    parse(text, &spot).ok().map(|expr| expr.to_string())
}

#[test]
fn precedence_and_blanks() {
    let cases = [
        ("a or b and c", "a or (b and c)"),
        ("a and b or c and d", "(a and b) or (c and d)"),
        ("not a and b", "not a and b"),
        ("not (a and b) or c", "not (a and b) or c"),
        ("not not not a", "not a"),
        ("not(a)or(not(b))", "not a or not b"),
        ("a\tand\r\nb", "a and b"),
        ("(a)and(b)and(c)", "a and b and c"),
        ("a.b in(x)", "a.b in (x)"),
        ("a.b pmatch()", "a.b pmatch ()"),
        ("a.b=x", "a.b = x"),
        ("a.b!=x", "a.b != x"),
        ("a.b existsand c", "a.b exists and c"),
        ("a.b = not", "a.b = not"),
        ("a.b = a.c", "a.b = a.c"),
        ("notz and and_b and or_c", "notz and and_b and or_c"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "a andb",
        "a and",
        "and a",
        "a or b not",
        "a not b",
        "a ornot b",
        "(a)andnot(b)",
        "a.b = b = 1",
        "(a.b = 1",
        "a.b = 1)",
        "macro > 12",
        "a.b ExIsTs",
        "a.b exists x",
        "a.b === x",
        "a.b !== x",
        "#a",
        "",
        "()",
        "a,b",
    ] {
        assert_eq!(shown(text), None, "{text}");
    }
}

#[test]
fn texts_and_escapes() {
    let cases = [
        ("a.b = 0a!@#456:/\\.;!$%^&*[]{}|", "0a!@#456:/\\.;!$%^&*[]{}|"),
        ("a.b = \"\"", ""),
        ("a.b = 'x y'", "x y"),
        (r#"a.b = "say \"hi\"""#, "say \"hi\""),
        (r"a.b = 'it\'s'", "it's"),
        (r#"a.b = 'mixed "'"#, "mixed \""),
        (r#"a.b = "tab\tline\nslash\/""#, "tab\tline\nslash/"),
        // A blank that is escaped is a backslash; old files rely on it.
        (r#"a.b = "bad \ x""#, "bad \\x"),
        (r#"a.b = "\x41\x7a""#, "Az"),
        (r#"a.b = "\xc3\xa9""#, "é"),
        (r#"a.b = "\x4142""#, "A42"),
        // A quote behind two backslashes does not end the text: the reader looks one character back.
        (r"a.b = 'one \' \\''", r"one ' \'"),
    ];
    for (text, expected) in cases {
        let value = match shown(text) {
            Some(shown) => {
                let again = value_of(&shown);
                assert_eq!(again, value_of(text), "{text} is shown as {shown}");
                again
            }
            None => panic!("{text} is a condition"),
        };
        assert_eq!(value, expected, "{text}");
    }
    for text in [
        "a.b = a,",
        "a.b = a=",
        "a.b = a('\")",
        "a.b = '",
        "a.b = \"'",
        "a.b = 'x''",
        "a.b = \"x\"\"",
        r#"a.b = "x\'""#,
        r#"a.b = 'x\"'"#,
        r#"a.b = "\q""#,
        r#"a.b = "\x4""#,
        r#"a.b = "\xzz""#,
        r#"a.b = "\x00""#,
        r#"a.b = "C:\\""#,
        "a.b = missing end",
        "a.b in (x,)",
        "a.b in (,)",
        "a.b in (x,,y)",
        "a.b in (",
        "a.b = (x)",
        "a.b contains (x)",
    ] {
        assert_eq!(shown(text), None, "{text}");
    }
}

/// The one literal of a condition.
fn value_of(text: &str) -> String {
    use crate::condition::{Expr, Right};
    let spot = |_, _| Spot { source: "t".into(), start: model::Position::default(), length: 1 };
    match parse(text, &spot) {
        Ok(Expr::Check(check)) => match check.right {
            Right::Value(value) => value,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers() {
    for text in ["1000", "+1", "-1", "0x12345", "0XaB00AB", "1.2", "-1.2", "-0.1222e+10"] {
        assert!(shown(&format!("a.b > {text}")).is_some(), "{text}");
    }
    for text in ["!0.12", "0xAAA.1", "0aaaaa", "a", "", "-0x1f"] {
        assert_eq!(shown(&format!("a.b >= {text}")), None, "{text}");
    }
    // Elsewhere they are texts.
    assert!(shown("a.b = 0xAAA.1").is_some() && shown("a.b = 0aaaaa").is_some());
}

#[test]
fn arguments_of_fields() {
    for (text, expected) in [
        ("a.b[1]", "a.b[1]"),
        ("a.b[+0.25e+10]", "a.b[+0.25e+10]"),
        ("a.b['x y']", "a.b[x y]"),
        ("a.b[\"q\\\"r\"]", "a.b[q\"r]"),
        ("a.b[\"\"]", "a.b[]"),
        ("a.b[/x/0/y]", "a.b[/x/0/y]"),
    ] {
        assert_eq!(shown(&format!("{text} = x")), Some(format!("{expected} = x")), "{text}");
    }
    for text in ["a.b[]", "a.b[[]", "a.b[]]", "a.b['']]", "a.b[x\"]", "a.b[ x ]", "a.b[", "a.b]", "a.b [1]"] {
        assert_eq!(shown(&format!("{text} = x")), None, "{text}");
    }
}

#[test]
fn transformers_and_modifiers() {
    for text in [
        "tolower(a.b) exists",
        "b64( toupper( a.b ) ) contains x",
        "a.b = val(c.d)",
        "a.b = val( c.d )",
        "a.b in val(c.d)",
        "a.b > tolower(c.d)",
        "join(\",\", (a.b, \"x\", 5)) = x",
        "join(\",\", ()) = x",
        "concat(\"a\", 0x1f, a.b) = x",
        "getopt((\"-n\"), \"n\")[n] = n",
        "a.b startswith oneof (x, y)",
        "a.b = anyof (x)",
        "a.b contains allof ()",
        "a.b glob oneof list_name",
        "a.b = oneof",
        "a.b = oneof and c",
    ] {
        assert!(shown(text).is_some(), "{text}");
    }
    for text in [
        "val(a.b) exists",
        "b64(val(a.b)) exists",
        "a.b = val(tolower(c.d))",
        "a.b = val(c.d, e.f)",
        "b64 (a.b) exists",
        "b64(a.b exists",
        "b64(b64) exists",
        "nothing(a.b) exists",
        "tolower() = x",
        "join(\",\", ((a.b))) = x",
        "a.b in oneof (x)",
        "a.b > oneof (1)",
        "a.b startswith (x)",
        // A modifier is a word of its own.
        "a.b =anyof x",
    ] {
        assert_eq!(shown(text), None, "{text}");
    }
}
