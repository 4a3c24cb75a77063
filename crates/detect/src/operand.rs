//! Left and right sides of checks, compiled: a field, a literal, or a transformer over others.

use std::borrow::Cow;

use model::{Diagnostic, Level};

use crate::EventSource;
use crate::condition::{Arg, Field, Operand, Spot};
use crate::fields::{self, Context, Depends, FieldArg, Kinds, Spec, Takes, Type, Unknown};
use crate::rules::at_spot;
use crate::value::Value;

/// A side of a check.
#[derive(Debug, Clone)]
pub enum Side {
    /// A field.
    Field(&'static Spec, FieldArg),
    /// A literal.
    Text(String),
    /// Several sides as a list.
    List(Vec<Self>),
    /// A transformer.
    Transform(Transformer, Vec<Self>),
}

/// A transformer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformer {
    ToLower,
    ToUpper,
    B64,
    Basename,
    Len,
    Join,
    Concat,
    /// With the option that is asked for, if one is.
    Getopt(Option<char>),
}

/// Compiles a side.
pub fn compile(operand: &Operand, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    match operand {
        Operand::Field(field) => compile_field(field, source),
        Operand::Transform { name, args, selector, spot } => transform(name, args, selector.as_deref(), spot, source),
    }
}

fn compile_field(field: &Field, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    let spec = fields::find(&field.name, source).map_err(|unknown| unknown_field(field, source, unknown))?;
    let refuse = |message: String| Box::new(at_spot(&field.spot, "rule/field-argument", Level::Error, message));
    let named = field.name.strip_prefix("evt.arg.").filter(|_| spec.name == "evt.arg");
    let arg = match (spec.takes, named.map(str::to_owned).or_else(|| field.arg.clone())) {
        (Takes::Nothing, Some(_)) => return Err(refuse(format!("`{}` takes no argument", field.name))),
        (Takes::IndexAlways | Takes::KeyAlways, None) => {
            return Err(refuse(format!("`{}` needs an argument in brackets", field.name)));
        }
        (_, None) => FieldArg::None,
        (Takes::Index | Takes::IndexAlways, Some(text)) => match text.parse() {
            Ok(index) => FieldArg::Index(index),
            Err(_) => return Err(refuse(format!("the argument of `{}` is a number, not `{text}`", field.name))),
        },
        (Takes::Key | Takes::KeyAlways, Some(text)) => FieldArg::Key(text.into()),
    };
    Ok(Side::Field(spec, arg))
}

fn unknown_field(field: &Field, source: &EventSource, unknown: Unknown) -> Box<Diagnostic> {
    let name = &field.name;
    Box::new(match unknown {
        Unknown::Unavailable => {
            let message = format!("nothing feeds the field `{name}` here");
            at_spot(&field.spot, "rule/unavailable-field", Level::Warning, message)
                .with_fix("checks of it never hold; the rule is reported as degraded")
        }
        Unknown::Misspelt(near) => {
            let message = format!("unknown field `{name}` of the source {source}");
            let found = at_spot(&field.spot, "rule/unknown-field", Level::Error, message);
            match near {
                Some(near) => found.with_fix(format!("did you mean `{near}`?")),
                None => found.with_fix("see docs/reference/fields.md"),
            }
        }
    })
}

