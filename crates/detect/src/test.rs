//! Right sides and operators, compiled: does a value pass?

use std::cmp::Ordering;
use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use memchr::memmem::Finder;
use model::{Diagnostic, Level};
use regex::Regex;
use rustc_hash::FxHashSet;

use crate::EventSource;
use crate::condition::{Check, Modifier, Op, Operand, Right};
use crate::fields::{Context, FieldArg, Type, types};
use crate::operand::{self, Side};
use crate::rules::at_spot;
use crate::value::{Value, canonical};
use crate::{glob, pattern, services};

/// A test of a value.
#[derive(Debug)]
pub enum Test {
    /// There is a value.
    Exists,
    /// The event's type.
    EventType(TextTest),
    /// A text, or one of several.
    Text(TextTest),
    /// All items of a list are in a set.
    ListIn(FxHashSet<Box<str>>),
    /// An item of a list is in a set.
    ListIntersects(FxHashSet<Box<str>>),
    /// A number.
    Int(IntTest),
    /// A boolean.
    Bool {
        /// The value.
        value: bool,
        /// Whether it must differ.
        negated: bool,
    },
    /// An address.
    Ip {
        /// Networks.
        nets: Vec<IpNet>,
        /// Whether it must be in none of them.
        negated: bool,
    },
    /// Against another field.
    Against(Op, Side),
}

