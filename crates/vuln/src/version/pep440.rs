//! Python's order: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`.
//!
//! Source: PEP 440 and the Python packaging user guide ("Version specifiers"), with the spellings that the PEP
//! normalises (`alpha`, `preview`, `-1` for a post-release, separators). What is not such a version sorts before all
//! that are, part by part, as the legacy versions of setuptools and of `packaging` before 22 did.

use super::packed::{END, Packed, is_number, number, split_digits, text};

const LEGACY: u8 = 0x00;
const MODERN: u8 = 0x01;

/// A version by its parts; texts are slices of the lower-cased input.
#[derive(Default)]
struct Parsed<'a> {
    epoch: &'a str,
    release: &'a str,
    pre: Option<(u8, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    let lower = version.trim().to_ascii_lowercase();
    match parse(&lower) {
        Some(parsed) => modern(&parsed, out),
        None => legacy(&lower, out),
    }
}

/// Whether PEP 440 reads it.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let lower = version.trim().to_ascii_lowercase();
    if parse(&lower).is_some() { Ok(()) } else { Err("PEP 440 does not read it") }
}

fn parse(text: &str) -> Option<Parsed<'_>> {
    let mut parsed = Parsed::default();
    let text = text.strip_prefix('v').unwrap_or(text);
    let (public, local) = match text.split_once('+') {
        Some((public, local)) => (public, Some(local)),
        None => (text, None),
    };
    if let Some(local) = local {
        let fine = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !local.split(['.', '-', '_']).all(fine) {
            return None;
        }
    }
    parsed.local = local;
    let rest = match public.split_once('!') {
        Some((epoch, rest)) if is_number(epoch) => {
            parsed.epoch = epoch;
            rest
        }
        Some(_) => return None,
        None => public,
    };
    let end = release_end(rest);
    parsed.release = &rest[..end];
    if parsed.release.is_empty() {
        return None;
    }
    let rest = suffixes(&rest[end..], &mut parsed);
    rest.is_empty().then_some(parsed)
}

/// Length of the leading `N(.N)*`.
fn release_end(text: &str) -> usize {
    let mut end = split_digits(text).0.len();
    while end > 0 && text[end..].starts_with('.') {
        let digits = split_digits(&text[end + 1..]).0.len();
        if digits == 0 {
            break;
        }
        end += 1 + digits;
    }
    end
}

fn suffixes<'a>(mut rest: &'a str, parsed: &mut Parsed<'a>) -> &'a str {
    if let Some((word, digits, tail)) = labelled(rest, &PRE) {
        parsed.pre = Some((pre_rank(word), digits));
        rest = tail;
    }
    if let Some((_, digits, tail)) = labelled(rest, &["post", "rev", "r"]) {
        parsed.post = Some(digits);
        rest = tail;
    } else if let Some(tail) = rest.strip_prefix('-')
        && let (digits, tail) = split_digits(tail)
        && !digits.is_empty()
    {
        parsed.post = Some(digits);
        rest = tail;
    }
    if let Some((_, digits, tail)) = labelled(rest, &["dev"]) {
        parsed.dev = Some(digits);
        rest = tail;
    }
    rest
}

/// Words of a pre-release, none before one that it begins with.
const PRE: [&str; 8] = ["alpha", "a", "beta", "b", "preview", "pre", "c", "rc"];

/// `[sep]word[sep][digits]`, the word one of a list: the word, the digits, what follows. Words may follow each other
/// without anything between them (`1prer1` is a post-release of a pre-release).
fn labelled<'a>(text: &'a str, words: &[&'static str]) -> Option<(&'static str, &'a str, &'a str)> {
    let separator = ['.', '-', '_'];
    let text = text.strip_prefix(separator).unwrap_or(text);
    let word = *words.iter().find(|word| text.starts_with(**word))?;
    let tail = &text[word.len()..];
    let (digits, after) = split_digits(tail.strip_prefix(separator).unwrap_or(tail));
    Some((word, digits, after))
}

