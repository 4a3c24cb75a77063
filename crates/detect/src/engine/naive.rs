//! The language read off the tree, without graph, memory or automaton: what the compiled form must agree with.

use std::borrow::Cow;

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
            let Some(shown) = right.value(context).shown().map(Cow::into_owned) else { return false };
            vec![shown]
        }
    };
    if side.ty() == Type::EventType && check.op != Op::Exists {
        return names(context.event).any(|name| text_holds(check, name, &literals));
    }
    match &value {
        Value::Missing => false,
        Value::List(items) if items.is_empty() => false,
        Value::AnyText(items) if items.is_empty() => false,
        _ if check.op == Op::Exists => true,
        Value::Text(text) => text_holds(check, text, &literals),
        Value::AnyText(texts) => texts.iter().any(|text| text_holds(check, text, &literals)),
        Value::List(items) => match check.op {
            Op::In => items.iter().all(|item| literals.iter().any(|literal| literal == item)),
            _ => items.iter().any(|item| literals.iter().any(|literal| literal == item)),
        },
        Value::Int(number) => int_holds(check, *number, &literals),
        Value::EitherInt(a, b) if check.op == Op::Ne => {
            int_holds(check, *a, &literals) && int_holds(check, *b, &literals)
        }
        Value::EitherInt(a, b) => int_holds(check, *a, &literals) || int_holds(check, *b, &literals),
        Value::AnyInt(numbers) => numbers.iter().any(|number| int_holds(check, *number, &literals)),
        Value::Bool(found) => counted(check, &literals, |literal| ["true", "1"].contains(&literal) == *found),
        Value::Ip(address) => counted(check, &literals, |literal| is_ip(*address, literal)),
        Value::EitherIp(a, b) => counted(check, &literals, |literal| is_ip(*a, literal) || is_ip(*b, literal)),
    }
}

/// How many of the literals must be equal, or differ for `!=`.
fn counted(check: &Check, literals: &[String], equals: impl Fn(&str) -> bool) -> bool {
    let holding = literals.iter().filter(|literal| equals(literal) == (check.op != Op::Ne)).count();
    match check.modifier {
        None | Some(Modifier::AnyOf) => holding > 0,
        Some(Modifier::OneOf) => holding == 1,
        Some(Modifier::AllOf) => holding > 0 && holding == literals.len(),
    }
}

fn is_ip(address: std::net::IpAddr, literal: &str) -> bool {
    let literal = literal.trim_matches('"');
    literal.parse::<ipnet::IpNet>().map_or_else(
        |_| literal.parse::<std::net::IpAddr>().is_ok_and(|other| other.to_canonical() == address),
        |net| net.contains(&address),
    )
}

fn int_holds(check: &Check, number: i64, literals: &[String]) -> bool {
    let parse = |text: &String| {
        let number = text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| i64::from_str_radix(hex, 16).ok());
        number.or_else(|| crate::services::port(text).map(i64::from))
    };
    literals.iter().filter_map(parse).any(|literal| match check.op {
        Op::Ne => number != literal,
        Op::Lt => number < literal,
        Op::Le => number <= literal,
        Op::Gt => number > literal,
        Op::Ge => number >= literal,
        _ => number == literal,
    })
}

fn text_holds(check: &Check, text: &str, literals: &[String]) -> bool {
    let one = |literal: &String| one_text(check.op, text, literal);
    match check.modifier {
        None | Some(Modifier::AnyOf) => literals.iter().any(one),
        Some(Modifier::AllOf) => !literals.is_empty() && literals.iter().all(one),
        Some(Modifier::OneOf) => literals.iter().filter(|literal| one(literal)).count() == 1,
    }
}

fn one_text(op: Op, text: &str, literal: &str) -> bool {
    match op {
        Op::Ne => text != literal,
        Op::Contains => text.contains(literal),
        Op::IContains => text.to_ascii_lowercase().contains(&literal.to_ascii_lowercase()),
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
