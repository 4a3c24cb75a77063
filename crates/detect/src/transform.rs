//! Transformers: functions of values in conditions and outputs (`tolower`, `b64`, `join`, `getopt`, …).
//!
//! What they make of a value is what Falco's libraries make of it
//! (<https://falco.org/docs/concepts/rules/conditions/#transform-operators>). Without a value there is no result.

use std::borrow::Cow;

use crate::value::Value;

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

impl Transformer {
    /// By its name; the parser knows no others.
    pub fn named(name: &str) -> Self {
        match name {
            "tolower" => Self::ToLower,
            "toupper" => Self::ToUpper,
            "b64" => Self::B64,
            "basename" => Self::Basename,
            "len" => Self::Len,
            "join" => Self::Join,
            "concat" => Self::Concat,
            _ => Self::Getopt(None),
        }
    }
}

/// Several values as one list; none when one of them is missing.
pub fn list<'a>(values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let mut out = Vec::new();
    for value in values {
        match value {
            Value::Missing => return Value::Missing,
            Value::Text(text) => out.push(text),
            Value::List(more) | Value::AnyText(more) => out.extend(more),
            other => out.extend(other.shown().map(|text| Cow::Owned(text.into_owned()))),
        }
    }
    Value::List(out)
}

/// What a transformer makes of its arguments.
pub fn apply<'a>(transformer: &Transformer, mut args: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let Some(first) = args.next() else { return Value::Missing };
    match transformer {
        Transformer::ToLower => each(first, |text| Some(Cow::Owned(text.to_ascii_lowercase()))),
        Transformer::ToUpper => each(first, |text| Some(Cow::Owned(text.to_ascii_uppercase()))),
        Transformer::B64 => each(first, |text| decode_base64(&text).map(Cow::Owned)),
        Transformer::Basename => each(first, |text| Some(Cow::Owned(basename(&text).to_owned()))),
        Transformer::Len => length(&first),
        Transformer::Join => match (first, args.next()) {
            (Value::Text(separator), Some(Value::List(items) | Value::AnyText(items))) => {
                Value::Text(Cow::Owned(items.join(separator.as_ref())))
            }
            _ => Value::Missing,
        },
        Transformer::Concat => {
            let mut text = String::new();
            for value in std::iter::once(first).chain(args) {
                let Value::Text(part) = value else { return Value::Missing };
                text.push_str(&part);
            }
            Value::Text(Cow::Owned(text))
        }
        Transformer::Getopt(selector) => match (first, args.next()) {
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

/// Base64 with or without padding, in either alphabet. Text that is not base64 gives no value; bytes that are no UTF-8
/// are replaced, so that one of them does not hide the rest.
pub fn decode_base64(text: &str) -> Option<String> {
    let text = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text).as_bytes();
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
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Short options as getopt(3) reads them up to the first argument that is none: names and values in turn, or the value of
/// the last option of one name (its name, when it takes no value). An unknown option is `?`; a value that is missing is
/// empty; long options are passed over.
fn getopt<'a>(args: &[Cow<'a, str>], options: &str, selector: Option<char>) -> Value<'a> {
    let mut found: Vec<Cow<'a, str>> = Vec::new();
    let mut selected: Option<Cow<'a, str>> = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            break;
        }
        if arg.starts_with("--") {
            continue;
        }
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else { break };
        for (at, letter) in letters.char_indices() {
            let name: Cow<'a, str> = Cow::Owned(letter.to_string());
            let value = match takes_value(options, letter) {
                None => {
                    found.push("?".into());
                    continue;
                }
                Some(false) => None,
                Some(true) => {
                    let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                    Some(if rest.is_empty() { args.next().cloned() } else { Some(Cow::Owned(rest.to_owned())) })
                }
            };
            let last = value.is_some();
            let shown = match value {
                None => vec![name],
                Some(None) => vec!["".into()],
                Some(Some(value)) => vec![name, value],
            };
            if selector == Some(letter) {
                selected = shown.last().cloned();
            }
            found.extend(shown);
            if last {
                break;
            }
        }
    }
    match selector {
        Some(_) => selected.map_or(Value::Missing, Value::Text),
        None => Value::List(found),
    }
}

/// Whether an option takes a value; `None` for an unknown one.
fn takes_value(options: &str, option: char) -> Option<bool> {
    let mut known = options.chars().peekable();
    while let Some(c) = known.next() {
        let value = c != ':' && known.next_if_eq(&':').is_some();
        if c == option && c != ':' {
            return Some(value);
        }
    }
    None
}