/// A test of a text.
#[derive(Debug)]
pub enum TextTest {
    Eq(Box<str>),
    Ne(Box<str>),
    In(FxHashSet<Box<str>>),
    Contains(Box<Finder<'static>>),
    IContains(Box<str>, Box<AhoCorasick>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Glob(Box<str>, bool),
    Regex(Box<Regex>),
    PMatch(Vec<Vec<Box<str>>>),
    Order(Op, Box<str>),
    Many(Modifier, Vec<Self>),
}

/// A test of a number.
#[derive(Debug)]
pub enum IntTest {
    /// Compared with one.
    Compare(Op, i64),
    /// In a set.
    In(FxHashSet<i64>),
    /// Several.
    Many(Modifier, Vec<Self>),
}

/// Compiles operator and right side for a left side.
pub fn compile(check: &Check, left: &Side, source: &EventSource) -> Result<Test, Box<Diagnostic>> {
    if check.op == Op::Exists {
        return Ok(Test::Exists);
    }
    let literals: Vec<&str> = match &check.right {
        Right::Value(value) => vec![value],
        Right::List(values) => values.iter().map(String::as_str).collect(),
        Right::Operand(right) => return against(check, left, right, source),
        Right::None => Vec::new(),
    };
    match left.ty() {
        Type::Text => text(check, &literals).map(Test::Text),
        Type::EventType => text(check, &literals).map(Test::EventType),
        Type::Int => int(check, left, &literals).map(Test::Int),
        Type::List => list(check, &literals),
        Type::Bool => boolean(check, &literals),
        Type::Ip => ip(check, &literals),
    }
}

fn refuse(check: &Check, code: &str, message: String) -> Box<Diagnostic> {
    Box::new(at_spot(&check.spot, code, Level::Error, message))
}

fn wrong_operator(check: &Check, what: &str) -> Box<Diagnostic> {
    refuse(check, "rule/operator", format!("`{}` cannot compare `{}`, which is {what}", check.op.as_str(), check.left))
}

fn against(check: &Check, left: &Side, right: &Operand, source: &EventSource) -> Result<Test, Box<Diagnostic>> {
    let right = operand::compile(right, source)?;
    let comparable = |ty: Type| if ty == Type::EventType { Type::Text } else { ty };
    if comparable(left.ty()) != comparable(right.ty()) {
        return Err(refuse(check, "rule/operator", "both sides must be of one type".into()));
    }
    if let Some(name) = [left, &right].into_iter().find_map(several) {
        let message = format!("`{name}` has several values at once, which are not compared with another field");
        return Err(refuse(check, "rule/operator", message));
    }
    let equality = matches!(check.op, Op::Eq | Op::Ne | Op::In | Op::Intersects);
    let fits = match left.ty() {
        Type::Text | Type::EventType => !matches!(check.op, Op::Regex | Op::PMatch),
        Type::Int => equality || check.op.is_order(),
        Type::Bool | Type::Ip => equality,
        Type::List => matches!(check.op, Op::In | Op::Intersects),
    };
    if !fits {
        let message = format!("`{}` cannot compare `{}` with another field", check.op.as_str(), check.left);
        return Err(refuse(check, "rule/operator", message));
    }
    Ok(Test::Against(check.op, right))
}

/// The name of a field without an index that stands for several values.
fn several(side: &Side) -> Option<&'static str> {
    const FIELDS: [&str; 13] = [
        "fd.ip",
        "fd.net",
        "fd.port",
        "fd.cip.name",
        "fd.sip.name",
        "fd.lip.name",
        "fd.rip.name",
        "proc.aname",
        "proc.aexe",
        "proc.aexepath",
        "proc.acmdline",
        "proc.aargs",
        "proc.apid",
    ];
    match side {
        Side::Field(spec, FieldArg::None) => Some(spec.name).filter(|name| FIELDS.contains(name)),
        _ => None,
    }
}

fn text(check: &Check, values: &[&str]) -> Result<TextTest, Box<Diagnostic>> {
    if let Some(modifier) = check.modifier {
        let tests = values.iter().map(|value| one_text(check, value)).collect::<Result<_, _>>()?;
        return Ok(TextTest::Many(modifier, tests));
    }
    match check.op {
        Op::In | Op::Intersects => Ok(TextTest::In(values.iter().map(|value| Box::from(*value)).collect())),
        Op::PMatch => {
            Ok(TextTest::PMatch(values.iter().map(|value| components(value).map(Box::from).collect()).collect()))
        }
        _ => one_text(check, values.first().copied().unwrap_or_default()),
    }
}

fn one_text(check: &Check, value: &str) -> Result<TextTest, Box<Diagnostic>> {
    let boxed = || Box::<str>::from(value);
    Ok(match check.op {
        Op::Ne => TextTest::Ne(boxed()),
        Op::Contains => TextTest::Contains(Box::new(Finder::new(value).into_owned())),
        Op::BContains => TextTest::Contains(Box::new(Finder::new(&bytes(check, value)?).into_owned())),
        Op::StartsWith => TextTest::StartsWith(boxed()),
        Op::BStartsWith => {
            let prefix = String::from_utf8(bytes(check, value)?);
            TextTest::StartsWith(
                prefix.map_err(|_| refuse(check, "rule/value", "these bytes are no text".into()))?.into(),
            )
        }
        Op::EndsWith => TextTest::EndsWith(boxed()),
        Op::Glob => TextTest::Glob(boxed(), false),
        Op::IGlob => TextTest::Glob(boxed(), true),
        Op::IContains => {
            let built = AhoCorasick::builder().ascii_case_insensitive(true).build([value]);
            TextTest::IContains(
                boxed(),
                Box::new(built.map_err(|error| refuse(check, "rule/value", error.to_string()))?),
            )
        }
        Op::Regex => {
            TextTest::Regex(Box::new(pattern::compile(value).map_err(|error| refuse(check, "rule/regex", error))?))
        }
        Op::Lt | Op::Le | Op::Gt | Op::Ge => TextTest::Order(check.op, boxed()),
        _ => TextTest::Eq(boxed()),
    })
}

/// `bcontains` and `bstartswith` take hexadecimal digits.
fn bytes(check: &Check, value: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
    hex::decode(value).map_err(|error| refuse(check, "rule/value", format!("`{value}` is not hexadecimal: {error}")))
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

fn list(check: &Check, values: &[&str]) -> Result<Test, Box<Diagnostic>> {
    let set = values.iter().map(|value| Box::from(*value)).collect();
    match (check.op, check.modifier) {
        (Op::In, None) => Ok(Test::ListIn(set)),
        (Op::Intersects, None) => Ok(Test::ListIntersects(set)),
        _ => Err(wrong_operator(check, "a list: use `in`, `intersects` or `exists`")),
    }
}

fn int(check: &Check, left: &Side, values: &[&str]) -> Result<IntTest, Box<Diagnostic>> {
    let ports = matches!(left, Side::Field(spec, _) if spec.name.ends_with("port"));
    let parse = |value: &str| {
        number(value)
            .or_else(|| services::port(value).filter(|_| ports).map(i64::from))
            .ok_or_else(|| refuse(check, "rule/value", format!("`{value}` is no number, as `{}` is", check.left)))
    };
    let numbers: Vec<i64> = values.iter().map(|value| parse(value)).collect::<Result<_, _>>()?;
    let compares = matches!(check.op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge);
    match (check.op, check.modifier) {
        (Op::In | Op::Intersects, None) => Ok(IntTest::In(numbers.into_iter().collect())),
        (op, Some(modifier)) if compares => {
            Ok(IntTest::Many(modifier, numbers.into_iter().map(|number| IntTest::Compare(op, number)).collect()))
        }
        (op, None) if compares => Ok(IntTest::Compare(op, numbers.first().copied().unwrap_or_default())),
        _ => Err(wrong_operator(check, "a number")),
    }
}

fn number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok();
    }
    // A user that was never set is -1; files write it as the unsigned number too.
    text.parse::<i64>().ok().map(|number| if number == i64::from(u32::MAX) { -1 } else { number })
}

