//! Lists: nested ones are flattened, then their names are replaced **as text** in conditions, before these are parsed.
//!
//! The order matters and is the language's: lists in the order of definition, each over the text that the ones before
//! it left behind. A name counts where blanks, parentheses, commas or equal signs surround it.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::text::Located;
use super::{List, MAX_CONDITION_BYTES};

/// A list whose nested lists were replaced.
#[derive(Debug, Clone)]
pub struct FlatList {
    /// Its name.
    pub name: String,
    /// Its items as a text.
    pub text: String,
}

/// Replaces the names of nested lists by their items: of those that were defined before the list was last changed, one
/// level deep (their own nested lists were not flattened when Falco reads them, and are names that the text
/// substitution then finds). Gives the names that were used.
pub fn flatten(lists: &IndexMap<String, List>) -> (Vec<FlatList>, BTreeSet<String>) {
    let mut used = BTreeSet::new();
    let mut flat = Vec::with_capacity(lists.len());
    for (name, list) in lists {
        let mut items: Vec<String> = Vec::new();
        for item in &list.items {
            match lists.get(item).filter(|nested| nested.index < list.visibility) {
                Some(nested) => {
                    used.insert(item.clone());
                    items.extend(nested.items.iter().map(|item| quote(item)));
                }
                None => items.push(quote(item)),
            }
        }
        flat.push(FlatList { name: name.clone(), text: items.join(", ") });
    }
    (flat, used)
}

/// An item as it is written in a condition.
pub fn quote(item: &str) -> String {
    let bare = !item.contains(' ') || item.starts_with(['"', '\'']);
    if bare { item.to_owned() } else { format!("\"{item}\"") }
}

/// Replaces the names of lists in a condition. Gives `None` when the text grew over its limit.
pub fn substitute(condition: &Located, lists: &[FlatList], used: &mut BTreeSet<String>) -> Option<Located> {
    let mut out = condition.clone();
    for list in lists {
        if substitute_one(&mut out, list) {
            used.insert(list.name.clone());
        }
        if out.text().len() > MAX_CONDITION_BYTES {
            return None;
        }
    }
    Some(out)
}

fn substitute_one(out: &mut Located, list: &FlatList) -> bool {
    let bytes = out.text().as_bytes();
    let delimits = |byte: Option<&u8>| byte.is_none_or(|byte| b" \t\n\r(),=".contains(byte));
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let mut length = out.text().len();
    for start in memchr::memmem::find_iter(bytes, &list.name) {
        let end = start + list.name.len();
        let left = start.checked_sub(1).and_then(|at| bytes.get(at));
        if length > MAX_CONDITION_BYTES || !delimits(left) || !delimits(bytes.get(end)) {
            continue;
        }
        let floor = ranges.last().map_or(0, |range| range.end);
        ranges.push(widen(bytes, floor, start, end, list.text.is_empty()));
        length += list.text.len() + 2;
    }
    out.replace_all(&ranges, |_| format!(" {} ", list.text));
    !ranges.is_empty()
}

/// The blanks around a name go with it; an empty list takes a comma at its left or right as well.
fn widen(bytes: &[u8], floor: usize, mut start: usize, mut end: usize, empty: bool) -> std::ops::Range<usize> {
    let blank = |byte: Option<&u8>| byte.is_some_and(|byte| b" \t\n\r".contains(byte));
    while start > floor && blank(bytes.get(start - 1)) {
        start -= 1;
    }
    while blank(bytes.get(end)) {
        end += 1;
    }
    if empty && start > floor && bytes.get(start - 1) == Some(&b',') {
        start -= 1;
    } else if empty && bytes.get(end) == Some(&b',') {
        end += 1;
    }
    start..end
}
