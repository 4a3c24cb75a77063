//! Files of version comparisons: lines `A < B`, `A = B` or `A > B`.
//!
//! What it is: the reader and checker behind `seawall db compare --file`. Empty lines and lines that begin with `#`
//! are skipped; a line that is none of these is a diagnostic with its position.

use std::cmp::Ordering;

use model::{Diagnostic, Level, Position};

use super::Scheme;

/// A line whose order differs from ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Line number, from 1.
    pub line: u32,
    /// The line.
    pub text: String,
    /// Our order of its two versions.
    pub ours: Ordering,
}

/// What checking a file gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Lines compared.
    pub compared: u64,
    /// Lines that differ.
    pub differences: Vec<Difference>,
    /// Lines that could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compares each line of a file with a scheme. `source` names the file in diagnostics.
pub fn check(scheme: Scheme, text: &str, source: &str) -> Checked {
    let mut checked = Checked::default();
    let mut offset = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with("# ") && trimmed != "#" {
            match read(trimmed) {
                Some((left, order, right)) => {
                    checked.compared += 1;
                    let ours = scheme.compare(left, right);
                    if ours != order {
                        checked.differences.push(Difference { line: number, text: trimmed.to_owned(), ours });
                    }
                }
                None => checked.diagnostics.push(
                    Diagnostic::new("compare/line", Level::Error, source, "not a comparison")
                        .at(Position { line: number, column: 1, offset }, trimmed.chars().count())
                        .with_fix("write `A < B`, `A = B` or `A > B`, with blanks around the sign"),
                ),
            }
        }
        offset += line.len();
    }
    checked
}

fn read(line: &str) -> Option<(&str, Ordering, &str)> {
    let signs = [(" < ", Ordering::Less), (" = ", Ordering::Equal), (" > ", Ordering::Greater)];
    signs.into_iter().find_map(|(sign, order)| {
        let (left, right) = line.split_once(sign)?;
        Some((left.trim(), order, right.trim()))
    })
}

/// The sign of an order, as the files write it.
pub const fn sign(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}