fn boolean(check: &Check, values: &[&str]) -> Result<Test, Box<Diagnostic>> {
    let value = match (values, check.modifier) {
        (["true" | "1"], None) => true,
        (["false" | "0"], None) => false,
        _ => return Err(refuse(check, "rule/value", format!("`{}` is true or false", check.left))),
    };
    match check.op {
        Op::Eq | Op::In | Op::Intersects => Ok(Test::Bool { value, negated: false }),
        Op::Ne => Ok(Test::Bool { value, negated: true }),
        _ => Err(wrong_operator(check, "true or false")),
    }
}

fn ip(check: &Check, values: &[&str]) -> Result<Test, Box<Diagnostic>> {
    let negated = match (check.op, check.modifier) {
        (Op::Eq | Op::In | Op::Intersects, None) => false,
        (Op::Ne, None) => true,
        _ => return Err(wrong_operator(check, "an address")),
    };
    let parse = |value: &&str| {
        let unquoted = value.trim_matches('"');
        let net =
            unquoted.parse::<IpNet>().ok().or_else(|| unquoted.parse::<IpAddr>().ok().map(canonical).map(IpNet::from));
        net.ok_or_else(|| refuse(check, "rule/value", format!("`{value}` is neither an address nor a network")))
    };
    Ok(Test::Ip { nets: values.iter().map(parse).collect::<Result<_, _>>()?, negated })
}

impl Test {
    /// Whether an event passes, given the value of the left side. Without a value it never does.
    pub fn holds<'a>(&'a self, value: &Value<'a>, context: &Context<'a>) -> bool {
        match (self, value) {
            (_, Value::Missing) => false,
            (_, Value::List(items) | Value::AnyText(items)) if items.is_empty() => false,
            (_, Value::AnyInt(numbers)) if numbers.is_empty() => false,
            (Self::Exists, _) => true,
            (Self::EventType(test), _) => types::names(context.event).any(|name| test.holds(name)),
            (Self::Text(test), Value::Text(found)) => test.holds(found),
            (Self::Text(test), Value::AnyText(texts)) => texts.iter().any(|text| test.holds(text)),
            (Self::ListIn(set), Value::List(items)) => items.iter().all(|item| set.contains(item.as_ref())),
            (Self::ListIntersects(set), Value::List(items)) => items.iter().any(|item| set.contains(item.as_ref())),
            (Self::Int(test), Value::Int(number)) => test.holds(*number),
            (Self::Int(test), Value::AnyInt(numbers)) => numbers.iter().any(|number| test.holds(*number)),
            (Self::Int(test), Value::EitherInt(a, b)) => {
                if test.negates() {
                    test.holds(*a) && test.holds(*b)
                } else {
                    test.holds(*a) || test.holds(*b)
                }
            }
            (Self::Bool { value, negated }, Value::Bool(found)) => (found == value) != *negated,
            (Self::Ip { nets, negated }, Value::Ip(address)) => within(nets, *address) != *negated,
            (Self::Ip { nets, negated }, Value::EitherIp(a, b)) => (within(nets, *a) || within(nets, *b)) != *negated,
            (Self::Against(op, right), left) => compare(*op, left, &right.value(context)),
            _ => false,
        }
    }
}

