//! `sprintf` as OPA has it: the verbs and flags of Go's `fmt` over integers, floats, strings, and the text form of
//! everything else. Mistakes in a format are written into the result as Go writes them (`%!d(string=x)`), so that a
//! violation with a clumsy message stays a violation.
//!
//! Semantics: documentation of Go's `fmt` package, and OPA's built-in (arguments that are neither number nor string
//! are passed as their text).

use std::fmt::{self, Write as _};

use regorus::Value;

/// Widths and precisions beyond this are mistakes; Go's own limit is a million, which a policy could use to exhaust
/// memory.
const MAX_WIDTH: usize = 10_000;

/// Writing to text cannot fail.
fn put(out: &mut String, text: fmt::Arguments<'_>) {
    let _: fmt::Result = out.write_fmt(text);
}

enum Arg {
    Int(i128),
    Float(f64),
    Text(String),
}

/// Formats.
pub(super) fn sprintf<'a>(format: &str, args: impl Iterator<Item = &'a Value>) -> String {
    let args: Vec<Arg> = args.map(arg).collect();
    let mut out = String::with_capacity(format.len() + 32);
    let mut rest = format.chars().peekable();
    let mut next = 0;
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let spec = Spec::read(&mut rest, &args, &mut next);
        match spec.verb {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match args.get(next) {
                None => put(&mut out, format_args!("%!{verb}(MISSING)")),
                Some(arg) => {
                    next += 1;
                    out.push_str(&spec.format(verb, arg));
                }
            },
        }
    }
    // With explicit indexes Go does not count what was left over.
    if next < args.len() && !format.contains("%[") {
        let extra: Vec<String> = args[next..].iter().map(|arg| format!("{}={}", arg.kind(), arg.text())).collect();
        put(&mut out, format_args!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn arg(value: &Value) -> Arg {
    match value {
        Value::Number(number) => number
            .as_i128()
            .map_or_else(|| number.as_f64().map_or_else(|| Arg::Text(number.format_decimal()), Arg::Float), Arg::Int),
        Value::String(text) => Arg::Text(text.to_string()),
        other => {
            let mut text = String::new();
            term(other, &mut text);
            Arg::Text(text)
        }
    }
}

/// The text form of a term as OPA prints it: JSON with blanks, sets in braces.
fn term(value: &Value, out: &mut String) {
    let mut list = |open: char, close: char, items: &mut dyn Iterator<Item = (Option<&Value>, &Value)>| {
        out.push(open);
        for (index, (key, item)) in items.enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if let Some(key) = key {
                term(key, out);
                out.push_str(": ");
            }
            term(item, out);
        }
        out.push(close);
    };
    match value {
        Value::Array(items) => list('[', ']', &mut items.iter().map(|item| (None, item))),
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => list('{', '}', &mut items.iter().map(|item| (None, item))),
        Value::Object(entries) => list('{', '}', &mut entries.iter().map(|(key, item)| (Some(key), item))),
        scalar => out.push_str(&serde_json::to_string(scalar).unwrap_or_default()),
    }
}

impl Arg {
    /// Go's name of its type.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// Its form under `%v`.
    fn text(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Float(number) => shortest(*number, 'e', 'g'),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "Go has five flags, each on or off")]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    verb: Option<char>,
}

impl Spec {
    fn read(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, args: &[Arg], next: &mut usize) -> Self {
        let mut spec = Self::default();
        while let Some(flag) = rest.peek() {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            rest.next();
        }
        index(rest, next);
        spec.width = number(rest, args, next);
        if rest.next_if_eq(&'.').is_some() {
            index(rest, next);
            spec.precision = Some(number(rest, args, next).unwrap_or(0));
        }
        index(rest, next);
        spec.verb = rest.next();
        if spec.verb == Some('v') {
            // Under `%v` these flags ask for other forms, which only differ for text.
            spec.plus = false;
        }
        spec
    }

