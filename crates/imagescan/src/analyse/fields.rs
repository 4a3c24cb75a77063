//! Paragraphs of `Field: value` lines: Debian control files (deb822(5)) and Python core metadata share this form.

/// A field: its name as written and its value's first line, without surrounding spaces; and where its line starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a str,
    pub value: &'a str,
}

/// The fields of a paragraph. Continuation lines and lines without a colon are passed over.
pub fn fields(paragraph: &str) -> impl Iterator<Item = Field<'_>> {
    paragraph.lines().filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some(Field { name: name.trim_end(), value: value.trim() })
    })
}

/// The paragraphs of a text, with the line number (from 1) and byte offset of each.
pub fn paragraphs(text: &str) -> impl Iterator<Item = (u32, usize, &str)> {
    let mut rest = text;
    let (mut line, mut offset) = (1_u32, 0_usize);
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let length = paragraph_length(rest);
            let (paragraph, after) = rest.split_at(length);
            let place = (line, offset);
            // Pass over the blank line that ended it.
            let blank = after.find('\n').map_or(after.len(), |end| end + 1);
            line = line.saturating_add(u32::try_from(paragraph.matches('\n').count()).unwrap_or(u32::MAX));
            line = line.saturating_add(u32::from(blank > 0));
            offset += length + blank;
            rest = &after[blank..];
            if !paragraph.is_empty() {
                return Some((place.0, place.1, paragraph));
            }
        }
    })
}

/// Length of the lines before the first blank one.
fn paragraph_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        length += line.len();
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_paragraphs_and_fields() {
        let text = "A: 1\nB:2\n more\n\n\nA : 3\r\n\r\nA: 4";
        let found: Vec<_> = paragraphs(text).map(|(line, offset, _)| (line, offset)).collect();
        assert_eq!(found, [(1, 0), (6, 17), (8, 26)]);
        let values: Vec<_> = paragraphs(text).flat_map(|(.., p)| fields(p)).map(|f| (f.name, f.value)).collect();
        assert_eq!(values, [("A", "1"), ("B", "2"), ("A", "3"), ("A", "4")]);
    }
}
