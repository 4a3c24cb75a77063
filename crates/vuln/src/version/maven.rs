//! Maven's order.
//!
//! Source: the Maven "POM reference" (version order specification) and the documentation of `ComparableVersion`.
//! A version is a list of numbers, words and, after a hyphen or a change between digits and letters, nested lists;
//! trailing empty items (`0`, `final`, `ga`, `release`) do not count. Words before a release: alpha, beta, milestone,
//! rc = cr, snapshot; after it: sp, then any other word.
//!
//! Maven itself changed: since 3.8, `1.x` and `1-x` are equal for any word. This is the order of 3.6, which repositories'
//! own sequences follow (`1.5.9.RC1` before `1.5.9-RC0`).

use std::cmp::Ordering;

use super::packed::Part;

/// Deepest nesting of lists. Each hyphen opens one, so a hostile version could otherwise use up the stack; what lies
/// deeper stays in the innermost list.
pub const MAX_DEPTH: usize = 64;

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// Digits without leading zeros.
    Number(String),
    Word(String),
    List(Vec<Item>),
}

/// A version by its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items(Vec<Item>);

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Self::Number(digits) => digits.is_empty(),
            Self::Word(word) => word.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// Reads a version.
pub fn parse(version: &str) -> Items {
    let text = version.trim().to_lowercase();
    let mut stack: Vec<Vec<Item>> = vec![Vec::new()];
    let mut start = 0;
    let mut digit_before = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' | b'-' => {
                let item =
                    if at == start { Item::Number(String::new()) } else { item(&text[start..at], digit_before, false) };
                // The reference says that `1-ga-1` is `1-1`, which no Maven does. (`1-0-1` is not, in all of them.)
                let release = matches!(&item, Item::Word(word) if word.is_empty());
                let number_follows = text.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
                let alone = byte == b'-' && text[..start].ends_with('-') && number_follows;
                start = at + 1;
                if release && alone {
                    continue;
                }
                push(&mut stack, item);
                if byte == b'-' {
                    open(&mut stack);
                }
            }
            _ => {
                let digit = byte.is_ascii_digit();
                if at > start && digit != digit_before {
                    // Digits after a word, and a word after digits, begin a list.
                    if digit {
                        push(&mut stack, item(&text[start..at], false, true));
                    } else {
                        push(&mut stack, item(&text[start..at], true, false));
                    }
                    open(&mut stack);
                    start = at;
                }
                digit_before = digit;
            }
        }
    }
    if start < text.len() {
        push(&mut stack, item(&text[start..], digit_before, false));
    }
    Items(close(stack))
}

fn push(stack: &mut [Vec<Item>], item: Item) {
    if let Some(list) = stack.last_mut() {
        list.push(item);
    }
}

fn open(stack: &mut Vec<Vec<Item>>) {
    if stack.len() < MAX_DEPTH {
        stack.push(Vec::new());
    }
}

/// Normalises from the inside out and nests.
fn close(mut stack: Vec<Vec<Item>>) -> Vec<Item> {
    let mut inner: Option<Vec<Item>> = None;
    while let Some(mut list) = stack.pop() {
        if let Some(items) = inner.take() {
            list.push(Item::List(items));
        }
        inner = Some(normalise(list));
    }
    inner.unwrap_or_default()
}

/// Removes trailing null items; those before a list too.
fn normalise(mut list: Vec<Item>) -> Vec<Item> {
    let mut at = list.len();
    while at > 0 {
        at -= 1;
        if list[at].is_null() {
            list.remove(at);
        } else if !matches!(list[at], Item::List(_)) {
            break;
        }
    }
    list
}

fn item(text: &str, digits: bool, before_digits: bool) -> Item {
    if digits {
        return Item::Number(text.trim_start_matches('0').to_owned());
    }
    let word = match (text, before_digits) {
        ("a", true) => "alpha",
        ("b", true) => "beta",
        ("m", true) => "milestone",
        ("ga" | "final" | "release", _) => "",
        ("cr", _) => "rc",
        (other, _) => other,
    };
    Item::Word(word.to_owned())
}

/// Compares two versions.
pub fn compare(left: &Items, right: &Items) -> Ordering {
    lists(&left.0, &right.0)
}

fn lists(left: &[Item], right: &[Item]) -> Ordering {
    let length = left.len().max(right.len());
    (0..length).map(|at| pair(left.get(at), right.get(at))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn pair(left: Option<&Item>, right: Option<&Item>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(item)) => against_nothing(item).reverse(),
        (Some(item), None) => against_nothing(item),
        (Some(left), Some(right)) => items(left, right),
    }
}

fn against_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(digits) => digits.len().cmp(&0),
        Item::Word(word) => word_rank(word).cmp(&word_rank("")),
        Item::List(items) => items.iter().map(against_nothing).find(|order| order.is_ne()).unwrap_or(Ordering::Equal),
    }
}

fn items(left: &Item, right: &Item) -> Ordering {
    match (left, right) {
        (Item::Number(a), Item::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (Item::Word(a), Item::Word(b)) => word_rank(a).cmp(&word_rank(b)),
        (Item::List(a), Item::List(b)) => lists(a, b),
        _ => kind_rank(left).cmp(&kind_rank(right)),
    }
}

/// `1.1` is newer than `1-1`, which is newer than `1-sp`.
const fn kind_rank(item: &Item) -> u8 {
    match item {
        Item::Word(_) => 0,
        Item::List(_) => 1,
        Item::Number(_) => 2,
    }
}

fn word_rank(word: &str) -> (u8, &str) {
    match word {
        "alpha" => (0, ""),
        "beta" => (1, ""),
        "milestone" => (2, ""),
        "rc" => (3, ""),
        "snapshot" => (4, ""),
        "" => (5, ""),
        "sp" => (6, ""),
        other => (7, other),
    }
}

/// The parts for an explanation, nested lists in brackets.
pub fn parts(items: &Items) -> Vec<Part> {
    items.0.iter().map(|item| Part { label: label(item), text: show(item), key: show(item).into_bytes() }).collect()
}

const fn label(item: &Item) -> &'static str {
    match item {
        Item::Number(_) => "number",
        Item::Word(_) => "qualifier",
        Item::List(_) => "list",
    }
}

fn show(item: &Item) -> String {
    match item {
        Item::Number(digits) if digits.is_empty() => "0".into(),
        Item::Number(text) | Item::Word(text) => text.clone(),
        Item::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
    }
}