fn transform(
    name: &str,
    args: &[Arg],
    selector: Option<&str>,
    spot: &Spot,
    source: &EventSource,
) -> Result<Side, Box<Diagnostic>> {
    let refuse = |message: &str| Box::new(at_spot(spot, "rule/transformer", Level::Error, message));
    let sides: Vec<Side> = args.iter().map(|arg| argument(arg, source)).collect::<Result<_, _>>()?;
    let transformer = match name {
        "tolower" => Transformer::ToLower,
        "toupper" => Transformer::ToUpper,
        "b64" => Transformer::B64,
        "basename" => Transformer::Basename,
        "len" => Transformer::Len,
        "join" => Transformer::Join,
        "concat" => Transformer::Concat,
        _ => Transformer::Getopt(None),
    };
    let list = |side: Option<&Side>| side.is_some_and(|side| side.ty() == Type::List);
    let text = |side: &Side| side.ty() == Type::Text;
    let fits = match transformer {
        Transformer::Join => sides.len() == 2 && text(&sides[0]) && list(sides.get(1)),
        Transformer::Concat => sides.len() >= 2 && sides.iter().all(text),
        Transformer::Getopt(_) => sides.len() == 2 && list(sides.first()) && text(&sides[1]),
        _ => sides.len() == 1 && (text(&sides[0]) || list(sides.first())),
    };
    if !fits {
        return Err(refuse(match transformer {
            Transformer::Join => "`join` takes a separator and a list",
            Transformer::Concat => "`concat` takes at least two texts",
            Transformer::Getopt(_) => "`getopt` takes a list of arguments and a text of options",
            _ => "this transformer takes one text or list",
        }));
    }
    let transformer = match (transformer, selector) {
        (Transformer::Getopt(_), Some(selector)) => {
            let mut chars = selector.chars();
            match (chars.next(), chars.next()) {
                (Some(option), None) => Transformer::Getopt(Some(option)),
                _ => return Err(refuse("the argument of `getopt` is one option character")),
            }
        }
        (_, Some(_)) => return Err(refuse("this transformer takes no argument in brackets")),
        (transformer, None) => transformer,
    };
    Ok(Side::Transform(transformer, sides))
}

fn argument(arg: &Arg, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    match arg {
        Arg::Operand(operand) => compile(operand, source),
        Arg::Text(text) => Ok(Side::Text(text.clone())),
        Arg::List(items) => items.iter().map(|item| argument(item, source)).collect::<Result<_, _>>().map(Side::List),
    }
}

impl Side {
    /// The type of its values.
    pub fn ty(&self) -> Type {
        match self {
            Self::Field(spec, _) => spec.ty,
            Self::Text(_)
            | Self::Transform(Transformer::Join | Transformer::Concat | Transformer::Getopt(Some(_)), _) => Type::Text,
            Self::List(_) | Self::Transform(Transformer::Getopt(None), _) => Type::List,
            Self::Transform(Transformer::Len, _) => Type::Int,
            Self::Transform(_, sides) => sides.first().map_or(Type::Text, Self::ty),
        }
    }

    /// What its value depends on.
    pub fn depends(&self) -> Depends {
        match self {
            Self::Field(spec, _) => spec.depends,
            Self::Text(_) => Depends::Likeness,
            Self::List(sides) | Self::Transform(_, sides) => {
                sides.iter().map(Self::depends).max().unwrap_or(Depends::Likeness)
            }
        }
    }

    /// Kinds of events that can have a value.
    pub fn kinds(&self) -> Kinds {
        match self {
            Self::Field(spec, _) => spec.kinds,
            Self::Text(_) | Self::List(_) => Kinds::ALL,
            Self::Transform(_, sides) => Kinds(sides.iter().fold(Kinds::ALL.0, |kinds, side| kinds & side.kinds().0)),
        }
    }

    /// Names of the fields in it.
    pub fn fields(&self, visit: &mut impl FnMut(&'static str)) {
        match self {
            Self::Field(spec, _) => visit(spec.name),
            Self::Text(_) => {}
            Self::List(sides) | Self::Transform(_, sides) => sides.iter().for_each(|side| side.fields(visit)),
        }
    }

    /// Its value for an event.
    pub fn value<'a>(&'a self, context: &Context<'a>) -> Value<'a> {
        match self {
            Self::Field(spec, arg) => (spec.get)(context, arg),
            Self::Text(text) => Value::text(text),
            Self::List(sides) => Value::List(texts(sides.iter().map(|side| side.value(context)))),
            Self::Transform(transformer, sides) => apply(transformer, sides, context),
        }
    }
}

fn texts<'a>(values: impl Iterator<Item = Value<'a>>) -> Vec<Cow<'a, str>> {
    let mut out = Vec::new();
    for value in values {
        match value {
            Value::Text(text) => out.push(text),
            Value::List(more) | Value::AnyText(more) => out.extend(more),
            other => out.extend(other.shown().map(|text| Cow::Owned(text.into_owned()))),
        }
    }
    out
}

