//! The language read off the tree, without graph, memory or automaton: what the compiled form must agree with.

use crate::EventSource;
use crate::condition::{Check, Expr, Modifier, Op, Right};
use crate::fields::types::names;
use crate::fields::{Context, Type};
use crate::operand;
use crate::value::Value;

/// Whether a condition holds.
pub fn holds(expr: &Expr, context: &Context<'_>, source: &EventSource) -> bool {
    match expr {
        Expr::And(parts) => parts.iter().all(|part| holds(part, context, source)),
        Expr::Or(parts) => parts.iter().any(|part| holds(part, context, source)),
        Expr::Not(inner) => !holds(inner, context, source),
        Expr::Check(check) => check_holds(check, context, source),
        Expr::Macro(name, _) => panic!("{name} was expanded"),
    }
}

fn check_holds(check: &Check, context: &Context<'_>, source: &EventSource) -> bool {
    let Ok(side) = operand::compile(&check.left, source) else { return false };
    let value = side.value(context);
    let literals: Vec<String> = match &check.right {
        Right::None => Vec::new(),
        Right::Value(value) => vec![value.clone()],
        Right::List(values) => values.clone(),
        Right::Operand(right) => {
            let Ok(right) = operand::compile(right, source) else { return false };
            return fields_hold(check.op, &value, &right.value(context));
        }
    };
    if side.ty() == Type::EventType && check.op != Op::Exists {
        return names(context.event)
            .any(|name| counted(check, &literals, |literal| text_holds(check.op, name, literal)));
    }
    let text = |text: &str| counted(check, &literals, |literal| text_holds(check.op, text, literal));
    let number = |number: i64| counted(check, &literals, |literal| int_holds(check.op, number, literal));
    let address =
        |equals: &dyn Fn(&str) -> bool| counted(check, &literals, |literal| equals(literal) == (check.op != Op::Ne));
    match &value {
        Value::Missing => false,
        Value::List(items) | Value::AnyText(items) if items.is_empty() => false,
        Value::AnyInt(items) if items.is_empty() => false,
        _ if check.op == Op::Exists => true,
        Value::Text(found) => text(found),
        Value::AnyText(texts) => texts.iter().any(|found| text(found)),
        Value::List(items) => {
            let listed = |item: &std::borrow::Cow<'_, str>| literals.iter().any(|literal| literal == item);
            if check.op == Op::In { items.iter().all(listed) } else { items.iter().any(listed) }
        }
        Value::Int(found) => number(*found),
        Value::EitherInt(a, b) if check.op == Op::Ne && check.modifier.is_none() => number(*a) && number(*b),
        Value::EitherInt(a, b) => number(*a) || number(*b),
        Value::AnyInt(numbers) => numbers.iter().any(|found| number(*found)),
        Value::Bool(found) => address(&|literal| ["true", "1"].contains(&literal) == *found),
        Value::Ip(found) => address(&|literal| is_ip(*found, literal)),
        Value::EitherIp(a, b) => address(&|literal| is_ip(*a, literal) || is_ip(*b, literal)),
    }
}

/// Whether so many of the literals pass as the modifier asks; one of them without a modifier.
fn counted(check: &Check, literals: &[String], passes: impl Fn(&str) -> bool) -> bool {
    let passing = literals.iter().filter(|literal| passes(literal)).count();
    match check.modifier {
        None | Some(Modifier::AnyOf) => passing > 0,
        Some(Modifier::OneOf) => passing == 1,
        Some(Modifier::AllOf) => passing > 0 && passing == literals.len(),
    }
}

fn is_ip(address: std::net::IpAddr, literal: &str) -> bool {
    let literal = literal.trim_matches('"');
    literal.parse::<ipnet::IpNet>().map_or_else(
        |_| literal.parse::<std::net::IpAddr>().is_ok_and(|other| other.to_canonical() == address),
        |net| net.contains(&address),
    )
}

/// One field against another; without a value on either side it is false.
fn fields_hold(op: Op, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int_holds(op, *a, &b.to_string()),
        (Value::Text(a), Value::Text(b)) => match op {
            // Right sides that are literals are written in hexadecimal; values are not.
            Op::BContains => a.contains(b.as_ref()),
            Op::BStartsWith => a.starts_with(b.as_ref()),
            _ => text_holds(op, a, b),
        },
        (Value::List(a), Value::List(b)) if !a.is_empty() => {
            if op == Op::In {
                a.iter().all(|item| b.contains(item))
            } else {
                a.iter().any(|item| b.contains(item))
            }
        }
        (Value::Bool(a), Value::Bool(b)) => (a == b) == (op != Op::Ne),
        (Value::Ip(a), Value::Ip(b)) => (a == b) == (op != Op::Ne),
        _ => false,
    }
}

fn int_holds(op: Op, number: i64, literal: &str) -> bool {
    let parsed =
        literal.strip_prefix("0x").map_or_else(|| literal.parse().ok(), |hex| i64::from_str_radix(hex, 16).ok());
    let Some(literal) = parsed.or_else(|| crate::services::port(literal).map(i64::from)) else { return false };
    match op {
        Op::Ne => number != literal,
        Op::Lt => number < literal,
        Op::Le => number <= literal,
        Op::Gt => number > literal,
        Op::Ge => number >= literal,
        _ => number == literal,
    }
}

fn text_holds(op: Op, text: &str, literal: &str) -> bool {
    let bytes = || hex::decode(literal).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match op {
        Op::Ne => text != literal,
        Op::Contains => text.contains(literal),
        Op::IContains => text.to_ascii_lowercase().contains(&literal.to_ascii_lowercase()),
        Op::BContains => bytes().is_some_and(|part| text.contains(&part)),
        Op::BStartsWith => bytes().is_some_and(|start| text.starts_with(&start)),
        Op::StartsWith => text.starts_with(literal),
        Op::EndsWith => text.ends_with(literal),
        Op::Glob => crate::glob::matches(literal, text, false),
        Op::IGlob => crate::glob::matches(literal, text, true),
        Op::Regex => crate::pattern::compile(literal).is_ok_and(|regex| regex.is_match(text)),
        Op::PMatch => {
            let parts =
                |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            let (path, above) = (parts(text), parts(literal));
            above.len() <= path.len()
                && above.iter().zip(&path).all(|(above, part)| crate::glob::matches(above, part, false))
        }
        Op::Lt => text < literal,
        Op::Le => text <= literal,
        Op::Gt => text > literal,
        Op::Ge => text >= literal,
        _ => text == literal,
    }
}