fn within(nets: &[IpNet], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&address))
}

fn compare(op: Op, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (_, Value::Missing) => false,
        (Value::Int(a), Value::Int(b)) => ordered(op, a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => match op {
            Op::Contains | Op::BContains => a.contains(b.as_ref()),
            Op::IContains => a.to_ascii_lowercase().contains(&b.to_ascii_lowercase()),
            Op::StartsWith | Op::BStartsWith => a.starts_with(b.as_ref()),
            Op::EndsWith => a.ends_with(b.as_ref()),
            Op::Glob | Op::IGlob => glob::matches(b, a, op == Op::IGlob),
            _ => ordered(op, a.cmp(b)),
        },
        (Value::List(a), Value::List(b)) => match op {
            Op::In => a.iter().all(|item| b.contains(item)),
            Op::Intersects => a.iter().any(|item| b.contains(item)),
            _ => false,
        },
        (Value::Text(a), Value::AnyText(b) | Value::List(b)) => b.contains(a) != (op == Op::Ne),
        (a, b) => (a == b) != (op == Op::Ne),
    }
}

fn ordered(op: Op, ordering: Ordering) -> bool {
    match op {
        Op::Ne => ordering.is_ne(),
        Op::Lt => ordering.is_lt(),
        Op::Le => ordering.is_le(),
        Op::Gt => ordering.is_gt(),
        Op::Ge => ordering.is_ge(),
        _ => ordering.is_eq(),
    }
}

fn counted<T>(modifier: Modifier, tests: &[T], holds: impl Fn(&T) -> bool) -> bool {
    match modifier {
        Modifier::OneOf => tests.iter().filter(|test| holds(test)).take(2).count() == 1,
        Modifier::AnyOf => tests.iter().any(holds),
        // Falco's engine lets an empty list hold for nothing.
        Modifier::AllOf => !tests.is_empty() && tests.iter().all(holds),
    }
}

impl IntTest {
    /// Whether a number passes.
    pub fn holds(&self, number: i64) -> bool {
        match self {
            Self::Compare(op, other) => ordered(*op, number.cmp(other)),
            Self::In(set) => set.contains(&number),
            Self::Many(modifier, tests) => counted(*modifier, tests, |test| test.holds(number)),
        }
    }

    const fn negates(&self) -> bool {
        matches!(self, Self::Compare(Op::Ne, _))
    }
}

impl TextTest {
    /// Whether a text passes.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Eq(other) => text == other.as_ref(),
            Self::Ne(other) => text != other.as_ref(),
            Self::In(set) => set.contains(text),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::IContains(_, automaton) => automaton.is_match(text),
            Self::StartsWith(prefix) => text.starts_with(prefix.as_ref()),
            Self::EndsWith(suffix) => text.ends_with(suffix.as_ref()),
            Self::Glob(pattern, ignore_case) => glob::matches(pattern, text, *ignore_case),
            Self::Regex(regex) => regex.is_match(text),
            Self::PMatch(paths) => paths.iter().any(|path| is_under(text, path)),
            Self::Order(op, other) => ordered(*op, text.cmp(other)),
            Self::Many(modifier, tests) => counted(*modifier, tests, |test| test.holds(text)),
        }
    }
}

/// Whether a path is at or under another, component by component; components of the other may be patterns.
pub fn is_under(path: &str, above: &[Box<str>]) -> bool {
    let mut parts = components(path);
    above.iter().all(|expected| {
        parts.next().is_some_and(|part| {
            if expected.contains(['?', '*', '[']) {
                glob::matches(expected, part, false)
            } else {
                part == expected.as_ref()
            }
        })
    })
}
