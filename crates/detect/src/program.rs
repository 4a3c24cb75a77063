//! The compiled form of all conditions: one directed graph whose equal parts exist once.
//!
//! Nodes are hash-consed, so `proc.name = sh` of forty rules is one node. Each kind of event has its own roots, in which
//! everything that the kind alone decides (`evt.type`, fields that it never has) is folded away. Nodes that depend on
//! process and scope alone are numbered apart, so that their answers can be remembered per process.

use rustc_hash::FxHashMap;

use crate::fields::types::{self, KINDS, NAMES};
use crate::fields::{Context, Kinds};
use crate::operand::Side;
use crate::paths::PathSet;
use crate::test::Test;

/// A unique check.
#[derive(Debug)]
pub struct UniqueCheck {
    /// Left side.
    pub left: Side,
    /// Operator and right side.
    pub test: Test,
    /// Whether its answer depends on process and scope alone.
    pub invariant: bool,
    /// Its number among the checks of the path automaton.
    pub path_bit: Option<u32>,
    /// What it costs, for the order of evaluation: lower first.
    pub cost: u8,
}

impl UniqueCheck {
    /// Evaluates it, without any memory.
    pub fn holds<'a>(&'a self, context: &Context<'a>) -> bool {
        self.test.holds(&self.left.value(context), context)
    }
}

/// A node of the graph. Numbers are indices of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// Always or never.
    Const(bool),
    /// A check, by its number.
    Check(u32),
    /// Not.
    Not(u32),
    /// All.
    And(Box<[u32]>),
    /// Any.
    Or(Box<[u32]>),
}

/// A node and where its answer is remembered.
#[derive(Debug)]
pub struct Slot {
    /// The node.
    pub node: Node,
    /// Whether it depends on process and scope alone.
    pub invariant: bool,
    /// Its bit among the invariant nodes, or among the others.
    pub bit: u32,
    cost: u16,
}

/// The graph.
#[derive(Debug, Default)]
pub struct Program {
    /// Unique checks.
    pub checks: Vec<UniqueCheck>,
    /// Nodes; children come before parents.
    pub slots: Vec<Slot>,
    /// For each kind of event the rules that can match, in their order, with the node of the condition.
    pub roots: Vec<Vec<(u32, u32)>>,
    /// How many invariant nodes there are.
    pub invariant_bits: u32,
    /// How many other nodes there are.
    pub event_bits: u32,
    /// The automaton over constants that paths are compared with.
    pub paths: PathSet,
    interned: FxHashMap<Node, u32>,
    known: FxHashMap<String, u32>,
}

/// The tree of a condition whose checks are numbers.
#[derive(Debug, Clone)]
pub enum Tree {
    /// All.
    And(Vec<Self>),
    /// Any.
    Or(Vec<Self>),
    /// Not.
    Not(Box<Self>),
    /// A check.
    Check(u32),
    /// Always or never.
    Const(bool),
}

impl Program {
    /// A program without rules.
    pub fn new() -> Self {
        Self { roots: vec![Vec::new(); KINDS.len()], ..Self::default() }
    }

    /// The number of a check that is known under a text.
    pub fn known(&self, key: &str) -> Option<u32> {
        self.known.get(key).copied()
    }

    /// Adds a check under a text that is equal exactly for equal checks.
    pub fn add_check(&mut self, key: String, left: Side, test: Test) -> u32 {
        let number = index(self.checks.len());
        let invariant = left.invariant() && !matches!(&test, Test::Against(_, right) if !right.invariant());
        let path_bit = self.paths.add(&left, &test);
        let cost = cost(&left, &test);
        self.checks.push(UniqueCheck { left, test, invariant, path_bit, cost });
        self.known.insert(key, number);
        number
    }

    /// Adds the condition of a rule: a root for every kind that can match. Gives those kinds.
    pub fn add_rule(&mut self, rule: u32, tree: &Tree, kinds: Kinds) -> Kinds {
        let mut possible = 0;
        for kind in 0..KINDS.len() {
            if kinds.0 >> kind & 1 == 0 {
                continue;
            }
            let root = self.specialise(tree, kind);
            if self.slots[root as usize].node != Node::Const(false) {
                self.roots[kind].push((rule, root));
                possible |= 1 << kind;
            }
        }
        Kinds(possible)
    }

