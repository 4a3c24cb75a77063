//! The tree of a condition.

use std::fmt;
use std::sync::Arc;

use model::Position;

/// A place in a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spot {
    /// Name of the file.
    pub source: Arc<str>,
    /// Where.
    pub start: Position,
    /// Length in bytes, at least 1.
    pub length: usize,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// Not.
    Not(Box<Self>),
    /// A macro's name.
    Macro(String, Spot),
    /// A check of a field.
    Check(Box<Check>),
}

/// A check: a field compared with values.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Left side.
    pub left: Operand,
    /// How it is compared.
    pub op: Op,
    /// How the values of a list count, for text operators over lists.
    pub modifier: Option<Modifier>,
    /// Right side.
    pub right: Right,
    /// Where it stands.
    pub spot: Spot,
}

/// Something that has a value for an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A field.
    Field(Field),
    /// A function of others.
    Transform {
        /// Its name, such as `tolower`.
        name: String,
        /// What it is applied to.
        args: Vec<Arg>,
        /// What stands in brackets behind it (`getopt(…)[o]`).
        selector: Option<String>,
        /// Where it stands.
        spot: Spot,
    },
}

/// A field's name with what stands in brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Argument in brackets.
    pub arg: Option<String>,
    /// Where it stands.
    pub spot: Spot,
}

/// An argument of a transformer.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// A field or another transformer.
    Operand(Operand),
    /// A literal.
    Text(String),
    /// A list in parentheses.
    List(Vec<Self>),
}

/// The right side of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum Right {
    /// None (`exists`).
    None,
    /// One literal.
    Value(String),
    /// Literals in parentheses.
    List(Vec<String>),
    /// `val(field)` or a transformer.
    Operand(Operand),
}

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the operator of that name")]
pub enum Op {
    Exists,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    IContains,
    BContains,
    StartsWith,
    BStartsWith,
    EndsWith,
    Glob,
    IGlob,
    Regex,
    In,
    Intersects,
    PMatch,
}

impl Op {
    /// Whether it compares by order.
    pub const fn is_order(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }

    /// The operator as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Contains => "contains",
            Self::IContains => "icontains",
            Self::BContains => "bcontains",
            Self::StartsWith => "startswith",
            Self::BStartsWith => "bstartswith",
            Self::EndsWith => "endswith",
            Self::Glob => "glob",
            Self::IGlob => "iglob",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::PMatch => "pmatch",
        }
    }

    /// Whether its right side is a list.
    pub const fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::PMatch)
    }
}

/// How the values of a list count (engine 0.63).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of that name")]
pub enum Modifier {
    OneOf,
    AnyOf,
    AllOf,
}

impl Modifier {
    /// The word as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneOf => "oneof",
            Self::AnyOf => "anyof",
            Self::AllOf => "allof",
        }
    }
}

impl Operand {
    /// Where it stands.
    pub const fn spot(&self) -> &Spot {
        match self {
            Self::Field(field) => &field.spot,
            Self::Transform { spot, .. } => spot,
        }
    }
}

impl Expr {
    /// Calls `visit` with every check, in the order of the text.
    pub fn checks<'a>(&'a self, visit: &mut impl FnMut(&'a Check)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.checks(visit)),
            Self::Not(inner) => inner.checks(visit),
            Self::Check(check) => visit(check),
            Self::Macro(..) => {}
        }
    }

    /// Calls `visit` with the name of every macro, in the order of the text.
    pub fn macros<'a>(&'a self, visit: &mut impl FnMut(&'a str, &'a Spot)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.macros(visit)),
            Self::Not(inner) => inner.macros(visit),
            Self::Macro(name, spot) => visit(name, spot),
            Self::Check(_) => {}
        }
    }
}

fn quoted(text: &str) -> String {
    let bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c));
    if bare { text.to_owned() } else { in_quotes(text) }
}

/// So that it reads back: a backslash at the end would escape the quote.
fn in_quotes(text: &str) -> String {
    let (text, end) = text.strip_suffix('\\').map_or((text, ""), |rest| (rest, "\\x5c"));
    format!("\"{}{end}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arg.as_ref().map_or(Ok(()), |arg| write!(f, "[{arg}]"))
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(operand) => operand.fmt(f),
            Self::Text(text) => f.write_str(&in_quotes(text)),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "({})", items.join(", "))
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Transform { name, args, selector, .. } => {
                let args: Vec<String> = args.iter().map(ToString::to_string).collect();
                write!(f, "{name}({})", args.join(", "))?;
                selector.as_ref().map_or(Ok(()), |selector| write!(f, "[{selector}]"))
            }
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.op.as_str())?;
        if let Some(modifier) = self.modifier {
            write!(f, " {}", modifier.as_str())?;
        }
        match &self.right {
            Right::None => Ok(()),
            Right::Value(value) => write!(f, " {}", quoted(value)),
            Right::List(values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                write!(f, " ({})", values.join(", "))
            }
            Right::Operand(Operand::Field(field)) => write!(f, " val({field})"),
            Right::Operand(operand) => write!(f, " {operand}"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |parts: &[Self], word: &str| {
            let inner = |part: &Self| match part {
                Self::And(_) | Self::Or(_) => format!("({part})"),
                _ => part.to_string(),
            };
            parts.iter().map(inner).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::And(parts) => f.write_str(&join(parts, " and ")),
            Self::Or(parts) => f.write_str(&join(parts, " or ")),
            Self::Not(inner) => match inner.as_ref() {
                Self::And(_) | Self::Or(_) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Self::Macro(name, _) => f.write_str(name),
            Self::Check(check) => check.fmt(f),
        }
    }
}
