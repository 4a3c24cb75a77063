//! One look-up for all checks that compare a field with whole texts.
//!
//! `proc.name` is compared with hundreds of names by `=` and `in`. All these checks are answered together, the first time
//! one of them is asked: the value is looked up once, what stands there are the checks that hold, the others do not.

use rustc_hash::FxHashMap;

use crate::fields::{Context, FieldArg, Spec, Type, types};
use crate::operand::Side;
use crate::test::{Test, TextTest};
use crate::value::Value;

/// The checks of one field.
#[derive(Debug)]
pub struct Exact {
    spec: &'static Spec,
    arg: FieldArg,
    /// The bit of the first answer; those of the others follow it.
    pub first: u32,
    /// How many answers there are.
    pub count: u32,
    /// For each text the answers that are yes, counted from the first.
    by_text: FxHashMap<Box<str>, Vec<u32>>,
}

/// The texts of which a check asks for one, where whole texts are all that it asks for.
fn texts(test: &Test) -> Option<Vec<&str>> {
    match test {
        Test::Text(TextTest::Eq(whole)) | Test::EventType(TextTest::Eq(whole)) => Some(vec![whole]),
        Test::Text(TextTest::In(set)) | Test::EventType(TextTest::In(set)) => {
            Some(set.iter().map(AsRef::as_ref).collect())
        }
        _ => None,
    }
}

impl Exact {
    /// The group that a check belongs to: its field.
    pub fn field<'a>(left: &'a Side, test: &Test) -> Option<(&'static Spec, &'a FieldArg)> {
        let Side::Field(spec, arg) = left else { return None };
        let is_text = matches!(spec.ty, Type::Text | Type::EventType);
        (is_text && texts(test).is_some()).then_some((*spec, arg))
    }

    /// No checks of a field yet; the first will have this bit.
    pub fn new(spec: &'static Spec, arg: &FieldArg, first: u32) -> Self {
        Self { spec, arg: arg.clone(), first, count: 0, by_text: FxHashMap::default() }
    }

    /// Takes a check; gives its bit.
    pub fn add(&mut self, test: &Test) -> u32 {
        let number = self.count;
        self.count += 1;
        for text in texts(test).unwrap_or_default() {
            self.by_text.entry(text.into()).or_default().push(number);
        }
        self.first + number
    }

    /// Calls `hold` with the bits of the checks that hold; of none where the event has no value.
    pub fn answer(&self, context: &Context<'_>, mut hold: impl FnMut(u32)) {
        let mut look_up = |text: &str| {
            for number in self.by_text.get(text).into_iter().flatten() {
                hold(self.first + number);
            }
        };
        if self.spec.ty == Type::EventType {
            return types::names(context.event).as_slice().iter().for_each(|name| look_up(name));
        }
        match (self.spec.get)(context, &self.arg) {
            Value::Text(text) => look_up(&text),
            Value::AnyText(texts) => texts.iter().for_each(|text| look_up(text)),
            _ => {}
        }
    }
}
