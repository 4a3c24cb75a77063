//! Macro names → their trees.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Expr, MAX_CHECKS, MAX_TREE_DEPTH, Spot};

/// Macros that a condition may name, by name.
pub type Macros = FxHashMap<String, Arc<Expr>>;

/// A condition that names what it may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// No such macro, or it is defined later than the macro that names it.
    #[error("there is no macro `{name}`")]
    Undefined {
        /// The name.
        name: String,
        /// Where it stands.
        spot: Spot,
    },
    /// A macro that names itself, directly or through others.
    #[error("the macro `{name}` contains itself")]
    Loop {
        /// The name.
        name: String,
        /// Where it stands.
        spot: Spot,
    },
    /// The expanded condition is larger than the limits.
    #[error("the expanded condition has more than {MAX_CHECKS} checks or {MAX_TREE_DEPTH} levels")]
    TooBig {
        /// Where the limit was met.
        spot: Option<Spot>,
    },
}

/// Replaces all macro names. Names that were replaced are added to `used`.
pub fn expand(expr: &Expr, macros: &Macros, used: &mut BTreeSet<String>) -> Result<Expr, ExpandError> {
    let mut expansion = Expansion { macros, used, path: Vec::new(), checks: 0, depth: 0 };
    expansion.run(expr)
}

struct Expansion<'a> {
    macros: &'a Macros,
    used: &'a mut BTreeSet<String>,
    path: Vec<String>,
    checks: usize,
    depth: usize,
}

impl Expansion<'_> {
    fn run(&mut self, expr: &Expr) -> Result<Expr, ExpandError> {
        if self.depth >= MAX_TREE_DEPTH {
            return Err(ExpandError::TooBig { spot: None });
        }
        self.depth += 1;
        let result = self.step(expr);
        self.depth -= 1;
        result
    }

    fn step(&mut self, expr: &Expr) -> Result<Expr, ExpandError> {
        Ok(match expr {
            Expr::And(parts) => Expr::And(parts.iter().map(|part| self.run(part)).collect::<Result<_, _>>()?),
            Expr::Or(parts) => Expr::Or(parts.iter().map(|part| self.run(part)).collect::<Result<_, _>>()?),
            Expr::Not(inner) => Expr::Not(Box::new(self.run(inner)?)),
            Expr::Check(check) => {
                self.checks += 1;
                if self.checks > MAX_CHECKS {
                    return Err(ExpandError::TooBig { spot: Some(check.spot.clone()) });
                }
                expr.clone()
            }
            Expr::Macro(name, spot) => {
                if self.path.contains(name) {
                    return Err(ExpandError::Loop { name: name.clone(), spot: spot.clone() });
                }
                let Some(found) = self.macros.get(name) else {
                    return Err(ExpandError::Undefined { name: name.clone(), spot: spot.clone() });
                };
                self.used.insert(name.clone());
                self.path.push(name.clone());
                let expanded = self.run(found)?;
                self.path.pop();
                expanded
            }
        })
    }
}
