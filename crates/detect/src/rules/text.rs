//! Texts of rule files that know where they stand, however they were folded, appended and substituted.

use std::ops::Range;
use std::sync::Arc;

use limits::yaml::Node;
use model::Position;

use crate::Source;
use crate::condition::Spot;

/// A rule file with the offsets of its lines.
#[derive(Debug, Clone)]
pub struct File {
    name: Arc<str>,
    text: Arc<str>,
    lines: Arc<[usize]>,
}

impl File {
    /// Finds the lines of a source.
    pub fn new(source: &Source) -> Self {
        let ends = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { name: source.name.clone(), text: source.text.clone(), lines: std::iter::once(0).chain(ends).collect() }
    }

    /// What diagnostics call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The spot of a value.
    pub fn spot(&self, node: &Node) -> Spot {
        Spot { source: self.name.clone(), start: node.start, length: node.length.max(1) }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(offset - start, |before| before.chars().count());
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column + 1), offset }
    }

    /// For every byte of a scalar's value its offset in the file.
    ///
    /// YAML folds lines, strips indentation and unescapes; what it never changes is the order of the other characters.
    /// So the two texts are walked together and blanks are skipped in both.
    fn offsets(&self, node: &Node, value: &str) -> Vec<usize> {
        let source = self.text.get(node.start.offset..).unwrap_or_default();
        // The start of a block scalar is its `|` or `>`, with a comment perhaps, or already its first line.
        let header =
            if source.starts_with(['|', '>']) && node.block_scalar { source.find('\n').unwrap_or(0) } else { 0 };
        let quoted = source.starts_with('"');
        let mut chars =
            source.char_indices().skip_while(|(at, _)| *at < header).filter(|(_, c)| !c.is_whitespace()).peekable();
        if !node.block_scalar && (quoted || source.starts_with('\'')) {
            chars.next();
        }
        let mut offsets = Vec::with_capacity(value.len());
        let mut last = 0;
        for c in value.chars() {
            if !c.is_whitespace() {
                let mut found = chars.next();
                if quoted && found.is_some_and(|(_, c)| c == '\\') {
                    found = chars.next();
                } else if found.is_some_and(|(_, c)| c == '\'')
                    && chars.peek().is_some_and(|(_, c)| *c == '\'')
                    && !quoted
                    && source.starts_with('\'')
                {
                    chars.next();
                }
                last = found.map_or(last, |(at, _)| at);
            }
            offsets.extend(std::iter::repeat_n(node.start.offset + last, c.len_utf8()));
        }
        offsets
    }
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    file: u32,
    offset: usize,
}

/// A text and, for every byte of it, the place that it came from.
#[derive(Debug, Clone, Default)]
pub struct Located {
    text: String,
    origins: Vec<Origin>,
    files: Vec<File>,
}

impl Located {
    /// The value of a scalar.
    pub fn of(file: &File, node: &Node, value: &str) -> Self {
        let origins = file.offsets(node, value).into_iter().map(|offset| Origin { file: 0, offset }).collect();
        Self { text: value.to_owned(), origins, files: vec![file.clone()] }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a blank and another text.
    pub fn append(&mut self, other: &Self) {
        self.push_synthetic(" ");
        let shift = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.text.push_str(&other.text);
        self.origins.extend(other.origins.iter().map(|origin| Origin { file: origin.file + shift, ..*origin }));
        self.files.extend(other.files.iter().cloned());
    }

    /// Adds a text that stands nowhere: it gets the place of what is before it.
    pub fn push_synthetic(&mut self, text: &str) {
        let last = self.origins.last().copied().unwrap_or(Origin { file: 0, offset: 0 });
        self.text.push_str(text);
        self.origins.resize(self.text.len(), last);
    }

    /// Adds a text of which every byte has the place of a value.
    pub fn push_at(&mut self, text: &str, file: &File, node_offset: usize) {
        let index = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file.clone());
        self.text.push_str(text);
        self.origins.resize(self.text.len(), Origin { file: index, offset: node_offset });
    }

    /// Puts a text that stands nowhere before all others.
    pub fn prepend_synthetic(&mut self, text: &str) {
        let place = self.origins.first().copied().unwrap_or(Origin { file: 0, offset: 0 });
        self.text.insert_str(0, text);
        self.origins.splice(0..0, std::iter::repeat_n(place, text.len()));
    }

    /// Replaces ranges of bytes, given in their order and apart from each other; a new text gets the place of the old.
    pub fn replace_all(&mut self, ranges: &[Range<usize>], with: impl Fn(&Range<usize>) -> String) {
        let mut out = Self { files: std::mem::take(&mut self.files), ..Self::default() };
        let mut from = 0;
        for range in ranges {
            out.copy(self, from..range.start);
            let place = self.origins.get(range.start).or(self.origins.last()).copied();
            out.text.push_str(&with(range));
            out.origins.resize(out.text.len(), place.unwrap_or(Origin { file: 0, offset: 0 }));
            from = range.end;
        }
        out.copy(self, from..self.text.len());
        *self = out;
    }

    fn copy(&mut self, from: &Self, range: Range<usize>) {
        self.text.push_str(from.text.get(range.clone()).unwrap_or_default());
        self.origins.extend_from_slice(from.origins.get(range).unwrap_or_default());
    }

    /// Where a range of bytes stands.
    pub fn spot(&self, at: usize, length: usize) -> Spot {
        let origin = self.origins.get(at).or(self.origins.last());
        let file = origin.and_then(|origin| self.files.get(origin.file as usize));
        let (Some(origin), Some(file)) = (origin, file) else {
            return Spot { source: "".into(), start: Position::default(), length: 1 };
        };
        let end = self
            .origins
            .get(at + length.max(1) - 1)
            .filter(|end| end.file == origin.file && end.offset >= origin.offset);
        let length = end.map_or(1, |end| end.offset - origin.offset + 1);
        Spot { source: file.name.clone(), start: file.position(origin.offset), length }
    }
}
