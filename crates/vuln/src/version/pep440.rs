//! Python's order: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`.
//!
//! Source: PEP 440 and the Python packaging user guide ("Version specifiers"), with the spellings that the PEP
//! normalises (`alpha`, `preview`, `-1` for a post-release, separators). What is not such a version sorts before all
//! that are, part by part, as `packaging`'s legacy versions did.

use super::packed::{END, Packed, is_number, number, split_digits, split_letters, text};

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
    if let Some((word, digits, tail)) = labelled(rest)
        && let Some(rank) = pre_rank(word)
    {
        parsed.pre = Some((rank, digits));
        rest = tail;
    }
    if let Some((word, digits, tail)) = labelled(rest)
        && matches!(word, "post" | "rev" | "r")
    {
        parsed.post = Some(digits);
        rest = tail;
    } else if let Some(tail) = rest.strip_prefix('-')
        && let (digits, tail) = split_digits(tail)
        && !digits.is_empty()
    {
        parsed.post = Some(digits);
        rest = tail;
    }
    if let Some(("dev", digits, tail)) = labelled(rest) {
        parsed.dev = Some(digits);
        rest = tail;
    }
    rest
}

/// `[sep]word[sep][digits]`: the word, the digits, what follows.
fn labelled(text: &str) -> Option<(&str, &str, &str)> {
    let separator = ['.', '-', '_'];
    let (word, tail) = split_letters(text.strip_prefix(separator).unwrap_or(text));
    if word.is_empty() {
        return None;
    }
    let (digits, after) = split_digits(tail.strip_prefix(separator).unwrap_or(tail));
    Some(if digits.is_empty() { (word, "", tail) } else { (word, digits, after) })
}

fn pre_rank(word: &str) -> Option<u8> {
    Some(match word {
        "a" | "alpha" => 0x10,
        "b" | "beta" => 0x20,
        "rc" | "c" | "pre" | "preview" => 0x30,
        _ => return None,
    })
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

fn legacy(lower: &str, out: &mut Packed) {
    out.mark(LEGACY);
    let mut rest = lower;
    while !rest.is_empty() {
        let byte = rest.as_bytes()[0];
        if byte.is_ascii_digit() {
            let (digits, tail) = split_digits(rest);
            out.part("number", digits, |bytes| {
                bytes.push(0x20);
                number(bytes, digits);
            });
            rest = tail;
        } else {
            let end = rest.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(rest.len());
            let word = &rest[..end];
            out.part("word", word, |bytes| {
                bytes.push(0x10);
                text(bytes, word.as_bytes());
            });
            rest = &rest[end..];
        }
    }
    out.mark(END);
}
