//! Alpine's order: `digits{.digits}[letter]{_suffix[number]}[~hash][-rN]`.
//!
//! Source: apk-tools 3's description of package versions (apk-package(5)) and its behaviour. A component that begins
//! with a zero is compared as text (`1.01` sorts before `1.1`); `_alpha`, `_beta`, `_pre`, `_rc` sort before the end,
//! `_cvs`, `_svn`, `_git`, `_hg`, `_p` after it. Where two versions go on differently, the kind of what follows
//! decides, which is why the kinds below are numbers; what breaks the grammar sorts just before the end.
//! Where apk 2 and 3 differ on versions that only older repositories have (`6.6.2p1`, `1-r`), apk 2 is followed.

use super::packed::{Packed, number, split_digits, text};

const PRE_SUFFIXES: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const POST_SUFFIXES: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

const PRE_SUFFIX: u8 = 0x01;
const INVALID: u8 = 0x02;
const END: u8 = 0x03;
const REVISION: u8 = 0x04;
const HASH: u8 = 0x05;
const SUFFIX_NUMBER: u8 = 0x06;
const POST_SUFFIX: u8 = 0x07;
const LETTER: u8 = 0x08;
const COMPONENT: u8 = 0x09;

/// A step of the grammar: what may follow what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Start,
    Digits,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
}

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    walk(version.trim(), out);
}

/// Whether the grammar holds to the end.
pub fn validate(version: &str) -> Result<(), &'static str> {
    if walk(version.trim(), &mut Packed::bytes_only()) {
        Ok(())
    } else {
        Err("it does not follow digits{.digits}[letter]{_suffix}[-rN]")
    }
}

fn walk(version: &str, out: &mut Packed) -> bool {
    let (digits, mut rest) = split_digits(version);
    // Without a number in front it is no version: before all that are.
    out.part("number", digits, |bytes| numbered(bytes, u8::from(!digits.is_empty()), digits));
    let mut valid = !digits.is_empty();
    let mut after = After::Start;
    while !rest.is_empty() {
        if let Some((next, tail)) = step(rest, after, out) {
            (after, rest) = (next, tail);
        } else {
            out.part("invalid", rest, |bytes| bytes.push(INVALID));
            valid = false;
            break;
        }
    }
    out.mark(END);
    valid
}

fn step<'a>(rest: &'a str, after: After, out: &mut Packed) -> Option<(After, &'a str)> {
    let numeric = matches!(after, After::Start | After::Digits);
    let byte = *rest.as_bytes().first()?;
    match byte {
        b'a'..=b'z' if numeric => {
            out.part("letter", &rest[..1], |bytes| bytes.extend_from_slice(&[LETTER, byte]));
            Some((After::Letter, &rest[1..]))
        }
        b'0'..=b'9' if after == After::Letter => {
            let (digits, tail) = split_digits(rest);
            out.part("number", digits, |bytes| numbered(bytes, COMPONENT, digits));
            Some((After::Digits, tail))
        }
        b'0'..=b'9' if after == After::Suffix => {
            let (digits, tail) = split_digits(rest);
            out.part("suffix number", digits, |bytes| numbered(bytes, SUFFIX_NUMBER, digits));
            Some((After::SuffixNumber, tail))
        }
        b'.' if numeric => component(&rest[1..], out).map(|tail| (After::Digits, tail)),
        b'_' if !matches!(after, After::Revision | After::Hash) => suffix(&rest[1..], out),
        b'~' if after != After::Revision => {
            let end = rest[1..].bytes().position(|b| !b.is_ascii_hexdigit()).unwrap_or(rest.len() - 1);
            let (hash, tail) = rest[1..].split_at(end);
            out.part("commit", hash, |bytes| {
                bytes.push(HASH);
                text(bytes, hash.as_bytes());
            });
            (!hash.is_empty()).then_some((After::Hash, tail))
        }
        b'-' => {
            let (digits, tail) = split_digits(rest[1..].strip_prefix('r')?);
            // `-r` alone is revision 0; before a letter it is no revision.
            if digits.is_empty() && tail.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                return None;
            }
            out.part("revision", digits, |bytes| numbered(bytes, REVISION, digits));
            Some((After::Revision, tail))
        }
        _ => None,
    }
}

fn numbered(bytes: &mut Vec<u8>, kind: u8, digits: &str) {
    bytes.push(kind);
    number(bytes, digits);
}

/// A component after a dot. One that begins with a zero is text, which sorts before every number without one.
fn component<'a>(rest: &'a str, out: &mut Packed) -> Option<&'a str> {
    let (digits, tail) = split_digits(rest);
    if digits.is_empty() {
        return None;
    }
    out.part("number", digits, |bytes| {
        bytes.push(COMPONENT);
        if digits.starts_with('0') {
            bytes.push(0);
            text(bytes, digits.as_bytes());
        } else {
            bytes.push(1);
            number(bytes, digits);
        }
    });
    Some(tail)
}

fn suffix<'a>(rest: &'a str, out: &mut Packed) -> Option<(After, &'a str)> {
    let end = rest.bytes().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(rest.len());
    let find = |names: &[&str]| names.iter().position(|name| *name == &rest[..end]);
    let (kind, index, name) = match (find(&PRE_SUFFIXES), find(&POST_SUFFIXES)) {
        (Some(index), _) => (PRE_SUFFIX, index, PRE_SUFFIXES[index]),
        (None, Some(index)) => (POST_SUFFIX, index, POST_SUFFIXES[index]),
        (None, None) => return None,
    };
    let label = if kind == PRE_SUFFIX { "pre-release suffix" } else { "suffix" };
    out.part(label, name, |bytes| bytes.extend_from_slice(&[kind, u8::try_from(index).unwrap_or(u8::MAX)]));
    Some((After::Suffix, &rest[name.len()..]))
}
