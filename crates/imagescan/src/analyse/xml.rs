//! Small XML documents as trees: project files of Maven and `MSBuild`.
//!
//! What it is not: a reader for feeds; those stream. Namespaces do not count, comments and declarations are passed over,
//! and no entity is known but the five of XML.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements of a document; the largest project files have some thousands.
const MAX_ELEMENTS: usize = 200_000;
/// Elements in elements; Maven's deepest settings of plugins have about 20.
const MAX_DEPTH: usize = 200;

/// An element.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Its own text, without that of its elements.
    pub text: String,
    pub elements: Vec<Element>,
}

impl Element {
    /// The first element of a name.
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.named(name).next()
    }

    /// The elements of a name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The text of the first element of a name, trimmed; empty without one.
    pub fn value(&self, name: &str) -> &str {
        self.element(name).map_or("", |element| element.text.trim())
    }

    /// An attribute; names ignore case, as those of `MSBuild` do.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Why a document was not read.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    #[error("not XML at byte {0}: {1}")]
    Syntax(u64, String),
    #[error("more than {MAX_ELEMENTS} elements, or more than {MAX_DEPTH} in each other")]
    TooLarge,
    #[error("it has no element")]
    Empty,
}

/// Reads a document: its outermost element.
pub fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let (mut open, mut count): (Vec<Element>, usize) = (Vec::new(), 0);
    loop {
        let offset = reader.buffer_position();
        match reader.read_event().map_err(|error| XmlError::Syntax(offset, error.to_string()))? {
            Event::Start(start) => {
                count += 1;
                if count > MAX_ELEMENTS || open.len() >= MAX_DEPTH {
                    return Err(XmlError::TooLarge);
                }
                open.push(opened(&start));
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.elements.push(element),
                    None => return Ok(element),
                }
            }
            Event::Text(text) => add(&mut open, &text),
            Event::CData(text) => add(&mut open, &text),
            Event::GeneralRef(entity) => add(&mut open, known_entity(&entity)),
            Event::Eof => return Err(XmlError::Empty),
            _ => {}
        }
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn known_entity(name: &str) -> &'static str {
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

fn opened(start: &BytesStart<'_>) -> Element {
    let mut attributes = start.attributes();
    let attributes = attributes.with_checks(false).flatten().map(|attribute| {
        let raw = &attribute.value;
        let value = quick_xml::escape::unescape(raw);
        let value = value.map_or_else(|_| raw.clone().into_owned(), std::borrow::Cow::into_owned);
        let name = attribute.key.local_name();
        (name.as_ref().to_owned(), value)
    });
    Element { name: start.local_name().as_ref().to_owned(), attributes: attributes.collect(), ..Element::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- x --><p:a xmlns:p='u' Key=\"1 &amp; 2\"><b> t &lt; </b><b/><c><![CDATA[<d>]]></c></p:a>";
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("key")), ("a", Some("1 & 2")));
        assert_eq!((root.value("b"), root.named("b").count(), root.value("c"), root.value("x")), ("t <", 2, "<d>", ""));
    }

    #[test]
    fn what_is_no_document() {
        assert!(matches!(parse(b""), Err(XmlError::Empty)));
        assert!(matches!(parse(b"<a><b></a>"), Err(XmlError::Syntax(..))));
        assert!(matches!(parse("<a>".repeat(MAX_DEPTH + 1).as_bytes()), Err(XmlError::TooLarge)));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert!(matches!(parse(wide.as_bytes()), Err(XmlError::TooLarge)));
    }
}
