//! YAML with positions and limits: text → documents of [`Node`]s, each knowing its line and column.
//!
//! Scalars are resolved as YAML 1.1 readers of this field do it (yaml-cpp in Falco, sigs.k8s.io/yaml in Kubernetes):
//! `yes`, `no`, `on`, `off` are booleans there. Keys stay text. Aliases are expanded, counted.
//! What it is not: a serialiser, or a YAML 1.2 conformance exercise.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use granit_parser::{Event, Parser, ScalarStyle, Span as RawSpan, Tag};
use model::{Diagnostic, Level, Position};
use serde_json::{Map, Number, Value};

/// What a YAML text may be.
#[derive(Debug, Clone, Copy)]
pub struct YamlLimits {
    /// Most bytes.
    pub bytes: usize,
    /// Most nested sequences and mappings.
    pub depth: usize,
    /// Most nodes, aliases expanded: bounds memory, and with it "billion laughs".
    pub nodes: usize,
    /// Most documents.
    pub documents: usize,
}

impl YamlLimits {
    /// For what people write: rules, policies, manifests, configuration. Falco's largest file is 95 kB with 9,000
    /// nodes; a rendered chart of a large product is under 4 MB.
    pub const DEFAULT: Self = Self { bytes: 16 << 20, depth: 64, nodes: 1_000_000, documents: 10_000 };
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean, with the text it was written as.
    Bool(bool, String),
    /// An integer or a float, with the text it was written as.
    Number(Number, String),
    /// Text.
    String(String),
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in its order.
    Mapping(Vec<(Node, Node)>),
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Yaml,
    /// Where it starts.
    pub start: Position,
    /// Length of its source in bytes; for collections of their first token only.
    pub length: usize,
    /// For block scalars (`|`, `>`) the value's lines start on the lines after `start`.
    pub block_scalar: bool,
}

impl Node {
    /// The value under a text key of a mapping; the last one when a key is there twice, as YAML 1.1 readers do.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.value {
            Yaml::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; `None` for anything else.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Yaml::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Yaml::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Yaml::Bool(value, _) => Some(*value),
            _ => None,
        }
    }

    /// The text of any scalar as it was written: rules compare `5` and `"5"` alike, and `yes` is a word in a list. `None` for collections and null.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Yaml::String(text) | Yaml::Number(_, text) | Yaml::Bool(_, text) => Some(text.clone()),
            Yaml::Null | Yaml::Sequence(_) | Yaml::Mapping(_) => None,
        }
    }

    /// What kind of value it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match &self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(..) => "a boolean",
            Yaml::Number(..) => "a number",
            Yaml::String(_) => "text",
            Yaml::Sequence(_) => "a list",
            Yaml::Mapping(_) => "a mapping",
        }
    }

    /// The same value as JSON; keys that are not text become their text.
    pub fn to_json(&self) -> Value {
        match &self.value {
            Yaml::Null => Value::Null,
            Yaml::Bool(value, _) => Value::Bool(*value),
            Yaml::Number(number, _) => Value::Number(number.clone()),
            Yaml::String(text) => Value::String(text.clone()),
            Yaml::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Yaml::Mapping(entries) => {
                let pair = |(key, value): &(Self, Self)| (key.scalar_text().unwrap_or_default(), value.to_json());
                Value::Object(entries.iter().map(pair).collect::<Map<_, _>>())
            }
        }
    }

    /// A diagnostic that points here.
    pub fn diagnostic(&self, code: &str, level: Level, source: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, level, source, message).at(self.start, self.length)
    }
}

/// Reads all documents of a text. What cannot be read is in the diagnostics; documents before it are kept.
///
/// Empty documents (comments between `---`) are left out.
pub fn load(text: &str, source: &str, limits: &YamlLimits) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut loader = Loader { source, limits, nodes: 0, stack: Vec::new(), anchors: Vec::new(), documents: Vec::new() };
    if text.len() > limits.bytes {
        let message = format!("more than {} bytes of YAML", limits.bytes);
        return (Vec::new(), vec![Diagnostic::new("yaml/too-big", Level::Error, source, message)]);
    }
    let mut diagnostics = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => loader.event(event, span),
            Err(error) => Err(Box::new(syntax(&error, text, source))),
        };
        if let Err(diagnostic) = step {
            diagnostics.push(*diagnostic);
            break;
        }
    }
    (loader.documents, diagnostics)
}

