//! Source text rewritten so that the interpreter reads it as OPA does.
//!
//! 1. A line that starts with `(` begins a new expression; the interpreter would call the end of the line before.
//! 2. `r[x] { a } { b }` is two rules; the interpreter refuses the second body.
//! 3. A function without a body (`f("")`) is true.
//! 4. `not f(x.y)` and `not x.y > 1` are undefined when `x.y` is: OPA evaluates operands before it negates. The
//!    interpreter takes the undefined expression for false, so operands are given names before the negation.
//!
//! Line numbers stay what they were (but for a second body on the line where the first one ends). The same pass finds references to `data`.

use super::lexer::{Kind, Token, tokens};

/// Version of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Before OPA 1.0: bodies without `if`.
    V0,
    /// Since OPA 1.0.
    V1,
}

/// A reference to `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The first name below it; `None` when it is computed, or `data` stands alone.
    pub root: Option<String>,
    pub line: u32,
}

/// Rewritten text.
pub(super) struct Normal {
    pub text: String,
    pub data: Vec<Reference>,
}

pub(super) fn normalise(text: &str, dialect: Dialect) -> Normal {
    let tokens = tokens(text);
    let data = references(&tokens);
    let mut edits = Vec::new();
    separate_lines(&tokens, &mut edits);
    if dialect == Dialect::V0 {
        split_bodies(text, &tokens, &mut edits);
    }
    complete_facts(&tokens, &mut edits);
    name_negated_arguments(text, &tokens, &mut edits);
    Normal { text: apply(text, edits), data }
}

/// Insertion and removal at a byte offset.
struct Edit {
    at: usize,
    remove: usize,
    insert: String,
}

impl Edit {
    fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { at, remove: 0, insert: text.into() }
    }
}

fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    // Stable: insertions at one place stay in the order in which they were found.
    edits.sort_by_key(|edit| edit.at);
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in edits {
        // An edit inside what another one removed has nothing left to change.
        if edit.at < at {
            continue;
        }
        out.push_str(&text[at..edit.at]);
        out.push_str(&edit.insert);
        at = edit.at + edit.remove;
    }
    out.push_str(&text[at..]);
    out
}

fn references(tokens: &[Token<'_>]) -> Vec<Reference> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &tokens[index]);
        let after = |offset: usize| tokens.get(index + offset);
        // `x.data`, `{data: …}` and local names are not the document.
        let member = before.is_some_and(|token| token.is(".") || token.is("some"));
        let key = after(1).is_some_and(|token| token.is(":") || token.is(":="));
        if !token.is("data") || token.kind != Kind::Name || member || key {
            continue;
        }
        let root = match (after(1), after(2)) {
            (Some(dot), Some(name)) if dot.is(".") && name.kind == Kind::Name => Some(name.text.to_owned()),
            (Some(open), Some(name)) if open.is("[") && name.kind == Kind::Text => {
                Some(name.text.trim_matches(['"', '`']).to_owned())
            }
            _ => None,
        };
        found.push(Reference { root, line: token.line });
    }
    found
}

/// Whether a token can end an operand, so that `(` after it would be a call.
fn ends_operand(token: &Token<'_>) -> bool {
    const KEYWORDS: [&str; 10] = ["not", "some", "every", "in", "with", "as", "if", "else", "contains", "import"];
    match token.kind {
        Kind::Name => !KEYWORDS.contains(&token.text),
        Kind::Number | Kind::Text => true,
        Kind::Sign => matches!(token.text, "]" | "}" | ")"),
    }
}

fn separate_lines(tokens: &[Token<'_>], edits: &mut Vec<Edit>) {
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &tokens[index]);
        if let Some(before) = before
            && token.is("(")
            && token.first
            && open.last() == Some(&"{")
            && ends_operand(before)
        {
            edits.push(Edit::insert(before.end(), ";"));
        }
        track(&mut open, token);
    }
}

