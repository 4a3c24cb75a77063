//! Talking to people: stdout is data, stderr is talk, progress only on a terminal.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;

/// Where a command prints.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Whether stderr is a terminal: then progress is shown.
    pub progress: bool,
    /// Columns of the terminal; 80 where it is none.
    pub width: usize,
}

/// An error that knows the command that helps. Attach it with `anyhow`'s `context`, innermost last.
#[derive(Debug)]
pub struct Hint(pub String);

/// Documents are written in pieces of this size: they have megabytes, of which none needs to stay.
const JSON_BUFFER_BYTES: usize = 64 << 10;

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ui {
    /// Looks at the process's own descriptors.
    pub fn detect() -> Self {
        let width = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
        Self { progress: io::stderr().is_terminal(), width }
    }

    /// Prints data. A closed pipe (`seawall … | head`) ends the program quietly, as other tools do.
    pub fn print(&self, text: impl fmt::Display) {
        let mut out = io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// Prints a value as JSON.
    pub fn print_json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut out = io::BufWriter::with_capacity(JSON_BUFFER_BYTES, io::stdout().lock());
        match serde_json::to_writer_pretty(&mut out, value) {
            Err(error) if !error.is_io() => return Err(error).context("writing JSON"),
            Ok(()) if writeln!(out).and_then(|()| out.flush()).is_ok() => {}
            // As in `print`.
            _ => std::process::exit(0),
        }
        Ok(())
    }

    /// Says something.
    pub fn say(&self, text: impl fmt::Display) {
        // Nothing can be done when stderr itself is gone.
        drop(writeln!(io::stderr().lock(), "{}", visible(&text.to_string())));
    }

    /// Proposes the next command.
    pub fn hint(&self, text: impl fmt::Display) {
        self.say(format_args!("hint: {text}"));
    }

    /// Prints an error with its causes and, where one was attached, a hint.
    pub fn error(&self, error: &anyhow::Error) {
        let mut hint = None;
        let mut causes = Vec::new();
        if let Some(found) = error.downcast_ref::<Hint>() {
            hint = Some(found.0.clone());
        }
        for cause in error.chain().map(ToString::to_string) {
            if hint.as_ref() != Some(&cause) && causes.last() != Some(&cause) {
                causes.push(cause);
            }
        }
        self.say(format_args!("error: {}", causes.join("\n  caused by: ")));
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }
}

/// Sends the programs' own log to stderr: warnings by default, more with `-v`, all with `-vv`.
pub fn init_logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEAWALL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // Colours are for eyes, not for log files.
    let colour = io::IsTerminal::is_terminal(&io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour).init();
}

/// A number of things as one says it: `1 layer`, `2 layers`.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    // A length is at most 64 bits on every machine that this is built for.
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A text for a terminal: what would move its cursor, colour it or turn its letters around is shown as a sign instead.
/// Names come from images, and nobody else chose them.
pub fn visible(text: &str) -> Cow<'_, str> {
    const TURNS: [char; 12] = [
        '\u{200e}', '\u{200f}', '\u{061c}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
        '\u{2067}', '\u{2068}', '\u{2069}',
    ];
    let hidden = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || TURNS.contains(&c);
    if text.contains(hidden) { Cow::Owned(text.replace(hidden, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Columns that a text takes: those of Chinese, Japanese and Korean take two each.
pub fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// A plain table: columns padded to their widest cell, two blanks between them, the last one not padded.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| columns(cell)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(&visible(cell)));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, width) in cells.zip(&widths) {
            let cell = visible(cell);
            let pad = width - columns(&cell);
            out.push_str(&cell);
            out.push_str(&" ".repeat(pad + 2));
        }
        out.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c\u{9b}d\r\n\te"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}\n\te");
        assert!(matches!(visible("日本語 ü\n"), Cow::Borrowed(_)));
        let rows = [vec!["日本".to_owned(), "x".to_owned()], vec!["\u{7}abcd".to_owned(), "y".to_owned()]];
        assert_eq!(table(&["A", "B"], &rows), "A      B\n日本   x\n\u{fffd}abcd  y");
    }
}
