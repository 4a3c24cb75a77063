//! Exceptions: structured reasons for which a rule does not match, written into its condition as text.

use limits::yaml::{Node, Yaml};
use model::{Diagnostic, Level};

use super::lists::quote;
use super::text::{File, Located};

/// One or many.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A scalar.
    Item(String),
    /// A sequence.
    Items(Vec<Self>),
}

/// An exception of a rule.
#[derive(Debug, Clone)]
pub struct Exception {
    /// Its name, unique in the rule.
    pub name: String,
    /// The field, or the fields.
    pub fields: Option<Entry>,
    /// The operator, or one for each field.
    pub comps: Option<Entry>,
    /// The values: with one field a list of values, with several a list of tuples.
    pub values: Vec<Entry>,
    /// Where it stands.
    pub place: Place,
}

/// Where an exception stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub file: File,
    /// The value.
    pub node: Node,
}

/// Operators that a modifier may follow.
const TEXT_OPERATORS: [&str; 12] = [
    "==",
    "=",
    "!=",
    "glob",
    "iglob",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "regex",
];

const OTHER_OPERATORS: [&str; 8] = ["exists", "<=", "<", ">=", ">", "intersects", "in", "pmatch"];

/// Whether an operator's right side is a list.
fn takes_list(operator: &str) -> bool {
    matches!(operator, "intersects" | "in" | "pmatch") || with_modifier(operator)
}

/// `startswith anyof` and the like.
fn with_modifier(operator: &str) -> bool {
    operator.split_once(char::is_whitespace).is_some_and(|(operator, modifier)| {
        TEXT_OPERATORS.contains(&operator) && matches!(modifier.trim(), "oneof" | "anyof" | "allof")
    })
}

impl Exception {
    /// Reads the entry of a rule's `exceptions`. What is not understood gives an error and no exception.
    pub fn read(file: &File, node: &Node) -> Result<Self, Box<Diagnostic>> {
        let refuse =
            |at: &Node, message: String| Box::new(at.diagnostic("rule/exception", Level::Error, file.name(), message));
        let Some(name) = node.get("name").and_then(Node::scalar_text) else {
            return Err(refuse(node, "an exception needs a `name`".into()));
        };
        let entry = |key: &str| match node.get(key) {
            None => Ok(None),
            Some(found) => read_entry(found, 0).map(Some).ok_or_else(|| {
                refuse(found, format!("`{key}` of an exception is a text that is not empty, or a list of texts"))
            }),
        };
        let values = match node.get("values") {
            None => Vec::new(),
            Some(found) => match read_entry(found, 0) {
                Some(Entry::Items(values)) => values,
                _ => return Err(refuse(found, "`values` of an exception is a list".into())),
            },
        };
        let place = Place { file: file.clone(), node: node.clone() };
        Ok(Self { name, fields: entry("fields")?, comps: entry("comps")?, values, place })
    }

    fn refuse(&self, message: String) -> Box<Diagnostic> {
        Box::new(self.place.node.diagnostic("rule/exception", Level::Error, self.place.file.name(), message))
    }

    /// Checks its form and fills in the default operators.
    pub fn complete(mut self) -> Result<Self, Box<Diagnostic>> {
        let comps = match (&self.fields, self.comps.take()) {
            (None, _) => return Err(self.refuse(format!("the exception `{}` needs `fields`", self.name))),
            (Some(Entry::Item(_)), None) => Entry::Item("in".into()),
            (Some(Entry::Items(fields)), None) => Entry::Items(vec![Entry::Item("=".into()); fields.len()]),
            (Some(_), Some(comps)) => comps,
        };
        match (&self.fields, &comps) {
            (Some(Entry::Item(_)), Entry::Item(comp)) => {
                if !takes_list(comp.trim()) {
                    let message =
                        format!("`{comp}` cannot compare one field with a list: use `in`, `pmatch` or `intersects`");
                    return Err(self.refuse(message));
                }
            }
            (Some(Entry::Items(fields)), Entry::Items(comps)) if fields.len() == comps.len() => {
                for comp in comps {
                    let Entry::Item(comp) = comp else {
                        return Err(self.refuse("`comps` is a list of operators".into()));
                    };
                    let comp = comp.trim();
                    if !TEXT_OPERATORS.contains(&comp) && !OTHER_OPERATORS.contains(&comp) && !with_modifier(comp) {
                        return Err(self.refuse(format!("`{comp}` is no operator")));
                    }
                }
            }
            _ => return Err(self.refuse("`fields` and `comps` must be both texts or lists of equal length".into())),
        }
        self.comps = Some(comps);
        Ok(self)
    }
}