    fn format(&self, verb: char, arg: &Arg) -> String {
        match (verb, arg) {
            ('v' | 'd', Arg::Int(number)) => self.integer(*number, 10, false),
            ('b', Arg::Int(number)) => self.integer(*number, 2, false),
            ('o' | 'O', Arg::Int(number)) => {
                let text = self.integer(*number, 8, false);
                if verb == 'O' { format!("0o{text}") } else { text }
            }
            ('x', Arg::Int(number)) => self.integer(*number, 16, false),
            ('X', Arg::Int(number)) => self.integer(*number, 16, true),
            ('c', Arg::Int(number)) => self.pad(&character(*number).to_string(), false),
            ('q', Arg::Int(number)) => self.pad(&format!("'{}'", character(*number)), false),
            ('U', Arg::Int(number)) => self.pad(&format!("U+{number:04X}"), false),
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'v', Arg::Float(number)) => self.float(verb, *number),
            ('v', Arg::Text(text)) if self.sharp => self.pad(&quote(text, false), false),
            ('v' | 's', Arg::Text(text)) => self.pad(&self.cut(text), false),
            ('q', Arg::Text(text)) => self.pad(&quote(&self.cut(text), self.plus), false),
            ('x', Arg::Text(text)) => self.pad(&hex(&self.cut(text), false), false),
            ('X', Arg::Text(text)) => self.pad(&hex(&self.cut(text), true), false),
            ('T', arg) => self.pad(arg.kind(), false),
            ('t', Arg::Text(text)) if text == "true" || text == "false" => {
                // Booleans arrive as text, and Go says so.
                format!("%!t(string={text})")
            }
            (verb, arg) => format!("%!{verb}({}={})", arg.kind(), arg.text()),
        }
    }

    fn integer(&self, number: i128, radix: u32, upper: bool) -> String {
        let mut digits = match radix {
            2 => format!("{:b}", number.unsigned_abs()),
            8 => format!("{:o}", number.unsigned_abs()),
            16 if upper => format!("{:X}", number.unsigned_abs()),
            16 => format!("{:x}", number.unsigned_abs()),
            _ => number.unsigned_abs().to_string(),
        };
        if let Some(precision) = self.precision {
            digits = format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len())));
        }
        if self.sharp {
            let prefix = match radix {
                2 => "0b",
                8 => "0",
                16 if upper => "0X",
                16 => "0x",
                _ => "",
            };
            digits.insert_str(0, prefix);
        }
        self.signed(number < 0, &digits, self.precision.is_none())
    }

    fn float(&self, verb: char, number: f64) -> String {
        let magnitude = number.abs();
        let text = match (verb, self.precision) {
            _ if magnitude.is_infinite() => "Inf".to_owned(),
            ('f' | 'F', precision) => format!("{magnitude:.*}", precision.unwrap_or(6)),
            ('e', precision) => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6)), 'e'),
            ('E', precision) => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6)), 'E'),
            ('G', _) => shortest(magnitude, 'E', 'G'),
            (_, Some(precision)) => significant(magnitude, precision),
            (verb, None) => shortest(magnitude, 'e', verb),
        };
        self.signed(number.is_sign_negative(), &text, true)
    }

    fn signed(&self, negative: bool, digits: &str, zeros: bool) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if self.zero && !self.minus && zeros {
            let room = self.width.unwrap_or(0).saturating_sub(sign.len() + digits.chars().count());
            return format!("{sign}{}{digits}", "0".repeat(room));
        }
        self.pad(&format!("{sign}{digits}"), true)
    }

    fn pad(&self, text: &str, number: bool) -> String {
        let room = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = if self.zero && !self.minus && !number { "0" } else { " " };
        if self.minus { format!("{text}{}", " ".repeat(room)) } else { format!("{}{text}", fill.repeat(room)) }
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }
}

/// `[n]`: the next argument is the n-th.
fn index(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, next: &mut usize) {
    let mut ahead = rest.clone();
    if ahead.next() != Some('[') {
        return;
    }
    let digits: String = ahead.by_ref().take_while(|c| *c != ']').collect();
    if let Ok(number) = digits.parse::<usize>()
        && number > 0
    {
        *next = number - 1;
        *rest = ahead;
    }
}

/// A width or precision: digits, or `*` for the next argument.
fn number(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, args: &[Arg], next: &mut usize) -> Option<usize> {
    if rest.next_if_eq(&'*').is_some() {
        let value = args.get(*next);
        *next += 1;
        return match value {
            Some(Arg::Int(number)) => usize::try_from(*number).ok().map(|width| width.min(MAX_WIDTH)),
            _ => None,
        };
    }
    let mut value = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        value = Some((value.unwrap_or(0_usize) * 10 + digit as usize).min(MAX_WIDTH));
        rest.next();
    }
    value
}

fn character(number: i128) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Go's quoted form; letters beyond ASCII stay, or are escaped too.
fn quote(text: &str, ascii: bool) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => put(&mut out, format_args!("\\x{:02x}", c as u32)),
            c if ascii && c > '\u{ffff}' => put(&mut out, format_args!("\\U{:08x}", c as u32)),
            c if ascii && !c.is_ascii() => put(&mut out, format_args!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn hex(text: &str, upper: bool) -> String {
    text.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
}

/// Rust's exponent (`1e5`) in Go's form (`1e+05`).
fn exponent(text: &str, letter: char) -> String {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", power.abs())
}

/// The shortest form that reads back; an exponent below -4 and from 21 on (`%v`), as Go does.
fn shortest(number: f64, letter: char, verb: char) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let magnitude = number.abs();
    let scientific = format!("{magnitude:e}");
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    // `%g` uses the precision that is needed, at least 21 digits under `%v` and in the default form of both.
    let limit = if verb == 'G' || verb == 'g' || verb == 'v' { 21 } else { 6 };
    if magnitude != 0.0 && (power < -4 || power >= limit) {
        return format!("{sign}{}", exponent(&scientific, letter));
    }
    format!("{sign}{magnitude}")
}

/// `%.Ng`: at most N significant digits.
fn significant(number: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let scientific = format!("{number:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trim = |text: &str| {
        let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        trimmed.to_owned()
    };
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    if power < -4 || power >= digits {
        let (mantissa, _) = scientific.split_once('e').unwrap_or((&scientific, ""));
        return exponent(&format!("{}e{power}", trim(mantissa)), 'e');
    }
    let decimals = usize::try_from(digits - 1 - power).unwrap_or(0);
    trim(&format!("{number:.decimals$}"))
}