/// Reads the one document that a text is expected to be; `None` with a diagnostic when there is none or several.
pub fn load_one(text: &str, source: &str, limits: &YamlLimits) -> (Option<Node>, Vec<Diagnostic>) {
    let (mut documents, mut diagnostics) = load(text, source, limits);
    if documents.len() > 1 {
        let extra =
            documents[1].diagnostic("yaml/several-documents", Level::Error, source, "only one document expected");
        diagnostics.push(extra.with_fix("remove the `---` or split the file"));
    } else if documents.is_empty() && diagnostics.is_empty() {
        diagnostics.push(Diagnostic::new("yaml/empty", Level::Error, source, "the file has no content"));
    }
    let only = documents.len() == 1;
    (documents.pop().filter(|_| only), diagnostics)
}

fn syntax(error: &granit_parser::ScanError, text: &str, source: &str) -> Diagnostic {
    let mut place = position(error.marker());
    let found = Diagnostic::new("yaml/syntax", Level::Error, source, error.info());
    // The scanner stands where it began to look, at the end of the line before.
    let next_line = text.get(place.offset..).and_then(|rest| rest.find('\n')).map(|end| place.offset + end + 1);
    match next_line {
        Some(offset)
            if error.info().contains("tab") && text.get(offset..).is_some_and(|line| line.starts_with('\t')) =>
        {
            place = Position { line: place.line + 1, column: 1, offset };
        }
        _ if !error.info().contains("tab") => return found.at(place, 1),
        _ => {}
    }
    found.at(place, 1).with_fix("indent with blanks: YAML allows no tabs there")
}

fn position(marker: &granit_parser::Marker) -> Position {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position {
        line: number(marker.line().max(1)),
        column: number(marker.col()).saturating_add(1),
        offset: marker.byte_offset().unwrap_or_else(|| marker.index()),
    }
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Node>,
}

struct Loader<'a> {
    source: &'a str,
    limits: &'a YamlLimits,
    nodes: usize,
    stack: Vec<Open>,
    anchors: Vec<(usize, Node)>,
    documents: Vec<Node>,
}

type Step = Result<(), Box<Diagnostic>>;

