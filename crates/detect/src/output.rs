//! Outputs of rules: text with `%field` in it.
//!
//! `%proc.name`, `%proc.aname[2]`, `%tolower(proc.name)`, `%10proc.name` (padded or cut to ten characters); what has no
//! value is `<NA>`. `%container.info` is empty since engine 0.50; Falco's container plugin appends four fields instead,
//! and so is done here.

use std::borrow::Cow;
use std::fmt::Write as _;

use model::{Diagnostic, Level};

use crate::condition::{Operand, parse_operand};
use crate::fields::Context;
use crate::operand::{self, Side};
use crate::rules::at_spot;
use crate::rules::text::Located;
use crate::value::Value;
use crate::{EventSource, lint};

/// Characters of one output. Command lines are long; a line that nobody reads to its end is longer.
pub const MAX_OUTPUT_CHARS: usize = 16_384;

/// Fields that the container plugin suggests for every output of the sensor's events.
const SUGGESTED: [(&str, &str); 4] = [
    ("container_id", "container.id"),
    ("container_name", "container.name"),
    ("k8s_ns_name", "k8s.ns.name"),
    ("k8s_pod_name", "k8s.pod.name"),
];

#[derive(Debug)]
enum Piece {
    Text(String),
    Field { side: Side, width: usize },
}

/// A compiled output.
#[derive(Debug, Default)]
pub struct Output {
    pieces: Vec<Piece>,
}

impl Output {
    /// Compiles an output. What is not understood stays as it is written, and is said.
    pub fn compile(text: &Located, source: &EventSource) -> (Self, Vec<Diagnostic>) {
        let mut output = Self::default();
        let mut diagnostics = Vec::new();
        let whole = text.text().trim_end();
        // A star before everything asks for an output even where values are missing: that is always so here.
        let mut at = whole.len() - whole.strip_prefix('*').unwrap_or(whole).len();
        while let Some(found) = whole.get(at..).and_then(|rest| rest.find('%')) {
            output.text(whole.get(at..at + found).unwrap_or_default());
            at += found + 1;
            at += output.field(text, at, source, &mut diagnostics);
        }
        output.text(whole.get(at..).unwrap_or_default());
        output.suggest(whole, source);
        (output, diagnostics)
    }

    /// Names of the fields in it.
    pub fn fields(&self, visit: &mut impl FnMut(&'static str)) {
        for piece in &self.pieces {
            if let Piece::Field { side, .. } = piece {
                side.fields(visit);
            }
        }
    }

    /// The output for an event, one line.
    pub fn format(&self, context: &Context<'_>) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field { side, width } => {
                    let value = side.value(context);
                    let shown = match (side, &value) {
                        // The part of a second behind the point keeps its zeros.
                        (Side::Field(spec, _), Value::Int(nanoseconds)) if spec.name == "evt.rawtime.ns" => {
                            Some(format!("{nanoseconds:09}").into())
                        }
                        _ => value.shown(),
                    };
                    push(&mut out, shown.as_deref().unwrap_or("<NA>"), *width);
                }
            }
        }
        if out.chars().count() > MAX_OUTPUT_CHARS {
            out = out.chars().take(MAX_OUTPUT_CHARS).collect();
        }
        out
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            // A folded or literal block keeps line ends; an output is one line.
            self.pieces.push(Piece::Text(text.replace(['\n', '\r'], " ")));
        }
    }

    /// Reads what is behind a `%`; gives how many bytes it took.
    fn field(&mut self, text: &Located, at: usize, source: &EventSource, diagnostics: &mut Vec<Diagnostic>) -> usize {
        let rest = text.text().get(at..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("container.info") {
            let message = "`%container.info` is deprecated and prints nothing";
            diagnostics
                .push(at_spot(&text.spot(at, 14), "rule/deprecated", Level::Warning, message).with_fix("remove it"));
            return rest.len() - after.len();
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let width = rest.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0).min(MAX_OUTPUT_CHARS);
        let start = at + digits;
        let spot = |from: usize, length: usize| text.spot(start + from, length);
        let behind = text.text().get(start..).unwrap_or_default();
        // A bracket that is no argument belongs to the sentence.
        let before_bracket = behind.split('[').next().unwrap_or_default();
        let parsed =
            parse_operand(behind, &spot).or_else(|error| parse_operand(before_bracket, &spot).map_err(|_| error));
        let (operand, length) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => {
                let message = format!("no field behind `%`: {error}");
                diagnostics.push(at_spot(&text.spot(at.saturating_sub(1), 1), "rule/output", Level::Error, message));
                self.pieces.push(Piece::Text("%".into()));
                return 0;
            }
        };
        if let Operand::Field(field) = &operand {
            lint::deprecated(&field.name, &field.spot, &mut |found| diagnostics.push(found));
        }
        let (length, compiled) = shorten(operand, length, source);
        match compiled {
            Ok(side) => self.pieces.push(Piece::Field { side, width }),
            Err(mut diagnostic) => {
                let unavailable = diagnostic.level == Level::Warning;
                if unavailable {
                    diagnostic.level = Level::Note;
                    diagnostic.fix = Some("it prints <NA>".into());
                }
                diagnostics.push(*diagnostic);
                let shown = if unavailable {
                    "<NA>".to_owned()
                } else {
                    format!("%{}", rest.get(..digits + length).unwrap_or_default())
                };
                self.pieces.push(Piece::Text(shown));
            }
        }
        digits + length
    }

    fn suggest(&mut self, whole: &str, source: &EventSource) {
        if *source != EventSource::Syscall {
            return;
        }
        for (name, field) in SUGGESTED {
            if !whole.contains(&format!("%{field}"))
                && let Ok(spec) = crate::fields::find(field, source)
            {
                self.pieces.push(Piece::Text(format!(" {name}=")));
                self.pieces.push(Piece::Field { side: Side::Field(spec, crate::fields::FieldArg::None), width: 0 });
            }
        }
    }
}

/// Compiles what was read behind a `%`. A sentence may go on behind a field (`%proc.name.`, `%proc.pids`): when the
/// longest name is no field, shorter ones are tried, as Falco does.
fn shorten(operand: Operand, length: usize, source: &EventSource) -> (usize, Result<Side, Box<Diagnostic>>) {
    let is_field = |found: &Result<Side, Box<Diagnostic>>| match found {
        Ok(_) => true,
        // Falco has it, here nothing feeds it.
        Err(diagnostic) => diagnostic.level == Level::Warning,
    };
    let whole = operand::compile(&operand, source);
    let Operand::Field(mut field) = operand else { return (length, whole) };
    if is_field(&whole) || field.arg.is_some() {
        return (length, whole);
    }
    let full = field.name.len();
    while field.name.pop().is_some() && field.name.contains('.') {
        let found = operand::compile(&Operand::Field(field.clone()), source);
        if is_field(&found) {
            return (length - (full - field.name.len()), found);
        }
    }
    (length, whole)
}

/// Adds a text, padded or cut to a width other than 0. Writing to a string cannot fail.
fn push(out: &mut String, text: &str, width: usize) {
    let text = one_line(text);
    if width == 0 {
        out.push_str(&text);
        return;
    }
    let cut: String = text.chars().take(width).collect();
    let _ = write!(out, "{cut:<width$}");
}

/// A value without control characters: they would end the line, or speak to the terminal that shows it.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    Cow::Owned(out)
}
