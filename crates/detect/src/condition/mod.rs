//! Conditions: text → tree (Falco's filter grammar, engine 0.63).
//!
//! [`parse`] reads one text; [`expand`] replaces macro names by their trees. Field names and operators are checked for
//! meaning later, when checks are compiled: here only their form counts.

mod ast;
mod expand;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Arg, Check, Expr, Field, Modifier, Op, Operand, Right, Spot};
pub use expand::{ExpandError, Macros, expand};
pub use parser::{ParseError, operand as parse_operand, parse};

/// Nested parentheses and transformers of one text. Falco counts 1,000 grammar steps, five a level: the same 200.
/// Recursion is bounded by it.
pub const MAX_DEPTH: usize = 200;

/// Levels of the tree of one rule after macros were expanded: two texts of the greatest depth inside each other.
pub const MAX_TREE_DEPTH: usize = 2 * MAX_DEPTH;

/// Checks of one rule after macros were expanded. The largest official rule has under 200; macros that double at
/// every level reach any number from a few lines.
pub const MAX_CHECKS: usize = 100_000;
