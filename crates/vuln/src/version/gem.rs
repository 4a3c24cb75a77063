//! `RubyGems`' order: segments of digits and letters.
//!
//! Source: the documentation of `Gem::Version`. A hyphen is `.pre.`, letters make a pre-release, a number sorts after
//! a word, missing segments count as 0, trailing zeros of the release and of the pre-release do not count.

use std::cmp::Ordering;

use super::packed::{Part, split_digits};

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Digits without leading zeros.
    Number(String),
    /// Letters.
    Word(String),
}

/// A version by its segments, trailing zeros removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments(Vec<Segment>);

/// Reads a version.
pub fn parse(version: &str) -> Segments {
    let text = version.trim().replace('-', ".pre.");
    let mut all = Vec::new();
    let mut rest = text.as_str();
    while let Some(byte) = rest.bytes().next() {
        if byte.is_ascii_digit() {
            let (digits, tail) = split_digits(rest);
            all.push(Segment::Number(digits.trim_start_matches('0').to_owned()));
            rest = tail;
        } else {
            let end = rest.bytes().position(|b| b.is_ascii_digit() || b == b'.').unwrap_or(rest.len());
            if end > 0 {
                all.push(Segment::Word(rest[..end].to_owned()));
            }
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    let words = all.iter().position(|segment| matches!(segment, Segment::Word(_))).unwrap_or(all.len());
    let tail = without_trailing_zeros(all.split_off(words));
    let mut segments = without_trailing_zeros(all);
    segments.extend(tail);
    Segments(segments)
}

fn without_trailing_zeros(mut segments: Vec<Segment>) -> Vec<Segment> {
    let zero = |segment: &Segment| matches!(segment, Segment::Number(digits) if digits.is_empty());
    while segments.last().is_some_and(zero) {
        segments.pop();
    }
    segments
}

/// Compares two versions.
pub fn compare(left: &Segments, right: &Segments) -> Ordering {
    let zero = Segment::Number(String::new());
    let length = left.0.len().max(right.0.len());
    (0..length)
        .map(|at| segment(left.0.get(at).unwrap_or(&zero), right.0.get(at).unwrap_or(&zero)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn segment(left: &Segment, right: &Segment) -> Ordering {
    match (left, right) {
        (Segment::Number(a), Segment::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (Segment::Word(a), Segment::Word(b)) => a.cmp(b),
        (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
        (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
    }
}

/// The parts for an explanation.
pub fn parts(segments: &Segments) -> Vec<Part> {
    let part = |segment: &Segment| match segment {
        Segment::Number(digits) => {
            let text = if digits.is_empty() { "0".to_owned() } else { digits.clone() };
            Part { label: "number", key: text.clone().into_bytes(), text }
        }
        Segment::Word(word) => Part { label: "word", text: word.clone(), key: word.clone().into_bytes() },
    };
    segments.0.iter().map(part).collect()
}

/// The pattern that `RubyGems` accepts.
pub fn validate(version: &str) -> Result<(), &'static str> {
    let version = version.trim();
    let fine = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if version.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && version.split(['.', '-']).all(fine) {
        Ok(())
    } else {
        Err("it is not digits and letters separated by dots")
    }
}