fn track<'a>(open: &mut Vec<&'a str>, token: &Token<'a>) {
    if token.kind != Kind::Sign {
        return;
    }
    match token.text {
        "{" | "[" | "(" => open.push(token.text),
        "}" | "]" | ")" => {
            open.pop();
        }
        _ => {}
    }
}

/// Gives every further body of a rule the rule's head.
fn split_bodies(text: &str, tokens: &[Token<'_>], edits: &mut Vec<Edit>) {
    let mut depth = 0_usize;
    let mut head: Option<usize> = None;
    let mut head_end = 0;
    let mut in_body = false;
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &tokens[index]);
        if depth == 0 && token.first && token.kind == Kind::Name && !token.is("else") {
            head = Some(token.start);
        }
        if token.is("{") && depth == 0 {
            let after_body = before.is_some_and(|before| before.is("}")) && in_body;
            in_body = before.is_some_and(ends_operand);
            if let (true, Some(start)) = (after_body, head) {
                let copy: String = text[start..head_end].replace('\n', " ");
                let separator = if token.first { "" } else { "\n" };
                edits.push(Edit::insert(token.start, format!("{separator}{copy} ")));
            } else if in_body {
                head_end = token.start;
            }
        }
        if token.kind == Kind::Sign {
            match token.text {
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// `f("x")` alone at the top of a module becomes `f("x") = true`.
fn complete_facts(tokens: &[Token<'_>], edits: &mut Vec<Edit>) {
    let mut depth = 0_usize;
    let mut start = None;
    for (index, token) in tokens.iter().enumerate() {
        if depth == 0 && token.first && token.kind == Kind::Name {
            let call = tokens.get(index + 1).is_some_and(|next| next.is("(") && next.start == token.end());
            start = call.then_some(());
        }
        match token.text {
            "{" | "[" | "(" if token.kind == Kind::Sign => depth += 1,
            "}" | "]" | ")" if token.kind == Kind::Sign => {
                depth = depth.saturating_sub(1);
                let ends =
                    tokens.get(index + 1).is_none_or(|next| next.first && next.kind == Kind::Name && !next.is("else"));
                if depth == 0 && token.is(")") && start.take().is_some() && ends {
                    edits.push(Edit::insert(token.end(), " := true"));
                }
            }
            _ => {}
        }
    }
}

/// Names what OPA evaluates before it negates: operands of a negated expression that may be undefined.
fn name_negated_arguments(text: &str, tokens: &[Token<'_>], edits: &mut Vec<Edit>) {
    let mut count = 0;
    for (index, token) in tokens.iter().enumerate() {
        if !token.is("not") || token.kind != Kind::Name {
            continue;
        }
        let literal = negated(tokens, index + 1);
        let mut names = String::new();
        let mut replaced = Vec::new();
        for operand in operands(literal) {
            let (Some(first), Some(last)) = (operand.first(), operand.last()) else { continue };
            count += 1;
            let name = format!("__seawall_arg{count}");
            let value = text[first.start..last.end()].replace('\n', " ");
            names.extend([name.as_str(), " := ", &value, "; "]);
            replaced.push(Edit { at: first.start, remove: last.end() - first.start, insert: name });
        }
        if !names.is_empty() {
            edits.push(Edit::insert(token.start, names));
            edits.append(&mut replaced);
        }
    }
}

/// Signs that an expression goes on after, or before, on another line.
const CONTINUES: [&str; 13] = ["==", "!=", "<=", ">=", "<", ">", "=", ":=", "+", "-", "*", "/", ","];

/// The tokens of the expression that starts at `from`.
fn negated<'a, 't>(tokens: &'a [Token<'t>], from: usize) -> &'a [Token<'t>] {
    let mut open = Vec::new();
    let mut end = from;
    while let Some(token) = tokens.get(end) {
        let closes = open.is_empty() && [";", "}", "]", ")", "|"].iter().any(|sign| token.is(sign));
        let wraps = |token: &Token<'_>| CONTINUES.iter().any(|sign| token.is(sign));
        let ends = token.first && end > from && open.is_empty() && !wraps(token) && !wraps(&tokens[end - 1]);
        if closes || ends {
            break;
        }
        track(&mut open, token);
        end += 1;
    }
    &tokens[from..end]
}

/// What of a negated expression OPA evaluates first: the arguments of a call; both sides of a comparison, but of an
/// equation only calls; nothing of a plain reference.
fn operands<'a, 't>(literal: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let depths = depths(literal);
    let top = |index: usize, names: &[&str]| depths[index] == 0 && names.iter().any(|name| literal[index].is(name));
    let find = |names: &[&str]| (0..literal.len()).find(|index| top(*index, names));
    // What `with` changes would not hold for a name; conjunctions of other forms are left alone.
    if find(&["with", ":=", "not", "some", "every"]).is_some() {
        return Vec::new();
    }
    let comparison = find(&["==", "=", "!=", "<=", ">=", "<", ">", "in"]);
    let mut found: Vec<&[Token<'_>]> = match comparison {
        Some(at) => {
            let equation = literal[at].is("==") || literal[at].is("=");
            let sides = [&literal[..at], &literal[at + 1..]];
            sides.into_iter().filter(|side| !equation || is_computed(side)).collect()
        }
        None => call_arguments(literal),
    };
    found.retain(|operand| may_be_undefined(operand));
    found
}

/// Nesting of each token; brackets count as outside of what they hold.
fn depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut open = Vec::new();
    tokens
        .iter()
        .map(|token| {
            let before = open.len();
            track(&mut open, token);
            before.min(open.len())
        })
        .collect()
}

/// Whether an operand is a call or arithmetic, not a plain reference.
fn is_computed(operand: &[Token<'_>]) -> bool {
    operand.iter().any(|token| ["(", "+", "-", "*", "/", "%"].iter().any(|sign| token.is(sign)))
}

/// The arguments of a call, when it is the whole of an expression.
fn call_arguments<'a, 't>(literal: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let Some(open) = literal.iter().position(|token| token.is("(")) else { return Vec::new() };
    let name = literal[..open].iter().all(|token| token.kind == Kind::Name || token.is("."));
    if open == 0 || !name || !literal.last().is_some_and(|token| token.is(")")) {
        return Vec::new();
    }
    let inner = &literal[open + 1..literal.len() - 1];
    let depths = depths(inner);
    // `f(a) + g(b)` ends in a parenthesis too, but not in the one that was opened first.
    if depths.iter().zip(inner).any(|(depth, token)| *depth == 0 && token.is(")") && !is_balanced(inner)) {
        return Vec::new();
    }
    let commas = (0..inner.len()).filter(|index| depths[*index] == 0 && inner[*index].is(","));
    let mut from = 0;
    let mut arguments = Vec::new();
    for end in commas.chain([inner.len()]) {
        arguments.push(&inner[from..end]);
        from = end + 1;
    }
    arguments
}

fn is_balanced(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_i64;
    tokens.iter().all(|token| {
        depth += i64::from(token.is("(")) - i64::from(token.is(")"));
        depth >= 0
    })
}

/// Whether an operand has a reference below a name (`a.b`, `a[_].c`) or a call. Comprehensions are left alone: what
/// they range over is their own.
fn may_be_undefined(operand: &[Token<'_>]) -> bool {
    let own = operand.iter().any(|token| ["|", ":=", "not"].iter().any(|text| token.is(text)));
    let refers = |pair: &[Token<'_>]| {
        let adjacent = pair[0].end() == pair[1].start;
        pair[0].kind == Kind::Name && adjacent && matches!(pair[1].text, "." | "[" | "(")
    };
    !own && operand.windows(2).any(refers)
}
