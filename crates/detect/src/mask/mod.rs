//! Secrets in command lines and environments: masked on the node, before anything leaves it (contract §2).
//!
//! A secret becomes `<masked:CLASS:HASH>`: the class of its length and a salted hash, so that equal secrets stay
//! comparable within one salt. What is recognised: values of telling names ([`names`]), options of single programs
//! ([`options`], also within scripts that are one argument), and what has a form of its own ([`forms`]). What it is not: a
//! promise; a secret as a plain argument of an unknown program looks like any other word.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use forms::Forms;
use names::Names;
use options::{Holds, Walk, Word};
use script::Piece;

mod forms;
mod names;
mod options;
mod script;
#[cfg(test)]
mod tests;

/// Scripts within scripts (`sudo bash -c "su -c '…'"`); deeper ones are read as words.
const MAX_DEPTH: usize = 4;

/// Masks secrets with one salt.
#[derive(Debug)]
pub struct Masker {
    salt: [u8; 16],
    names: Names,
    forms: Forms,
}

impl Masker {
    /// A masker. `names` are parts of names whose values are secrets, beside those that it knows.
    pub fn new(salt: [u8; 16], names: &[String]) -> Self {
        Self { salt, names: Names::new(names), forms: Forms::new() }
    }

    /// Masks an argument vector in place. Gives how many arguments changed.
    pub fn args(&self, args: &mut [String]) -> usize {
        let mut changed = 0;
        let mut walk = Walk::default();
        let mut runs_script = false;
        for arg in args {
            let masked = self.arg(arg, &mut walk, runs_script);
            runs_script = arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('c');
            if let Some(masked) = masked.filter(|masked| masked != arg) {
                *arg = masked;
                changed += 1;
            }
        }
        changed
    }

    /// Masks an environment (`NAME=value`) in place. Gives how many entries changed.
    pub fn env(&self, env: &mut [String]) -> usize {
        let mut changed = 0;
        for entry in env {
            let masked = self.assignment(entry).or_else(|| self.forms(entry));
            if let Some(masked) = masked.filter(|masked| masked != entry) {
                *entry = masked;
                changed += 1;
            }
        }
        changed
    }

    /// Masks what is recognised in a text: a script, a list of settings, a sentence.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.script(text, 0).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    fn arg(&self, arg: &str, walk: &mut Walk, runs_script: bool) -> Option<String> {
        if let Some(masked) = self.word(arg, walk) {
            return Some(masked);
        }
        if !arg.contains(char::is_whitespace) {
            return self.assignment(arg).or_else(|| self.forms(arg));
        }
        let whole = if runs_script { None } else { self.assignment(arg) };
        whole.or_else(|| self.script(arg, 0))
    }

    /// The word with its secret masked, where its place among the others says that it is one.
    fn word(&self, word: &str, walk: &mut Walk) -> Option<String> {
        let Word::Secret { keep, value, holds } = walk.word(word, |name| self.names.is_secret(name)) else {
            return None;
        };
        let before = match holds {
            Holds::All | Holds::Likely => 0,
            Holds::After(c) => value.find(c)? + c.len_utf8(),
        };
        Some(format!("{}{}", &word[..keep + before], self.mask(&value[before..])))
    }

    /// `NAME=…` or `--name=…` as a whole: whatever follows is the value.
    fn assignment(&self, text: &str) -> Option<String> {
        let (name, value) = text.split_once('=')?;
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if value.is_empty() || !is_name(name) || !self.names.is_secret(name) {
            return None;
        }
        // References, paths and switches are told apart there.
        let masked = self.assigned(&format!("{name}='{}'", value.replace('\'', "")));
        masked.map(|_| format!("{name}={}", self.mask(value)))
    }

    fn assigned(&self, text: &str) -> Option<String> {
        self.forms.assigned(text, |name| self.names.is_secret(name), |secret| self.mask(secret))
    }

    fn forms(&self, text: &str) -> Option<String> {
        let replaced = self.forms.replace(text, |secret| self.mask(secret));
        let assigned = self.assigned(replaced.as_deref().unwrap_or(text));
        assigned.or(replaced)
    }

    /// Masks a script: by its words first, then by what shows anywhere.
    fn script(&self, text: &str, depth: usize) -> Option<String> {
        let words = self.words(text, depth);
        let masked = self.forms(words.as_deref().unwrap_or(text));
        masked.or(words)
    }

    fn words(&self, text: &str, depth: usize) -> Option<String> {
        if depth >= MAX_DEPTH || !text.contains(char::is_whitespace) {
            return None;
        }
        let mut out: Vec<Cow<'_, str>> = Vec::new();
        let (mut walk, mut said, mut piped) = (Walk::default(), Vec::new(), Vec::new());
        let (mut says, mut filters) = (None, false);
        for piece in script::pieces(text) {
            let Piece::Word(word) = piece else {
                if let Piece::End(end) = piece {
                    self.read_from(&walk, &piped, &mut out);
                    // What was said goes to the next command.
                    piped = match end {
                        "|" if !said.is_empty() => std::mem::take(&mut said),
                        "|" if filters => piped,
                        _ => Vec::new(),
                    };
                    (walk, says) = (Walk::default(), None);
                    said.clear();
                    filters = false;
                }
                out.push(Cow::Borrowed(piece.text()));
                continue;
            };
            let (inner, quote) = script::unquoted(word);
            filters |= says.is_none() && matches!(inner, "base64" | "tr" | "cat" | "head" | "tee");
            if *says.get_or_insert(matches!(inner, "echo" | "printf")) && !word.starts_with(['-', '>']) {
                said.push(out.len());
            }
            if let Some(here) = word.strip_prefix("<<<") {
                piped.push(out.len() + usize::from(here.is_empty()) * 2);
            }
            let masked = self.word(inner, &mut walk).or_else(|| self.words(inner, depth + 1));
            out.push(masked.map_or(Cow::Borrowed(word), |masked| {
                Cow::Owned(format!("{}{masked}{}", &word[..quote], &word[word.len() - quote..]))
            }));
        }
        self.read_from(&walk, &piped, &mut out);
        out.iter().any(|piece| matches!(piece, Cow::Owned(_))).then(|| out.concat())
    }

    /// Masks what a command that reads a secret is given to read: the words of `echo` before it.
    fn read_from(&self, walk: &Walk, places: &[usize], out: &mut [Cow<'_, str>]) {
        for place in places.iter().filter(|_| walk.reads_secret) {
            let Some(word) = out.get_mut(*place) else { continue };
            let bare = word.strip_prefix("<<<").unwrap_or(word);
            let (inner, quote) = script::unquoted(bare);
            let is_word = matches!(inner, "echo" | "printf") || inner.starts_with('$') || inner.is_empty();
            if !is_word {
                let (start, end) = (word.len() - bare.len() + quote, word.len() - quote);
                *word = Cow::Owned(format!("{}{}{}", &word[..start], self.mask(inner), &word[end..]));
            }
        }
    }

    /// The mask of a secret; a mask stays what it is.
    fn mask(&self, secret: &str) -> String {
        if secret.starts_with("<masked:") || secret.is_empty() {
            return secret.to_owned();
        }
        let class = match secret.len() {
            0..8 => "short",
            8..24 => "medium",
            24..64 => "long",
            _ => "huge",
        };
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(secret);
        format!("<masked:{class}:{}>", hex::encode(&hash.finalize()[..4]))
    }
}
