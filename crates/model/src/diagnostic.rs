//! Diagnostics about text that people write and bytes from outside (DESIGN §5.2): a stable code, a position, a fix.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of a line that are shown around a place: conditions of rules are often one line of thousands.
const MAX_SHOWN: usize = 160;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// It works, but not as written or not for long.
    Warning,
    /// The part was left out.
    Error,
}

/// A place in a text. Lines and columns count from 1, columns in characters; the offset counts bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Byte offset.
    pub offset: usize,
}

/// Where a diagnostic points.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub struct Span {
    /// The file, or what stands for it (a blob's digest, `<stdin>`).
    pub source: String,
    /// Where in it; absent for binary or whole-file statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Position>,
    /// Length in bytes, at least 1 where there is a start.
    #[serde(default)]
    pub length: usize,
}

/// A statement about an input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// Stable code, such as `rule/unknown-field` or `rpm/truncated-page`.
    pub code: String,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, lower case, without a final dot.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about a whole source.
    pub fn new(code: &str, level: Level, source: &str, message: impl Into<String>) -> Self {
        let span = Span { source: source.to_owned(), start: None, length: 0 };
        Self { code: code.to_owned(), level, message: message.into(), span, fix: None }
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, start: Position, length: usize) -> Self {
        self.span.start = Some(start);
        self.span.length = length.max(1);
        self
    }

    /// The same with a fix.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// As a compiler prints it, with the line of `text` and a caret under the place.
    pub fn render(&self, text: &str) -> String {
        let mut out = self.to_string();
        if let Some(start) = self.span.start
            && let Some(line) = text.lines().nth(start.line.saturating_sub(1) as usize)
        {
            let number = start.line.to_string();
            let column = start.column.saturating_sub(1) as usize;
            let (shown, column) = window(line, column);
            let room = shown.chars().count().saturating_sub(column).max(1);
            let margin = " ".repeat(number.len());
            let carets = "^".repeat(self.span.length.clamp(1, room));
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\n {margin} |\n {number} | {shown}\n {margin} | {}{carets}", " ".repeat(column));
        }
        if let Some(fix) = &self.fix {
            out.push_str("\n  help: ");
            out.push_str(fix);
        }
        out
    }
}

/// The part of a line around a column, at most [`MAX_SHOWN`] characters, and where the column is in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let line = printable(line);
    if line.chars().count() <= MAX_SHOWN {
        return (line.into_owned(), column);
    }
    let from = column.saturating_sub(MAX_SHOWN / 2);
    let part: String = line.chars().skip(from).take(MAX_SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if line.chars().nth(from + MAX_SHOWN).is_some() { "…" } else { "" };
    (format!("{before}{part}{after}"), column - from + before.chars().count())
}

/// A text without control characters but line ends, each of which becomes one other: texts come from files of others,
/// and a terminal obeys what is in them.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c| match c {
        '\t' => ' ',
        c if c != '\n' && char::is_control(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}[{}]: {}\n --> {}", self.code, printable(&self.message), self.span.source)?;
        match self.span.start {
            Some(start) => write!(f, ":{}:{}", start.line, start.column),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_speak_to_no_terminal() {
        let place = |column| Position { line: 1, column, offset: 0 };
        let shown = |text: &str, column| {
            let found =
                Diagnostic::new("a/b", Level::Error, "a.yaml", "bad \u{1b}[31m").at(place(column), 3).render(text);
            let mut lines = found.lines().map(str::to_owned).collect::<Vec<_>>();
            let caret = lines.pop().unwrap_or_default();
            (lines.pop().unwrap_or_default(), caret.find('^').unwrap_or(0), found)
        };
        let long = format!("{}abc{}", "x".repeat(500), "y".repeat(500));
        let (line, caret, whole) = shown(&long, 501);
        assert!(line.chars().count() < MAX_SHOWN + 10 && line.contains("…x") && line.ends_with("y…"), "{line}");
        assert_eq!(
            line.char_indices().filter(|(_, c)| *c == 'a').map(|(at, _)| line[..at].chars().count()).next(),
            Some(caret)
        );
        assert!(!whole.contains('\u{1b}'), "{whole:?}");
        let (line, caret, _) = shown("\ta\u{1b}b", 2);
        assert_eq!((line.as_str(), caret), (" 1 |  a\u{fffd}b", 6));
    }

    #[test]
    fn renders_like_a_compiler() {
        let text = "- rule: x\n  condition: proc.nam = sh\n";
        let place = Position { line: 2, column: 14, offset: 23 };
        let shown = Diagnostic::new("rule/unknown-field", Level::Error, "a.yaml", "unknown field `proc.nam`")
            .at(place, 8)
            .with_fix("did you mean `proc.name`?")
            .render(text);
        assert_eq!(
            shown,
            "error[rule/unknown-field]: unknown field `proc.nam`\n --> a.yaml:2:14\n   |\n 2 |   condition: proc.nam = sh\n   |              ^^^^^^^^\n  help: did you mean `proc.name`?"
        );
    }
}
