//! Text → tree. Recursive descent; what may follow what is Falco's grammar, quirks included.

use super::lexer::Cursor;
use super::{Arg, Check, Expr, Field, MAX_DEPTH, Modifier, Op, Operand, Right, Spot};

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Byte offset in the text.
    pub at: usize,
}

/// Reads a condition. `spot` gives the place in the rule file of a range of the text.
pub fn parse(text: &str, spot: &dyn Fn(usize, usize) -> Spot) -> Result<Expr, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text), spot, depth: 0 };
    parser.cursor.blanks();
    if parser.cursor.rest().is_empty() {
        return parser.refuse("the condition is empty");
    }
    let expr = parser.or()?;
    parser.cursor.blanks();
    if !parser.cursor.rest().is_empty() {
        return parser.refuse("expected `and`, `or` or the end");
    }
    Ok(expr)
}

/// Reads a field or transformer at the start of a text, as outputs contain them. Gives how many bytes it took.
pub fn operand(text: &str, spot: &dyn Fn(usize, usize) -> Spot) -> Result<(Operand, usize), ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text), spot, depth: 0 };
    let found = parser.operand()?;
    match found {
        Some(operand) => Ok((operand, parser.cursor.at())),
        None => parser.refuse("expected a field or a transformer"),
    }
}

const TRANSFORMERS: [&str; 8] = ["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt"];

/// Operators of texts; a word needs a blank behind it, a sign does not. Longer ones first.
const TEXT_OPS: [(&str, Op); 12] = [
    ("==", Op::Eq),
    ("=", Op::Eq),
    ("!=", Op::Ne),
    ("glob", Op::Glob),
    ("iglob", Op::IGlob),
    ("contains", Op::Contains),
    ("icontains", Op::IContains),
    ("bcontains", Op::BContains),
    ("startswith", Op::StartsWith),
    ("bstartswith", Op::BStartsWith),
    ("endswith", Op::EndsWith),
    ("regex", Op::Regex),
];

