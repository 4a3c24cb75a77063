//! The compiled form of all conditions: one directed graph whose equal parts exist once.
//!
//! Nodes are hash-consed, so `proc.name = sh` of forty rules is one node. Each kind of event has its own roots, in which
//! everything that the kind alone decides (`evt.type`, fields that it never has) is folded away. Nodes that depend on
//! process and scope alone are numbered apart, so that their answers can be remembered per process.
//!
//! A process that was just started is asked hundreds of nodes with cold caches: nodes are small and stand in one place.

use rustc_hash::FxHashMap;

use crate::exact::Exact;
use crate::fields::types::{self, KINDS, NAMES};
use crate::fields::{Context, Depends, FieldArg, Kinds, Spec};
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
    /// What its answer depends on.
    pub depends: Depends,
    /// Its number among the checks of the path automaton.
    pub path_bit: Option<u32>,
    /// The number of its left side among the values that several checks of a process need.
    pub value: Option<u32>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node<Children> {
    /// Always or never.
    Const(bool),
    /// A check, by its number.
    Check(u32),
    /// Not.
    Not(u32),
    /// All.
    And(Children),
    /// Any.
    Or(Children),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Never,
    Always,
    Check,
    Not,
    And,
    Or,
}

/// A node and where its answer is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    kind: Kind,
    /// What it depends on.
    pub depends: Depends,
    cost: u16,
    /// Its bit among the invariant nodes, or among the others.
    pub bit: u32,
    /// Of a check and of `not` the number, else where the children begin.
    from: u32,
    /// Where the children end; of a check the number of its field among [`Program::exact`], or [`NONE`].
    to: u32,
}

/// No number.
const NONE: u32 = u32::MAX;

