//! Diagnostics about text that people write and bytes from outside (DESIGN §5.2): a stable code, a position, a fix.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
            let room = line.chars().count().saturating_sub(column).max(1);
            let margin = " ".repeat(number.len());
            let carets = "^".repeat(self.span.length.clamp(1, room));
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\n {margin} |\n {number} | {line}\n {margin} | {}{carets}", " ".repeat(column));
        }
        if let Some(fix) = &self.fix {
            out.push_str("\n  help: ");
            out.push_str(fix);
        }
        out
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}[{}]: {}\n --> {}", self.code, self.message, self.span.source)?;
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