fn pre_rank(word: &str) -> u8 {
    match word {
        "a" | "alpha" => 0x10,
        "b" | "beta" => 0x20,
        _ => 0x30,
    }
}

fn modern(parsed: &Parsed<'_>, out: &mut Packed) {
    out.mark(MODERN);
    out.part("epoch", parsed.epoch, |bytes| number(bytes, parsed.epoch));
    let mut kept = out.len();
    for component in parsed.release.split('.') {
        out.part("release", component, |bytes| {
            bytes.push(END + 1);
            number(bytes, component);
        });
        if !component.bytes().all(|byte| byte == b'0') {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out.mark(END);
    // A development release of a final one sorts before that one's pre-releases; a release after them.
    match parsed.pre {
        Some((rank, digits)) => out.part("pre-release", digits, |bytes| {
            bytes.push(rank);
            number(bytes, digits);
        }),
        None if parsed.post.is_none() && parsed.dev.is_some() => out.mark(0x01),
        None => out.part("final", "", |bytes| bytes.push(0x40)),
    }
    match parsed.post {
        Some(digits) => out.part("post-release", digits, |bytes| {
            bytes.push(1);
            number(bytes, digits);
        }),
        None => out.mark(0),
    }
    match parsed.dev {
        Some(digits) => out.part("dev-release", digits, |bytes| {
            bytes.push(0);
            number(bytes, digits);
        }),
        None => out.mark(0xff),
    }
    local(parsed.local, out);
}

/// No local part sorts first; words sort before numbers, fewer parts before more.
fn local(local: Option<&str>, out: &mut Packed) {
    for part in local.into_iter().flat_map(|local| local.split(['.', '-', '_'])) {
        out.part("local", part, |bytes| {
            if is_number(part) {
                bytes.push(0x20);
                number(bytes, part);
            } else {
                bytes.push(0x10);
                text(bytes, part.as_bytes());
            }
        });
    }
    out.mark(END);
}

/// The order that setuptools had before the PEP: runs of digits (as text of eight places or more), runs of letters and
/// hyphens. Pre-release words sort before the end, a hyphen and other words after it; zeros before a word, and hyphens
/// before a pre-release word, do not count.
fn legacy(lower: &str, out: &mut Packed) {
    out.mark(LEGACY);
    let mut parts: Vec<(String, &str)> = Vec::new();
    for part in legacy_parts(lower).chain([""]) {
        let key = legacy_key(part);
        if key.starts_with('*') {
            while key.as_str() < FINAL && parts.last().is_some_and(|(last, _)| last == HYPHEN) {
                parts.pop();
            }
            while parts.last().is_some_and(|(last, _)| last == "00000000") {
                parts.pop();
            }
        }
        parts.push((key, part));
    }
    for (key, part) in &parts {
        let label = if key.starts_with('*') { "word" } else { "number" };
        out.part(label, part, |bytes| text(bytes, key.as_bytes()));
    }
    out.mark(END);
}

const FINAL: &str = "*final";
const HYPHEN: &str = "*final-";

fn legacy_key(part: &str) -> String {
    match part {
        "" => FINAL.to_owned(),
        "-" => HYPHEN.to_owned(),
        "pre" | "preview" | "rc" => "*c".to_owned(),
        "dev" => "*@".to_owned(),
        _ if part.starts_with(|first: char| first.is_ascii_digit()) => format!("{part:0>8}"),
        _ => format!("*{part}"),
    }
}

/// Runs of digits, of letters, and of what is neither; hyphens one by one, dots left out.
fn legacy_parts(lower: &str) -> impl Iterator<Item = &str> {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'.' => 2,
        b'-' => 3,
        _ => 4,
    };
    let mut rest = lower;
    std::iter::from_fn(move || {
        let first = class(rest.bytes().next()?);
        let run = rest.bytes().position(|byte| class(byte) != first).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(if matches!(first, 2 | 3) { 1 } else { run });
        rest = tail;
        Some(part)
    })
    .filter(|part| *part != ".")
}
