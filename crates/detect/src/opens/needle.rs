//! From a check of a path to the needles without which it does not hold.

use super::table::Needle;
use crate::fields::FieldArg;
use crate::operand::Side;
use crate::test::{Test, TextTest};

/// What of the path a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Directory,
    File,
}

/// Which part of the path of a successful open a side is. The string that the caller gave is kept only of failed ones,
/// so that of the others every name is the kernel's path.
fn part(side: &Side) -> Option<Part> {
    let Side::Field(spec, arg) = side else { return None };
    match (spec.name, arg) {
        ("fd.name" | "fd.nameraw", _) => Some(Part::Whole),
        ("fd.directory", _) => Some(Part::Directory),
        ("fd.filename", _) => Some(Part::File),
        ("evt.arg", FieldArg::Key(key)) if matches!(&**key, "name" | "filename" | "path") => Some(Part::Whole),
        _ => None,
    }
}

/// The needles of which a path has one whenever the check holds (or, when not `positive`, whenever it does not);
/// `None` when nothing can be said.
pub fn needles(side: &Side, test: &Test, positive: bool) -> Option<Vec<Needle>> {
    let part = part(side)?;
    let Test::Text(test) = test else { return None };
    let found = of_test(part, test, positive)?;
    // What is not UTF-8 in a path is such a character in the event, and something else in the kernel.
    found.iter().all(|needle| !needle.text.contains('\u{fffd}')).then_some(found)
}

fn of_test(part: Part, comparison: &TextTest, positive: bool) -> Option<Vec<Needle>> {
    match (comparison, positive) {
        (TextTest::Eq(text), true) | (TextTest::Ne(text), false) => equal(part, text),
        (TextTest::In(set), true) => join(set.iter().map(|text| equal(part, text))),
        (TextTest::StartsWith(text), true) => starts(part, text),
        (TextTest::EndsWith(text), true) => ends(part, text),
        (TextTest::Contains(finder), true) => inside(std::str::from_utf8(finder.needle()).ok()?),
        (TextTest::IContains(text, _), true) => inside(text),
        (TextTest::Glob(pattern, _), true) => glob(part, pattern),
        (TextTest::PMatch(paths), true) if part == Part::Whole => join(paths.iter().map(|path| below(path))),
        // Whichever the modifier, at least one of the tests holds.
        (TextTest::Many(_, tests), true) => join(tests.iter().map(|test| of_test(part, test, true))),
        _ => None,
    }
}

fn join(parts: impl Iterator<Item = Option<Vec<Needle>>>) -> Option<Vec<Needle>> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(part?);
    }
    Some(all)
}

fn needle(at_start: bool, text: &str, at_end: bool) -> Option<Vec<Needle>> {
    // What is empty and free is everywhere.
    (!text.is_empty()).then(|| vec![Needle { at_start, at_end, text: text.into() }])
}

fn equal(part: Part, text: &str) -> Option<Vec<Needle>> {
    match part {
        Part::Whole => needle(true, text, true),
        Part::Directory => folder(text),
        Part::File => needle(false, text, true),
    }
}

/// Paths in a folder. That of a file in the root is `/`, that of what has no place in the tree is `.`.
fn folder(text: &str) -> Option<Vec<Needle>> {
    match text {
        "/" => needle(true, "/", false),
        text if text.starts_with('/') => needle(true, &format!("{text}/"), false),
        _ => None,
    }
}

fn starts(part: Part, text: &str) -> Option<Vec<Needle>> {
    match part {
        Part::Whole => needle(true, text, false),
        Part::Directory => text.starts_with('/').then(|| needle(true, text, false))?,
        Part::File => inside(text),
    }
}

fn ends(part: Part, text: &str) -> Option<Vec<Needle>> {
    if part == Part::Directory { inside(text) } else { needle(false, text, true) }
}

/// Directory and file name are parts of the path, but for `.`.
fn inside(text: &str) -> Option<Vec<Needle>> {
    (text != ".").then(|| needle(false, text, false))?
}

/// The rarest plain piece of a pattern, bound where the pattern is.
fn glob(part: Part, pattern: &str) -> Option<Vec<Needle>> {
    if pattern.contains(['\\', '[']) {
        return None;
    }
    let pieces: Vec<&str> = pattern.split(['*', '?']).collect();
    let last = pieces.len() - 1;
    let piece = |(number, piece): (usize, &&str)| match (number == 0, number == last) {
        (true, true) => equal(part, piece),
        (true, false) => starts(part, piece),
        (false, true) => ends(part, piece),
        (false, false) => inside(piece),
    };
    let rarity = |needles: &Vec<Needle>| {
        let common: u32 = needles.iter().map(Needle::commonness).sum();
        (common, std::cmp::Reverse(needles.iter().map(|needle| needle.text.len()).min()))
    };
    pieces.iter().enumerate().filter_map(piece).min_by_key(rarity)
}

/// Paths at or below one whose components may be patterns.
fn below(path: &[Box<str>]) -> Option<Vec<Needle>> {
    let plain = path.iter().take_while(|part| !part.contains(['?', '*', '[', '\\']));
    let plain: Vec<&str> = plain.map(AsRef::as_ref).collect();
    let prefix = format!("/{}", plain.join("/"));
    match (plain.len(), plain.len() == path.len()) {
        (0, _) => None,
        // What has no place in the tree has a bare name.
        (1, true) => Some([needle(true, &format!("{prefix}/"), false)?, needle(false, plain[0], true)?].concat()),
        (_, true) => Some([needle(true, &format!("{prefix}/"), false)?, needle(true, &prefix, true)?].concat()),
        (_, false) => needle(true, &format!("{prefix}/"), false),
    }
}
