//! Talking to people: stdout is data, stderr is talk, progress only on a terminal.

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
        drop(writeln!(io::stderr().lock(), "{text}"));
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

/// A plain table: columns padded to their widest cell, two blanks between them, the last one not padded.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, width) in cells.zip(&widths) {
            let pad = width - cell.chars().count();
            out.push_str(cell);
            out.push_str(&" ".repeat(pad + 2));
        }
        out.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