fn apply<'a>(transformer: &'a Transformer, sides: &'a [Side], context: &Context<'a>) -> Value<'a> {
    let Some(first) = sides.first().map(|side| side.value(context)) else { return Value::Missing };
    match transformer {
        Transformer::ToLower => each(first, |text| Some(Cow::Owned(text.to_ascii_lowercase()))),
        Transformer::ToUpper => each(first, |text| Some(Cow::Owned(text.to_ascii_uppercase()))),
        Transformer::B64 => each(first, |text| decode_base64(&text).map(Cow::Owned)),
        Transformer::Basename => each(first, |text| Some(Cow::Owned(basename(&text).to_owned()))),
        Transformer::Len => length(&first),
        Transformer::Join => match (first, sides.get(1).map(|side| side.value(context))) {
            (Value::Text(separator), Some(Value::List(items) | Value::AnyText(items))) => {
                Value::Text(Cow::Owned(items.join(separator.as_ref())))
            }
            _ => Value::Missing,
        },
        Transformer::Concat => {
            let mut text = String::new();
            for side in sides {
                let Value::Text(part) = side.value(context) else { return Value::Missing };
                text.push_str(&part);
            }
            Value::Text(Cow::Owned(text))
        }
        Transformer::Getopt(selector) => match (first, sides.get(1).map(|side| side.value(context))) {
            (Value::List(args) | Value::AnyText(args), Some(Value::Text(options))) => {
                getopt(&args, &options, *selector)
            }
            _ => Value::Missing,
        },
    }
}

fn each<'a>(value: Value<'a>, map: impl Fn(Cow<'a, str>) -> Option<Cow<'a, str>>) -> Value<'a> {
    match value {
        Value::Text(text) => map(text).map_or(Value::Missing, Value::Text),
        Value::List(items) => items.into_iter().map(map).collect::<Option<_>>().map_or(Value::Missing, Value::List),
        Value::AnyText(items) => {
            items.into_iter().map(map).collect::<Option<_>>().map_or(Value::Missing, Value::AnyText)
        }
        _ => Value::Missing,
    }
}

fn length(value: &Value<'_>) -> Value<'static> {
    Value::int(match value {
        Value::Text(text) => i64::try_from(text.len()).ok(),
        Value::List(items) | Value::AnyText(items) => i64::try_from(items.len()).ok(),
        _ => None,
    })
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Standard base64 with padding; text that is not base64, or not UTF-8 inside, gives no value.
pub fn decode_base64(text: &str) -> Option<String> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut bits = 0_u32;
        for byte in chunk {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let bytes = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        let whole = match chunk.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        out.extend_from_slice(&bytes[1..=whole]);
    }
    String::from_utf8(out).ok()
}

/// Arguments read as getopt(3) reads them: option names and values in turn, or the value of one option.
fn getopt<'a>(args: &[Cow<'a, str>], options: &str, selector: Option<char>) -> Value<'a> {
    let quiet = options.starts_with(':');
    let takes_value = |option: char| {
        let mut known = options.trim_start_matches(':').chars().peekable();
        while let Some(c) = known.next() {
            let value = known.next_if(|next| *next == ':').is_some();
            if c == option {
                return Some(value);
            }
        }
        None
    };
    let mut found: Vec<(String, Option<Cow<'a, str>>)> = Vec::new();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        at += 1;
        if arg == "--" {
            break;
        }
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
        else {
            continue;
        };
        for (offset, letter) in letters.char_indices() {
            match takes_value(letter) {
                None => found.push(("?".into(), None)),
                Some(false) => found.push((letter.to_string(), None)),
                Some(true) => {
                    let inline = letters.get(offset + letter.len_utf8()..).filter(|rest| !rest.is_empty());
                    let value = inline.map(|rest| Cow::Owned(rest.to_owned())).or_else(|| {
                        at += 1;
                        args.get(at - 1).cloned()
                    });
                    let name =
                        if value.is_some() { letter.to_string() } else { if quiet { ":" } else { "?" }.to_owned() };
                    found.push((name, value));
                    break;
                }
            }
        }
    }
    match selector {
        Some(option) => {
            let last = found.into_iter().rev().find(|(name, _)| name.chars().eq([option]));
            last.map_or(Value::Missing, |(name, value)| Value::Text(value.unwrap_or(Cow::Owned(name))))
        }
        None => {
            Value::List(found.into_iter().flat_map(|(name, value)| [Some(Cow::Owned(name)), value]).flatten().collect())
        }
    }
}
