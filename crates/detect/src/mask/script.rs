//! The words of a shell script, as far as masking needs them: where each is, how it is quoted, where commands end.
//!
//! What it is not: a shell. Expansions, here-documents and comments are words like others.

/// A piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// White space.
    Space(&'a str),
    /// An operator that ends a command.
    End(&'a str),
    /// A word with the quotes around it.
    Word(&'a str),
}

impl<'a> Piece<'a> {
    /// Its text.
    pub(super) const fn text(self) -> &'a str {
        match self {
            Self::Space(text) | Self::End(text) | Self::Word(text) => text,
        }
    }
}

/// The pieces of a script; put together they are the script.
pub(super) fn pieces<'a>(text: &'a str) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (piece, end): (fn(&'a str) -> Piece<'a>, usize) = if is_end(first) {
            (Piece::End, rest.find(|c| !is_end(c)).unwrap_or(rest.len()))
        } else if first.is_whitespace() {
            (Piece::Space, rest.find(|c: char| !c.is_whitespace() || is_end(c)).unwrap_or(rest.len()))
        } else {
            (Piece::Word, word(rest))
        };
        let (head, tail) = rest.split_at(end);
        rest = tail;
        Some(piece(head))
    })
}

const fn is_end(c: char) -> bool {
    matches!(c, ';' | '|' | '&' | '\n' | '(' | ')' | '`')
}

/// The length of the word at the beginning.
fn word(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if std::mem::take(&mut escaped) => {}
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, _) if c.is_whitespace() || is_end(c) => return at,
            _ => {}
        }
    }
    text.len()
}

/// A word without the quotes around all of it, and the length of the one in front.
pub(super) fn unquoted(word: &str) -> (&str, usize) {
    for quote in ['\'', '"'] {
        let inner = word.strip_prefix(quote).and_then(|word| word.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains(quote)) {
            return (inner, 1);
        }
    }
    (word, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_keep_their_quotes_and_commands_end() {
        let words: Vec<&str> = pieces("a 'b c'|d\"e f\"; g\\ h")
            .filter(|piece| !matches!(piece, Piece::Space(_)))
            .map(Piece::text)
            .collect();
        assert_eq!(words, ["a", "'b c'", "|", "d\"e f\"", ";", "g\\ h"]);
        assert_eq!(unquoted("'b c'"), ("b c", 1));
        assert_eq!(unquoted("d\"e f\""), ("d\"e f\"", 0));
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "[ab'\"\\\\ \t\n;|&()`ü]{0,40}") {
            prop_assert_eq!(pieces(&text).map(Piece::text).collect::<String>(), text);
        }
    }
}