impl Loader<'_> {
    fn event(&mut self, event: Event<'_>, span: RawSpan) -> Step {
        let start = position(&span.start);
        let length = span.byte_range().map_or(1, |range| range.len().max(1));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                let block_scalar = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                self.place(Node { value, start, length, block_scalar }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Yaml::Sequence(Vec::new()), start, anchor),
            Event::MappingStart(_, anchor, _) => self.open(Yaml::Mapping(Vec::new()), start, anchor),
            Event::SequenceEnd => match self.stack.pop() {
                Some(open) => self.place(open.node, open.anchor),
                None => Ok(()),
            },
            Event::MappingEnd => match self.stack.pop() {
                Some(mut open) => {
                    merge(&mut open.node);
                    self.place(open.node, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => {
                let target = self.anchors.iter().rev().find(|(anchor, _)| *anchor == id).map(|(_, node)| node.clone());
                let Some(mut node) = target else {
                    return self.refuse("yaml/unknown-alias", start, "this alias refers to a value that contains it");
                };
                // The copy counts in full: that is what a billion laughs is made of.
                self.count(size(&node) - 1, start)?;
                node.start = start;
                self.place(node, 0)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, value: Yaml, start: Position, anchor: usize) -> Step {
        if self.stack.len() >= self.limits.depth {
            let message = format!("more than {} levels of YAML", self.limits.depth);
            return self.refuse("yaml/too-deep", start, &message);
        }
        self.stack.push(Open { node: Node { value, start, length: 1, block_scalar: false }, anchor, key: None });
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) -> Step {
        let start = node.start;
        self.count(1, start)?;
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        match self.stack.last_mut() {
            None => {
                if node.value != Yaml::Null {
                    if self.documents.len() >= self.limits.documents {
                        let message = format!("more than {} documents", self.limits.documents);
                        return self.refuse("yaml/too-many-documents", start, &message);
                    }
                    self.documents.push(node);
                }
            }
            Some(open) => match (&mut open.node.value, open.key.take()) {
                (Yaml::Sequence(items), _) => items.push(node),
                (Yaml::Mapping(entries), Some(key)) => entries.push((key, node)),
                (_, _) => open.key = Some(node),
            },
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: Position) -> Step {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} values, aliases expanded", self.limits.nodes);
            return self.refuse("yaml/too-many-nodes", at, &message);
        }
        Ok(())
    }

    fn refuse(&self, code: &str, at: Position, message: &str) -> Step {
        Err(Box::new(Diagnostic::new(code, Level::Error, self.source, message).at(at, 1)))
    }
}

/// Replaces the merge keys of a mapping (<https://yaml.org/type/merge.html>): what `<<` names is there unless the mapping
/// says something of its own, and of several mappings the first one wins. A `<<` in quotes is a key like others.
fn merge(node: &mut Node) {
    let Yaml::Mapping(entries) = &mut node.value else { return };
    let is_merge = |key: &Node, value: &Node| {
        let mapping = |node: &Node| matches!(node.value, Yaml::Mapping(_));
        let source = mapping(value) || value.items().is_some_and(|items| items.iter().all(mapping));
        key.as_str() == Some("<<") && key.length == 2 && source
    };
    if !entries.iter().any(|(key, value)| is_merge(key, value)) {
        return;
    }
    let (merges, own): (Vec<_>, Vec<_>) =
        std::mem::take(entries).into_iter().partition(|(key, value)| is_merge(key, value));
    let mut known: HashSet<String> = own.iter().filter_map(|(key, _)| key.scalar_text()).collect();
    *entries = own;
    for (_, value) in merges {
        let sources = match &value.value {
            Yaml::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(&value),
        };
        for (key, value) in sources.iter().flat_map(Node::entries) {
            if key.scalar_text().is_some_and(|name| known.insert(name)) {
                entries.push((key.clone(), value.clone()));
            }
        }
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Yaml::Sequence(items) => items.iter().map(size).sum(),
        Yaml::Mapping(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}

/// Resolves a scalar by its tag, its style and, when plain, by the patterns of YAML 1.1.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Yaml {
    let string = || Yaml::String(text.to_owned());
    match tag.and_then(Tag::core_suffix) {
        Some("str") => return string(),
        None if style != ScalarStyle::Plain => return string(),
        _ => {}
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Yaml::Bool(true, text.to_owned());
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Yaml::Bool(false, text.to_owned());
        }
        _ => {}
    }
    match number(text) {
        Some(number) => Yaml::Number(number, text.to_owned()),
        None => string(),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let negative = text.starts_with('-');
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let radix = match (digits.get(..2), octal) {
        (Some("0x"), _) => Some((&digits[2..], 16)),
        (Some("0o"), _) => Some((&digits[2..], 8)),
        // YAML 1.1 octal: `defaultMode: 0644` is 420 in Kubernetes.
        (_, true) => Some((digits, 8)),
        _ => None,
    };
    if let Some((rest, radix)) = radix {
        let value = i64::from_str_radix(rest, radix).ok().filter(|value| *value >= 0);
        return value.map(|value| Number::from(if negative { -value } else { value }));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(value.into());
    }
    if let Ok(value) = text.parse::<u64>() {
        return Some(value.into());
    }
    let looks_like_float = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    text.parse::<f64>()
        .ok()
        .filter(|_| looks_like_float && digits.bytes().any(|b| b.is_ascii_digit()))
        .and_then(Number::from_f64)
}
