//! The tokens of conditions. Which token may stand where depends on the place, so the parser asks for them one by one.

/// A position in a text of a condition.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a text.
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte offset.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Goes back to an offset that [`Cursor::at`] gave.
    pub const fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips blanks; whether there were any.
    pub fn blanks(&mut self) -> bool {
        let before = self.at;
        self.take_while(|c| matches!(c, ' ' | '\t' | '\x08' | '\r' | '\n'));
        self.at > before
    }

    /// Reads exactly this text.
    pub fn word(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Reads a word that must be followed by a blank, which is read too.
    pub fn word_and_blank(&mut self, word: &str) -> bool {
        let before = self.at;
        if self.word(word) && self.blanks() {
            return true;
        }
        self.at = before;
        false
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A name: a letter, then letters, digits, underscores.
    pub fn identifier(&mut self) -> Option<&'a str> {
        let length = identifier_length(self.rest());
        self.advance(length)
    }

    /// A field's name: identifiers joined by dots, at least two.
    pub fn field_name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let mut length = identifier_length(rest);
        let mut parts = usize::from(length > 0);
        while length > 0 && rest.as_bytes().get(length) == Some(&b'.') {
            let more = identifier_length(rest.get(length + 1..).unwrap_or_default());
            if more == 0 {
                break;
            }
            length += 1 + more;
            parts += 1;
        }
        if parts < 2 { None } else { self.advance(length) }
    }

    fn advance(&mut self, length: usize) -> Option<&'a str> {
        let found = self.rest().get(..length).filter(|text| !text.is_empty());
        self.at += found.map_or(0, str::len);
        found
    }

    /// A bare argument in brackets.
    pub fn bare_argument(&mut self) -> Option<&'a str> {
        Some(self.take_while(|c| !c.is_whitespace() && !"[]\"'".contains(c))).filter(|text| !text.is_empty())
    }

    /// A bare string.
    pub fn bare_text(&mut self) -> Option<&'a str> {
        Some(self.take_while(|c| !c.is_ascii_whitespace() && !"()\"'=,".contains(c))).filter(|text| !text.is_empty())
    }

    /// A number, decimal or hexadecimal.
    pub fn number(&mut self) -> Option<&'a str> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize, hex: bool| {
            bytes.iter().skip(from).take_while(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() }).count()
        };
        if bytes.len() > 2 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X') && digits(2, true) > 0 {
            return self.advance(2 + digits(2, true));
        }
        let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
        let whole = digits(sign, false);
        if whole == 0 {
            return None;
        }
        let mut length = sign + whole;
        if bytes.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1, false);
        }
        let signed = matches!(bytes.get(length + 1), Some(b'+' | b'-'));
        if matches!(bytes.get(length), Some(b'e' | b'E')) && signed && digits(length + 2, false) > 0 {
            length += 2 + digits(length + 2, false);
        }
        self.advance(length)
    }

    /// A text in quotes; `Ok(None)` when none starts here or it does not end. It ends at the first quote that has no
    /// backslash before it, even when that backslash is escaped itself: Falco's reader looks one character back.
    pub fn quoted(&mut self) -> Result<Option<String>, String> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        let mut before = '\\';
        let end = rest.char_indices().find(|(_, c)| {
            let ends = *c == quote && before != '\\';
            before = *c;
            ends
        });
        let Some((end, _)) = end else { return Ok(None) };
        let text = unescape(rest.get(1..end).unwrap_or_default(), quote)?;
        self.at += end + 1;
        Ok(Some(text))
    }
}

/// Escapes are bytes: `\xc3\xa9` is one letter. What is no UTF-8 in the end is replaced, as it is in events.
fn unescape(text: &str, quote: char) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let mut plain = c;
        if c == '\\' {
            // The quote that ends a text has no backslash before it, so something follows.
            let escaped = chars.next().unwrap_or('\\');
            if escaped == 'x' {
                let mut digit = || chars.next().and_then(|c| c.to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit(), digit());
                match high.zip(low) {
                    Some((0, 0)) => return Err("a value cannot contain the character NUL".to_owned()),
                    Some((high, low)) => bytes.push(high << 4 | low),
                    None => return Err("two hexadecimal digits follow `\\x`".to_owned()),
                }
                continue;
            }
            plain = simple_escape(escaped, quote).ok_or_else(|| format!("`\\{escaped}` is no escape here"))?;
        }
        bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn simple_escape(c: char, quote: char) -> Option<char> {
    Some(match c {
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        // An escaped blank is a backslash: old rule files rely on it.
        '\\' | ' ' => '\\',
        '/' => '/',
        c if c == quote => c,
        _ => return None,
    })
}

fn identifier_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}