    fn specialise(&mut self, tree: &Tree, kind: usize) -> u32 {
        match tree {
            Tree::Const(value) => self.intern(Node::Const(*value)),
            Tree::Check(number) => match decided(&self.checks[*number as usize], kind) {
                Some(value) => self.intern(Node::Const(value)),
                None => self.intern(Node::Check(*number)),
            },
            Tree::Not(inner) => {
                let inner = self.specialise(inner, kind);
                match self.slots[inner as usize].node {
                    Node::Const(value) => self.intern(Node::Const(!value)),
                    Node::Not(double) => double,
                    _ => self.intern(Node::Not(inner)),
                }
            }
            Tree::And(parts) => self.join(parts, kind, true),
            Tree::Or(parts) => self.join(parts, kind, false),
        }
    }

    /// Joins parts with `and` or `or`: flattened, without repetitions, cheap ones first. The order does not change the
    /// answer, since checks have no effects.
    fn join(&mut self, parts: &[Tree], kind: usize, and: bool) -> u32 {
        let mut children = Vec::new();
        for part in parts {
            let child = self.specialise(part, kind);
            match &self.slots[child as usize].node {
                Node::Const(value) if *value == and => {}
                Node::Const(value) => return self.intern(Node::Const(*value)),
                Node::And(inner) if and => children.extend_from_slice(inner),
                Node::Or(inner) if !and => children.extend_from_slice(inner),
                _ => children.push(child),
            }
        }
        children.sort_unstable_by_key(|child| (self.slots[*child as usize].cost, *child));
        children.dedup();
        match children.as_slice() {
            [] => self.intern(Node::Const(and)),
            [only] => *only,
            _ if and => self.intern(Node::And(children.into())),
            _ => self.intern(Node::Or(children.into())),
        }
    }

    fn intern(&mut self, node: Node) -> u32 {
        if let Some(known) = self.interned.get(&node) {
            return *known;
        }
        let of = |child: &u32| &self.slots[*child as usize];
        let (invariant, cost) = match &node {
            Node::Const(_) => (true, 0),
            Node::Check(number) => {
                let check = &self.checks[*number as usize];
                (check.invariant, u16::from(check.cost))
            }
            Node::Not(child) => (of(child).invariant, of(child).cost),
            Node::And(children) | Node::Or(children) => (
                children.iter().all(|child| of(child).invariant),
                children.iter().fold(0, |sum: u16, child| sum.saturating_add(of(child).cost)),
            ),
        };
        // An invariant answer is a bit that is mostly there already, however large the part.
        let cost = if invariant { 1 } else { cost.max(2) };
        let counter = if invariant { &mut self.invariant_bits } else { &mut self.event_bits };
        let bit = *counter;
        *counter += 1;
        let number = index(self.slots.len());
        self.slots.push(Slot { node: node.clone(), invariant, bit, cost });
        self.interned.insert(node, number);
        number
    }

    /// Ends the compilation: builds the automaton and drops what only compilation needs.
    pub fn finish(&mut self) {
        self.paths.build();
        self.interned = FxHashMap::default();
        self.known = FxHashMap::default();
    }
}

fn index(length: usize) -> u32 {
    // Conditions are limited to far fewer checks than this.
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What a kind of event alone says of a check.
fn decided(check: &UniqueCheck, kind: usize) -> Option<bool> {
    if check.left.kinds().0 >> kind & 1 == 0 {
        return Some(false);
    }
    let Test::EventType(test) = &check.test else { return None };
    let matching = NAMES[kind].iter().filter(|name| test.holds(name)).count();
    if matching == 0 {
        return Some(false);
    }
    let always = types::always(kind).iter().any(|name| test.holds(name));
    (always || matching == NAMES[kind].len()).then_some(true)
}

const fn cost(left: &Side, test: &Test) -> u8 {
    use crate::test::TextTest as T;
    let field: u8 = match left {
        Side::Field(_, crate::fields::FieldArg::None) => 2,
        Side::Field(..) | Side::Text(_) => 3,
        Side::List(_) | Side::Transform(..) => 12,
    };
    field
        + match test {
            Test::Exists | Test::EventType(_) | Test::Int(_) | Test::Bool { .. } | Test::Text(T::Eq(_) | T::Ne(_)) => 0,
            Test::Text(T::StartsWith(_) | T::EndsWith(_)) | Test::Ip { .. } => 1,
            Test::Text(T::In(_)) | Test::ListIn(_) | Test::ListIntersects(_) => 2,
            Test::Text(T::Contains(_) | T::PMatch(_) | T::Order(..)) => 4,
            Test::Text(T::IContains(..) | T::Many(..) | T::Glob(..)) | Test::Against(..) => 8,
            Test::Text(T::Regex(_)) => 16,
        }
}