fn read_entry(node: &Node, depth: usize) -> Option<Entry> {
    match &node.value {
        // Lists of tuples of lists are three levels; nothing deeper has a meaning.
        Yaml::Sequence(items) if depth < 3 => {
            items.iter().map(|item| read_entry(item, depth + 1)).collect::<Option<_>>().map(Entry::Items)
        }
        _ => node.scalar_text().filter(|text| !text.is_empty()).map(Entry::Item),
    }
}

/// The condition with its exceptions: `(condition) and not (…) and not (…)`.
pub fn apply(condition: &Located, exceptions: &[Exception]) -> Result<Located, Box<Diagnostic>> {
    if exceptions.is_empty() {
        return Ok(condition.clone());
    }
    let mut out = condition.clone();
    out.prepend_synthetic("(");
    out.push_synthetic(")");
    for exception in exceptions {
        let text = as_text(exception)?;
        if !text.is_empty() {
            out.push_at(&format!(" and not {text}"), &exception.place.file, exception.place.node.start.offset);
        }
    }
    Ok(out)
}

fn as_text(exception: &Exception) -> Result<String, Box<Diagnostic>> {
    match (&exception.fields, &exception.comps) {
        (Some(Entry::Item(field)), Some(Entry::Item(comp))) => {
            let mut values = Vec::new();
            for value in &exception.values {
                let Entry::Item(value) = value else {
                    return Err(exception.refuse("`values` for one field is a list of texts".into()));
                };
                values.push(quote(value));
            }
            Ok(if values.is_empty() { String::new() } else { format!("({field} {comp} ({}))", values.join(", ")) })
        }
        (Some(Entry::Items(fields)), Some(Entry::Items(comps))) => {
            let tuples: Result<Vec<String>, _> =
                exception.values.iter().map(|tuple| tuple_text(exception, fields, comps, tuple)).collect();
            let tuples = tuples?;
            Ok(if tuples.is_empty() { String::new() } else { format!("({})", tuples.join(" or ")) })
        }
        _ => Ok(String::new()),
    }
}

fn tuple_text(
    exception: &Exception,
    fields: &[Entry],
    comps: &[Entry],
    tuple: &Entry,
) -> Result<String, Box<Diagnostic>> {
    let values = match tuple {
        Entry::Items(values) if values.len() == fields.len() => values,
        _ => {
            return Err(
                exception.refuse(format!("each of `values` is a list of {} values, one for each field", fields.len()))
            );
        }
    };
    let mut parts = Vec::new();
    for ((field, comp), value) in fields.iter().zip(comps).zip(values) {
        let (Entry::Item(field), Entry::Item(comp)) = (field, comp) else {
            return Err(exception.refuse("`fields` and `comps` are lists of texts".into()));
        };
        let value = match value {
            Entry::Items(items) => {
                let items = items.iter().map(|item| match item {
                    Entry::Item(item) => Ok(quote(item)),
                    Entry::Items(_) => Err(exception.refuse("values are nested too deep".into())),
                });
                format!("({})", items.collect::<Result<Vec<_>, _>>()?.join(", "))
            }
            Entry::Item(item) if takes_list(comp.trim()) && !item.starts_with('(') => format!("({item})"),
            Entry::Item(item) if takes_list(comp.trim()) => item.clone(),
            Entry::Item(item) => quote(item),
        };
        parts.push(format!("{field} {} {value}", comp.trim()));
    }
    Ok(format!("({})", parts.join(" and ")))
}
