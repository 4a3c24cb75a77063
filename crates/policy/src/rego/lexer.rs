//! Tokens of Rego with their places: just enough to rewrite source text without a parser.
//!
//! Lexical rules: the grammar in OPA's policy reference.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Name or keyword.
    Name,
    /// Number.
    Number,
    /// String, quoted or raw.
    Text,
    /// Anything else: one character, or one of `:=`, `==`, `!=`, `<=`, `>=`.
    Sign,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Byte offset.
    pub start: usize,
    /// Line, from 1.
    pub line: u32,
    /// Whether it is the first of its line.
    pub first: bool,
}

impl Token<'_> {
    /// Byte offset of what follows.
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// The tokens of a text; comments and blanks are left out. Any text has tokens: errors are the parser's to find.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line, mut first) = (0, 1_u32, true);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => {
                line += 1;
                first = true;
                at += 1;
            }
            b'#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            _ if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let (kind, length) = token(text, at);
                let token = Token { kind, text: &text[at..at + length], start: at, line, first };
                line += u32::try_from(token.text.matches('\n').count()).unwrap_or(0);
                first = false;
                at += length;
                tokens.push(token);
            }
        }
    }
    tokens
}

fn token(text: &str, at: usize) -> (Kind, usize) {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or('\0');
    let while_in = |test: fn(char) -> bool| rest.find(|c: char| !test(c)).unwrap_or(rest.len());
    match first {
        '"' => (Kind::Text, quoted(rest)),
        '`' => (Kind::Text, rest[1..].find('`').map_or(rest.len(), |end| end + 2)),
        _ if first == '_' || first.is_alphabetic() => (Kind::Name, while_in(|c| c == '_' || c.is_alphanumeric())),
        _ if first.is_ascii_digit() => (Kind::Number, while_in(|c| c == '.' || c.is_ascii_alphanumeric())),
        _ => {
            let two = [":=", "==", "!=", "<=", ">="].into_iter().find(|sign| rest.starts_with(sign));
            (Kind::Sign, two.map_or(first.len_utf8(), str::len))
        }
    }
}

/// Length of a quoted string; to the end of its line when it is not closed.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return index,
            '"' if !escaped => return index + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}
