//! Conditions that are understood and probably not meant: what Falco's compiler warns of.
//!
//! A comparison with the text `<NA>`, a field or transformer that stands where only a text is read, a pattern that a
//! plain operator would do, a field that is deprecated.

use model::{Diagnostic, Level};

use crate::EventSource;
use crate::condition::{Arg, Check, Expr, Op, Operand, Right, Spot, parse_operand};
use crate::operand;
use crate::rules::at_spot;

/// Fields that have had no meaning since events of the start of a call are gone, with what to do.
const DEPRECATED: [(&str, &str); 6] = [
    ("evt.dir", "`evt.dir` is deprecated: all events are exits"),
    ("evt.latency", LATENCY),
    ("evt.latency.s", LATENCY),
    ("evt.latency.ns", LATENCY),
    ("evt.latency.human", LATENCY),
    ("evt.wait_latency", LATENCY),
];

const LATENCY: &str = "times between start and end of a call are deprecated: starts are not reported";

/// Looks at all checks of a condition.
pub fn condition(expr: &Expr, source: &EventSource, say: &mut impl FnMut(Diagnostic)) {
    expr.checks(&mut |check| {
        fields(&check.left, &mut |name, spot| deprecated(name, spot, say));
        not_available(check, say);
        let values = match &check.right {
            Right::Value(value) => std::slice::from_ref(value),
            Right::List(values) => values,
            Right::Operand(operand) => return fields(operand, &mut |name, spot| deprecated(name, spot, say)),
            Right::None => return,
        };
        for value in values {
            if check.op == Op::Regex && is_plain(value) {
                let message = format!("the pattern `{value}` has nothing of a pattern in it");
                let fix = "use `=`, `contains`, `startswith` or `endswith`";
                say(at_spot(&check.spot, "rule/simple-regex", Level::Note, message).with_fix(fix));
            }
            mistaken(check, value, source, say);
        }
    });
}

/// The field by which a condition asks for programs that could not be started.
pub fn failed_exec(expr: &Expr) -> Option<String> {
    let mut asked = None;
    expr.checks(&mut |check| {
        let field = check.left.to_string();
        let values = match &check.right {
            Right::Value(value) => std::slice::from_ref(value),
            Right::List(values) => values,
            _ => &[],
        };
        let fails = |value: &String| match field.as_str() {
            "evt.failed" => value.eq_ignore_ascii_case("true"),
            "evt.res" => value.starts_with('E'),
            "evt.rawres" => value.starts_with('-') || check.op == Op::Lt,
            _ => false,
        };
        if values.iter().any(fails) {
            asked = Some(field);
        }
    });
    asked
}

/// Warns of a deprecated field.
pub fn deprecated(name: &str, spot: &Spot, say: &mut impl FnMut(Diagnostic)) {
    if let Some((_, message)) = DEPRECATED.iter().find(|(known, _)| *known == name) {
        say(at_spot(spot, "rule/deprecated", Level::Warning, *message).with_fix("remove it"));
    }
}

fn fields(operand: &Operand, visit: &mut impl FnMut(&str, &Spot)) {
    match operand {
        Operand::Field(field) => visit(&field.name, &field.spot),
        Operand::Transform { args, .. } => args.iter().for_each(|arg| fields_of_argument(arg, visit)),
    }
}

fn fields_of_argument(arg: &Arg, visit: &mut impl FnMut(&str, &Spot)) {
    match arg {
        Arg::Operand(operand) => fields(operand, visit),
        Arg::List(items) => items.iter().for_each(|item| fields_of_argument(item, visit)),
        Arg::Text(_) => {}
    }
}

/// `<NA>` is how outputs show that there is no value; a check of a field without one is false anyway.
fn not_available(check: &Check, say: &mut impl FnMut(Diagnostic)) {
    let compares = matches!(check.op, Op::Eq | Op::Ne | Op::In | Op::Intersects | Op::PMatch);
    let named = match &check.right {
        Right::Value(value) => value == "<NA>",
        Right::List(values) => values.iter().any(|value| value == "<NA>"),
        _ => false,
    };
    let mut audit = false;
    fields(&check.left, &mut |name, _| audit |= name.starts_with("ka.") || name.starts_with("jevt."));
    if compares && named && audit {
        let message = format!("`{}` is never the text <NA>", check.left);
        say(at_spot(&check.spot, "rule/unsafe-na", Level::Warning, message).with_fix("use `exists`, or `not … exists`"));
    }
}

fn mistaken(check: &Check, value: &str, source: &EventSource, say: &mut impl FnMut(Diagnostic)) {
    // Most values have neither a dot nor a parenthesis in them.
    if !value.contains(['.', '(']) {
        return;
    }
    let text: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    let spot = |_, _| check.spot.clone();
    let Ok((found, length)) = parse_operand(&text, &spot) else { return };
    let (code, what) = match &found {
        Operand::Field(_) => ("rule/field-as-text", "the field"),
        Operand::Transform { .. } => ("rule/transformer-as-text", "the transformer"),
    };
    if length == text.len() && operand::compile(&found, source).is_ok() {
        let message = format!("`{value}` is compared as a text; {what} is perhaps meant");
        let fix = match &found {
            Operand::Field(_) => format!("write `val({text})`"),
            Operand::Transform { .. } => "write it without quotes and blanks".to_owned(),
        };
        say(at_spot(&check.spot, code, Level::Warning, message).with_fix(fix));
    }
}

/// Whether a pattern is a plain text but for anchors and "anything" at its ends.
fn is_plain(pattern: &str) -> bool {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let inner = inner.strip_prefix(".*").unwrap_or(inner);
    let inner = inner.strip_suffix(".*").unwrap_or(inner);
    !inner.contains(|c: char| r".+*?^$()[]{}|\".contains(c))
}
