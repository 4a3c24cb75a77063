//! PHP's order, as Composer and `version_compare` have it.
//!
//! Source: the PHP manual on `version_compare` and Composer's documentation of versions. A leading `v` and build
//! metadata do not count; `-`, `_`, `+` and other signs are dots; a change between digits and letters is one too. Words order as
//! any other word < dev < alpha = a < beta = b < RC = rc < a number < pl = p. Branches (`dev-main`, `1.x-dev`) are
//! words or development versions and sort before releases.

use std::cmp::Ordering;

use super::packed::{Part, is_number};

/// A version by its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts(Vec<String>);

/// Reads a version as `version_compare` canonicalises it: what is neither letter nor digit is a dot, dots in a row are
/// one, and only the first character stands as it is. A dot at an end leaves an empty part, which is an unknown word.
pub fn parse(version: &str) -> Parts {
    let version = without_v(version.trim());
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut before = None;
    for (at, now) in version.chars().enumerate() {
        let separator = now == '.' || (at > 0 && !now.is_ascii_alphanumeric());
        let turned = before.is_some_and(|before: char| {
            before.is_ascii_digit() != now.is_ascii_digit() && !matches!(before, '-' | '_' | '+')
        });
        if separator {
            if at == 0 || !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
        } else {
            if turned && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            part.push(now);
        }
        before = Some(now);
    }
    if !version.is_empty() {
        parts.push(part);
    }
    Parts(parts)
}

/// Tags are often `v1.0`; the letter counts only in words.
fn without_v(version: &str) -> &str {
    let rest = version.strip_prefix(['v', 'V']).unwrap_or(version);
    if rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) { rest } else { version }
}

/// Composer's words of stability and how `version_compare` reads them; none begins a later one.
const WORDS: [(&str, &str); 9] = [
    ("stable", ""),
    ("beta", "beta"),
    ("b", "beta"),
    ("rc", "RC"),
    ("alpha", "alpha"),
    ("a", "alpha"),
    ("patch", "p"),
    ("pl", "p"),
    ("p", "p"),
];

/// The form in which Composer checks a constraint: four numbers, the stability spelt out, no metadata, no `stable`.
/// `1.0` is `1.0.0.0` there, which [`parse`] alone would not say. What does not begin with a number stays as it is.
pub fn normalised(version: &str) -> String {
    let text = without_v(version.trim());
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    let text = text.split_once('@').map_or(text, |(text, _)| text);
    let end = text.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'.').unwrap_or(text.len());
    let (core, tail) = text.split_at(end);
    let mut numbers: Vec<&str> = core.split('.').filter(|number| !number.is_empty()).collect();
    if numbers.is_empty() || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return version.to_owned();
    }
    while numbers.len() < 4 {
        numbers.push("0");
    }
    let core = numbers.join(".");
    let tail = tail.trim_start_matches(['.', '-', '_']).to_ascii_lowercase();
    match WORDS.iter().find_map(|(word, form)| Some((form, tail.strip_prefix(word)?))) {
        Some((&"", _)) => core,
        Some((form, rest)) => format!("{core}-{form}{}", rest.trim_start_matches(['.', '-'])),
        None if tail.is_empty() => core,
        None => format!("{core}-{tail}"),
    }
}

/// Compares two versions.
pub fn compare(left: &Parts, right: &Parts) -> Ordering {
    let common = left.0.iter().zip(&right.0).map(|(a, b)| part(a, b)).find(|order| order.is_ne());
    let tail = |parts: &Parts, from: usize| parts.0.get(from).map(|text| rank(text));
    common.unwrap_or_else(|| {
        // What follows on one side only: a number is newer than nothing, a word is what it is beside a number.
        match (tail(left, right.0.len()), tail(right, left.0.len())) {
            (Some(rank), _) if rank >= NUMBER => Ordering::Greater,
            (Some(_), _) => Ordering::Less,
            (_, Some(rank)) if rank >= NUMBER => Ordering::Less,
            (_, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    })
}

const NUMBER: u8 = 5;

fn part(left: &str, right: &str) -> Ordering {
    if is_number(left) && is_number(right) {
        let (a, b) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
        return a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    }
    rank(left).cmp(&rank(right))
}

/// `version_compare` looks at how a word begins, in this order and with its case.
fn rank(text: &str) -> u8 {
    const FORMS: [(&str, u8); 10] = [
        ("dev", 1),
        ("alpha", 2),
        ("a", 2),
        ("beta", 3),
        ("b", 3),
        ("RC", 4),
        ("rc", 4),
        ("#", NUMBER),
        ("pl", 6),
        ("p", 6),
    ];
    if is_number(text) {
        return NUMBER;
    }
    FORMS.iter().find(|(form, _)| text.starts_with(form)).map_or(0, |(_, rank)| *rank)
}

/// The parts for an explanation.
pub fn parts(parts: &Parts) -> Vec<Part> {
    let part = |text: &String| Part {
        label: if is_number(text) { "number" } else { "stability" },
        text: text.clone(),
        key: if is_number(text) { text.trim_start_matches('0').as_bytes().to_vec() } else { vec![0, rank(text)] },
    };
    parts.0.iter().map(part).collect()
}

/// Branches are not versions.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let version = version.trim();
    let first = version.strip_prefix(['v', 'V']).unwrap_or(version).bytes().next();
    if first.is_some_and(|byte| byte.is_ascii_digit()) && !version.ends_with("-dev") {
        Ok(())
    } else {
        Err("it is a branch, not a version")
    }
}