struct Parser<'a> {
    cursor: Cursor<'a>,
    spot: &'a dyn Fn(usize, usize) -> Spot,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl Parser<'_> {
    fn refuse<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ParseError { message: message.into(), at: self.cursor.at() })
    }

    fn spot_from(&self, start: usize) -> Spot {
        (self.spot)(start, self.cursor.at().saturating_sub(start).max(1))
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.refuse(format!("more than {MAX_DEPTH} levels of parentheses"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.chain("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain("and", Self::not, Expr::And)
    }

    fn chain(&mut self, word: &str, part: fn(&mut Self) -> Parsed<Expr>, join: fn(Vec<Expr>) -> Expr) -> Parsed<Expr> {
        self.cursor.blanks();
        let first = part(self)?;
        let mut parts = vec![first];
        self.cursor.blanks();
        while self.cursor.word(word) {
            if self.cursor.blanks() {
                parts.push(part(self)?);
            } else if self.cursor.word("(") {
                parts.push(self.parenthesised()?);
            } else {
                return self.refuse(format!("expected a blank or `(` after `{word}`"));
            }
            self.cursor.blanks();
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) })
    }

    fn not(&mut self) -> Parsed<Expr> {
        let mut negated = false;
        self.cursor.blanks();
        while self.cursor.word_and_blank("not") {
            negated = !negated;
        }
        let inner = if self.cursor.word("not(") {
            negated = !negated;
            self.parenthesised()?
        } else {
            self.primary()?
        };
        Ok(if negated { Expr::Not(Box::new(inner)) } else { inner })
    }

    fn parenthesised(&mut self) -> Parsed<Expr> {
        let inner = self.deeper(Self::or)?;
        self.cursor.blanks();
        if self.cursor.word(")") { Ok(inner) } else { self.refuse("expected `)`") }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        self.cursor.blanks();
        if self.cursor.word("(") {
            return self.parenthesised();
        }
        let start = self.cursor.at();
        if let Some(left) = self.operand()? {
            return self.comparison(left, start);
        }
        match self.cursor.identifier() {
            Some(name) => Ok(Expr::Macro(name.to_owned(), self.spot_from(start))),
            None => self.refuse("expected `(`, a field or the name of a macro"),
        }
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let start = self.cursor.at();
        if let Some(name) = self.cursor.field_name() {
            let name = name.to_owned();
            return self.field(name, start).map(|field| Some(Operand::Field(field)));
        }
        match self.transformer_name() {
            Some(name) => self.deeper(|parser| parser.transformer(name, start)).map(Some),
            None => Ok(None),
        }
    }

    fn field(&mut self, name: String, start: usize) -> Parsed<Field> {
        let arg = self.brackets()?;
        Ok(Field { name, arg, spot: self.spot_from(start) })
    }

    fn brackets(&mut self) -> Parsed<Option<String>> {
        if !self.cursor.word("[") {
            return Ok(None);
        }
        let quoted = self.quoted()?;
        let Some(arg) = quoted.or_else(|| self.cursor.bare_argument().map(str::to_owned)) else {
            return self.refuse("expected an argument of the field, bare or in quotes");
        };
        if self.cursor.word("]") { Ok(Some(arg)) } else { self.refuse("expected `]`") }
    }

    fn quoted(&mut self) -> Parsed<Option<String>> {
        let at = self.cursor.at();
        self.cursor.quoted().map_err(|message| ParseError { message, at })
    }

    fn transformer_name(&mut self) -> Option<&'static str> {
        let before = self.cursor.at();
        for name in TRANSFORMERS {
            if self.cursor.word(name) && self.cursor.word("(") {
                return Some(name);
            }
            self.cursor.back_to(before);
        }
        None
    }

    fn transformer(&mut self, name: &str, start: usize) -> Parsed<Operand> {
        let mut args = Vec::new();
        loop {
            self.cursor.blanks();
            args.push(self.argument()?);
            self.cursor.blanks();
            if !self.cursor.word(",") {
                break;
            }
        }
        if !self.cursor.word(")") {
            return self.refuse(format!("expected `)` behind the arguments of `{name}`"));
        }
        let selector = self.brackets()?;
        Ok(Operand::Transform { name: name.to_owned(), args, selector, spot: self.spot_from(start) })
    }

    fn argument(&mut self) -> Parsed<Arg> {
        if let Some(number) = self.cursor.number() {
            return Ok(Arg::Text(number.to_owned()));
        }
        if let Some(text) = self.quoted()? {
            return Ok(Arg::Text(text));
        }
        if self.cursor.word("(") {
            return self.deeper(Self::argument_list);
        }
        match self.operand()? {
            Some(operand) => Ok(Arg::Operand(operand)),
            None => self.refuse("expected a field, a transformer, a number, a text in quotes or a list"),
        }
    }

    fn argument_list(&mut self) -> Parsed<Arg> {
        let mut items = Vec::new();
        self.cursor.blanks();
        if self.cursor.word(")") {
            return Ok(Arg::List(items));
        }
        loop {
            self.cursor.blanks();
            if self.cursor.rest().starts_with('(') {
                return self.refuse("a list in a list has no meaning");
            }
            items.push(self.argument()?);
            self.cursor.blanks();
            if !self.cursor.word(",") {
                break;
            }
        }
        if self.cursor.word(")") { Ok(Arg::List(items)) } else { self.refuse("expected `)`") }
    }

    fn comparison(&mut self, left: Operand, start: usize) -> Parsed<Expr> {
        self.cursor.blanks();
        let (op, modifier, right) = self.operator_and_right()?;
        let spot = self.spot_from(start);
        Ok(Expr::Check(Box::new(Check { left, op, modifier, right, spot })))
    }

    fn operator_and_right(&mut self) -> Parsed<(Op, Option<Modifier>, Right)> {
        if self.cursor.word("exists") {
            return Ok((Op::Exists, None, Right::None));
        }
        for (sign, op) in [("<=", Op::Le), ("<", Op::Lt), (">=", Op::Ge), (">", Op::Gt)] {
            if self.cursor.word(sign) {
                return Ok((op, None, self.number_value()?));
            }
        }
        for (word, op) in TEXT_OPS {
            let is_word = word.as_bytes()[0].is_ascii_alphabetic();
            let found = if is_word { self.cursor.word_and_blank(word) } else { self.cursor.word(word) };
            if found {
                return self.text_value(op, is_word);
            }
        }
        for (word, op) in [("intersects", Op::Intersects), ("in", Op::In), ("pmatch", Op::PMatch)] {
            if self.cursor.word(word) {
                return Ok((op, None, self.list_value()?));
            }
        }
        self.refuse("expected an operator such as `=`, `in`, `contains`, `startswith`, `exists`")
    }

    fn number_value(&mut self) -> Parsed<Right> {
        self.cursor.blanks();
        if let Some(operand) = self.right_operand()? {
            return Ok(Right::Operand(operand));
        }
        match self.cursor.number() {
            Some(number) => Ok(Right::Value(number.to_owned())),
            None => self.refuse("expected a number"),
        }
    }

    fn text_value(&mut self, op: Op, blank_read: bool) -> Parsed<(Op, Option<Modifier>, Right)> {
        let blank = self.cursor.blanks() || blank_read;
        let before = self.cursor.at();
        if blank && let Some(modifier) = self.modifier() {
            return Ok((op, Some(modifier), self.list_value()?));
        }
        self.cursor.back_to(before);
        if let Some(operand) = self.right_operand()? {
            return Ok((op, None, Right::Operand(operand)));
        }
        match self.literal()? {
            Some(text) => Ok((op, None, Right::Value(text))),
            None => self.refuse("expected a value"),
        }
    }

    /// A modifier counts only where a list follows: `proc.name = oneof and …` compares with the text `oneof`.
    fn modifier(&mut self) -> Option<Modifier> {
        let all = [Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf];
        let found = all.into_iter().find(|modifier| self.cursor.word_and_blank(modifier.as_str()))?;
        let mut ahead = self.cursor.clone();
        let follows = ahead.rest().starts_with('(')
            || ahead.identifier().is_some_and(|word| !matches!(word, "and" | "or" | "not"));
        follows.then_some(found)
    }

    fn literal(&mut self) -> Parsed<Option<String>> {
        let quoted = self.quoted()?;
        Ok(quoted.or_else(|| self.cursor.bare_text().map(str::to_owned)))
    }

    fn list_value(&mut self) -> Parsed<Right> {
        self.cursor.blanks();
        if self.cursor.word("(") {
            return self.literals().map(Right::List);
        }
        if let Some(operand) = self.right_operand()? {
            return Ok(Right::Operand(operand));
        }
        match self.cursor.identifier() {
            Some(name) => Ok(Right::List(vec![name.to_owned()])),
            None => self.refuse("expected a list in parentheses"),
        }
    }

    fn literals(&mut self) -> Parsed<Vec<String>> {
        let mut values = Vec::new();
        self.cursor.blanks();
        if let Some(first) = self.literal()? {
            values.push(first);
            self.cursor.blanks();
            while self.cursor.word(",") {
                self.cursor.blanks();
                match self.literal()? {
                    Some(value) => values.push(value),
                    None => return self.refuse("expected a value behind `,`"),
                }
                self.cursor.blanks();
            }
        }
        if self.cursor.word(")") { Ok(values) } else { self.refuse("expected `,` or `)`") }
    }

    fn right_operand(&mut self) -> Parsed<Option<Operand>> {
        if self.cursor.word("val(") {
            self.cursor.blanks();
            let start = self.cursor.at();
            let Some(name) = self.cursor.field_name().map(str::to_owned) else {
                return self.refuse("expected a field in `val(…)`");
            };
            let field = self.field(name, start)?;
            self.cursor.blanks();
            return if self.cursor.word(")") {
                Ok(Some(Operand::Field(field)))
            } else {
                self.refuse("expected `)` behind the field of `val(…)`")
            };
        }
        let start = self.cursor.at();
        match self.transformer_name() {
            Some(name) => self.deeper(|parser| parser.transformer(name, start)).map(Some),
            None => Ok(None),
        }
    }
}
