//! Regular expressions of rules: RE2's POSIX syntax → what the `regex` crate reads.
//!
//! Falco compiles patterns with RE2's POSIX options (<https://github.com/google/re2/wiki/Syntax>): a pattern matches the
//! whole text, `.` is no line end, `^` and `$` are the ends of lines. The two engines agree on nearly all of the syntax;
//! [`translate`] writes out what they read differently. Perl's classes (`\d`), which Falco refuses, are let through.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled pattern; a larger one is refused. Patterns of rules stay below 100 kB.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Compiles a pattern that must match whole texts; the error says what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let whole = format!(r"\A(?:{})\z", translate(pattern));
    RegexBuilder::new(&whole).size_limit(MAX_REGEX_BYTES).multi_line(true).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("the pattern needs more than {limit} bytes"),
        // The text before the last line shows the pattern as it was translated.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("the pattern is broken: {}", last.strip_prefix("error: ").unwrap_or(last))
        }
    })
}

/// The same pattern in the syntax of the `regex` crate.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                // The ends of words in one, plain characters in the other.
                Some(plain @ ('<' | '>')) => out.push(plain),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' => class(&mut chars, &mut out),
            '{' if !is_repetition(chars.clone()) => out.push_str(r"\{"),
            '+' | '*' | '?' | '}' => {
                out.push(c);
                // No lazy repetitions in POSIX: a `?` makes optional what is before it.
                if chars.next_if_eq(&'?').is_some() {
                    out.push_str("{0,1}");
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// Whether what is behind a `{` makes it a repetition: `3}`, `3,}` or `3,5}`. Else it is a plain character.
fn is_repetition(mut rest: Peekable<Chars<'_>>) -> bool {
    let mut digits = 0;
    while rest.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    if rest.next_if_eq(&',').is_some() {
        while rest.next_if(char::is_ascii_digit).is_some() {}
    }
    digits > 0 && rest.next() == Some('}')
}

/// A class: in POSIX only `]`, `^` at the start, ranges and `[:names:]` mean something; `[`, `&&`, `--` and `~~` are
/// plain characters.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    let mut range = false;
    while let Some(c) = chars.next() {
        let was_range = std::mem::take(&mut range);
        match c {
            ']' if !first => return out.push(']'),
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for named in chars.by_ref() {
                    out.push(named);
                    if named == ']' {
                        break;
                    }
                }
            }
            '[' | ']' | '&' | '~' => out.extend(['\\', c]),
            '-' if first || was_range => out.push_str(r"\-"),
            '-' => {
                range = true;
                out.push('-');
            }
            '\\' => match chars.next() {
                Some(plain @ ('<' | '>')) => out.push(plain),
                other => out.extend(std::iter::once('\\').chain(other)),
            },
            other => out.push(other),
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_falco() {
        let cases = [
            ("abc", "abc", true),
            ("abc", "xabc", false),
            ("ab|cd", "abx", false),
            ("^abc$", "abc", true),
            ("a.c", "a\nc", false),
            ("a[^x]c", "a\nc", true),
            ("one$\n^two", "one\ntwo", true),
            (r"\$\{jndi:.*", "${jndi:ldap", true),
            ("[$]{jndi:.*}", "${jndi:ldap}", true),
            ("a{2}", "aa", true),
            ("a{2,}", "aaaa", true),
            ("a{,2}", "a{,2}", true),
            (r"\<b\>", "<b>", true),
            ("[][]", "[", true),
            ("[^][]", "]", false),
            ("[[a]", "[", true),
            ("[a&&b]", "&", true),
            ("[a--]", "-", false),
            ("[+--]", ",", true),
            ("[--/]", ".", true),
            ("[a~~b]", "~", true),
            ("[[:digit:]]+", "42", true),
            ("[[:alpha:]_-]+", "a_-", true),
            (r"[\]a]", "]", true),
            ("ab+?", "a", true),
            ("ab*?", "abb", true),
            ("a{2}?b", "b", true),
            ("a{2}?b", "ab", false),
            ("a{1,2}?", "aa", true),
            ("a??", "a", true),
            (r"[\<\>]", "<", true),
            ("}", "}", true),
            ("é.", "éx", true),
        ];
        for (pattern, text, expected) in cases {
            match compile(pattern) {
                Ok(regex) => assert_eq!(regex.is_match(text), expected, "{pattern} {text:?}"),
                // A range from `a` back to `-`.
                Err(error) => assert_eq!((pattern, expected), ("[a--]", false), "{error}"),
            }
        }
    }

    #[test]
    fn broken_and_big_patterns_are_refused() {
        for pattern in ["(", "a{2", "[", "(a{1000}){1000}", "(?=x)", "*a", r"\1"] {
            assert_eq!(compile(pattern).is_err(), pattern != "a{2", "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn plain_texts_match_themselves(text in "[a-z0-9 /:=,<>&~{}-]{0,30}") {
            let escaped: String = text.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['[', c, ']'] }).collect();
            proptest::prop_assert!(compile(&escaped).unwrap().is_match(&text), "{}", escaped);
        }
    }
}