/// The graph.
#[derive(Debug, Default)]
pub struct Program {
    /// Unique checks.
    pub checks: Vec<UniqueCheck>,
    /// Nodes; children come before parents.
    pub slots: Vec<Slot>,
    /// For each kind of event the rules that can match, in their order, with the node of the condition.
    pub roots: Vec<Vec<(u32, u32)>>,
    /// How many nodes have the same answer for processes that are alike. Their bits are the first of the invariant ones.
    pub likeness_bits: u32,
    /// How many nodes depend on process and scope alone.
    pub invariant_bits: u32,
    /// How many other nodes there are.
    pub event_bits: u32,
    /// The automaton over constants that paths are compared with.
    pub paths: PathSet,
    /// Checks that are answered together.
    pub exact: Vec<Exact>,
    children: Vec<u32>,
    interned: FxHashMap<Node<Box<[u32]>>, u32>,
    known: FxHashMap<String, u32>,
    values: FxHashMap<(&'static str, FieldArg), u32>,
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
        let depends = match &test {
            Test::Against(_, right) => left.depends().max(right.depends()),
            _ => left.depends(),
        };
        let path_bit = self.paths.add(&left, &test);
        let cost = cost(&left, &test);
        let value = match &left {
            Side::Field(spec, arg) if depends != Depends::Event => {
                let fresh = index(self.values.len());
                Some(*self.values.entry((spec.name, arg.clone())).or_insert(fresh))
            }
            _ => None,
        };
        self.checks.push(UniqueCheck { left, test, depends, path_bit, value, cost });
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
            if self.node(root) != Node::Const(false) {
                self.roots[kind].push((rule, root));
                possible |= 1 << kind;
            }
        }
        Kinds(possible)
    }

    /// A node.
    pub fn node(&self, number: u32) -> Node<&[u32]> {
        let slot = &self.slots[number as usize];
        let children = || &self.children[slot.from as usize..slot.to as usize];
        match slot.kind {
            Kind::Never => Node::Const(false),
            Kind::Always => Node::Const(true),
            Kind::Check => Node::Check(slot.from),
            Kind::Not => Node::Not(slot.from),
            Kind::And => Node::And(children()),
            Kind::Or => Node::Or(children()),
        }
    }

    /// The checks with which a check's node is answered together.
    pub fn exact_of(&self, slot: &Slot) -> Option<&Exact> {
        self.exact.get(slot.to as usize).filter(|_| slot.kind == Kind::Check)
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
                match self.node(inner) {
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
            match self.node(child) {
                Node::Const(value) if value == and => {}
                Node::Const(value) => return self.intern(Node::Const(value)),
                Node::And(inner) if and => children.extend_from_slice(inner),
                Node::Or(inner) if !and => children.extend_from_slice(inner),
                _ => children.push(child),
            }
        }
        // What depends on the process alone was mostly answered before.
        let order = |child: &u32| {
            let slot = &self.slots[*child as usize];
            (slot.depends == Depends::Event, slot.cost, *child)
        };
        children.sort_unstable_by_key(order);
        children.dedup();
        match children.as_slice() {
            [] => self.intern(Node::Const(and)),
            [only] => *only,
            _ if and => self.intern(Node::And(children.into())),
            _ => self.intern(Node::Or(children.into())),
        }
    }

    fn intern(&mut self, node: Node<Box<[u32]>>) -> u32 {
        if let Some(known) = self.interned.get(&node) {
            return *known;
        }
        let of = |child: &u32| &self.slots[*child as usize];
        let (kind, depends, cost) = match &node {
            Node::Const(value) => (if *value { Kind::Always } else { Kind::Never }, Depends::Likeness, 0),
            Node::Check(number) => {
                let check = &self.checks[*number as usize];
                (Kind::Check, check.depends, u16::from(check.cost))
            }
            Node::Not(child) => (Kind::Not, of(child).depends, of(child).cost),
            Node::And(children) | Node::Or(children) => (
                if matches!(node, Node::And(_)) { Kind::And } else { Kind::Or },
                children.iter().map(|child| of(child).depends).max().unwrap_or(Depends::Likeness),
                children.iter().fold(0, |sum: u16, child| sum.saturating_add(of(child).cost)),
            ),
        };
        let (from, to) = match &node {
            Node::Const(_) => (NONE, NONE),
            Node::Check(number) | Node::Not(number) => (*number, NONE),
            Node::And(children) | Node::Or(children) => {
                let from = index(self.children.len());
                self.children.extend_from_slice(children);
                (from, index(self.children.len()))
            }
        };
        let number = index(self.slots.len());
        self.slots.push(Slot { kind, depends, cost, bit: NONE, from, to });
        self.interned.insert(node, number);
        number
    }

    /// Ends the compilation: builds the automaton, numbers the answers, and drops what only compilation needs.
    pub fn finish(&mut self) {
        self.paths.build();
        for depends in [Depends::Likeness, Depends::Process, Depends::Event] {
            self.number(depends);
        }
        self.interned = FxHashMap::default();
        self.known = FxHashMap::default();
        self.values = FxHashMap::default();
        self.children.shrink_to_fit();
        self.slots.shrink_to_fit();
        self.checks.shrink_to_fit();
    }

    /// Numbers the answers of nodes that depend on this; those of checks that are answered together in a row.
    fn number(&mut self, depends: Depends) {
        let mut next = if depends == Depends::Event { 0 } else { self.invariant_bits };
        self.number_exact(depends, &mut next);
        for slot in self.slots.iter_mut().filter(|slot| slot.depends == depends && slot.bit == NONE) {
            slot.bit = next;
            next += 1;
        }
        match depends {
            Depends::Likeness => (self.likeness_bits, self.invariant_bits) = (next, next),
            Depends::Process => self.invariant_bits = next,
            Depends::Event => self.event_bits = next,
        }
    }

    fn number_exact(&mut self, depends: Depends, next: &mut u32) {
        let mut fields: Vec<(&'static Spec, FieldArg, Vec<usize>)> = Vec::new();
        let is_check = |slot: &Slot| slot.kind == Kind::Check && slot.depends == depends;
        for (number, slot) in self.slots.iter().enumerate().filter(|(_, slot)| is_check(slot)) {
            let check = &self.checks[slot.from as usize];
            let Some((spec, arg)) = Exact::field(&check.left, &check.test).filter(|_| check.path_bit.is_none()) else {
                continue;
            };
            match fields.iter_mut().find(|(known, of, _)| std::ptr::eq(*known, spec) && of == arg) {
                Some((.., slots)) => slots.push(number),
                None => fields.push((spec, arg.clone(), vec![number])),
            }
        }
        // One alone is asked as it is.
        for (spec, arg, slots) in fields.into_iter().filter(|(.., slots)| slots.len() > 1) {
            let mut exact = Exact::new(spec, &arg, *next);
            for number in slots {
                let slot = &mut self.slots[number];
                slot.bit = exact.add(&self.checks[slot.from as usize].test);
                slot.to = index(self.exact.len());
            }
            *next += exact.count;
            self.exact.push(exact);
        }
    }
}

fn index(length: usize) -> u32 {
    // Conditions are limited to far fewer checks than this.
    u32::try_from(length).unwrap_or(NONE)
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
