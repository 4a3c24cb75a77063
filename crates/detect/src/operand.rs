//! Left and right sides of checks, compiled: a field, a literal, or a transformer over others.

use model::{Diagnostic, Level};

use crate::EventSource;
use crate::condition::{Arg, Field, Operand, Spot};
use crate::fields::{self, Context, Depends, FieldArg, Kinds, Spec, Takes, Type, Unknown};
use crate::rules::at_spot;
use crate::transform::{self, Transformer};
use crate::value::Value;

/// A side of a check.
#[derive(Debug, Clone)]
pub enum Side {
    /// A field.
    Field(&'static Spec, FieldArg),
    /// A literal.
    Text(String),
    /// Several sides as a list.
    List(Vec<Self>),
    /// A transformer.
    Transform(Transformer, Vec<Self>),
}

/// Compiles a side.
pub fn compile(operand: &Operand, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    match operand {
        Operand::Field(field) => compile_field(field, source),
        Operand::Transform { name, args, selector, spot } => transform(name, args, selector.as_deref(), spot, source),
    }
}

fn compile_field(field: &Field, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    let spec = fields::find(&field.name, source).map_err(|unknown| unknown_field(field, source, unknown))?;
    let refuse = |message: String| Box::new(at_spot(&field.spot, "rule/field-argument", Level::Error, message));
    // `evt.arg.NAME` is written as a field of its own.
    let named = ["evt.arg.", "evt.rawarg."].iter().find_map(|prefix| field.name.strip_prefix(prefix));
    let arg = match (spec.takes, named.map(str::to_owned).or_else(|| field.arg.clone())) {
        (Takes::Nothing, Some(_)) => return Err(refuse(format!("`{}` takes no argument", field.name))),
        (Takes::IndexAlways | Takes::KeyAlways, None) => {
            return Err(refuse(format!("`{}` needs an argument in brackets", field.name)));
        }
        (_, None) => FieldArg::None,
        (Takes::Index | Takes::IndexAlways, Some(text)) => match text.parse() {
            Ok(index) => FieldArg::Index(index),
            Err(_) => return Err(refuse(format!("the argument of `{}` is a number, not `{text}`", field.name))),
        },
        (Takes::Key | Takes::KeyAlways, Some(text)) => FieldArg::Key(text.into()),
    };
    Ok(Side::Field(spec, arg))
}

fn unknown_field(field: &Field, source: &EventSource, unknown: Unknown) -> Box<Diagnostic> {
    let name = &field.name;
    Box::new(match unknown {
        Unknown::Unavailable => {
            let message = format!("nothing feeds the field `{name}` here");
            at_spot(&field.spot, "rule/unavailable-field", Level::Warning, message)
                .with_fix("checks of it never hold; the rule is reported as degraded")
        }
        Unknown::Misspelt(near) => {
            let message = format!("unknown field `{name}` of the source {source}");
            let found = at_spot(&field.spot, "rule/unknown-field", Level::Error, message);
            match near {
                Some(near) => found.with_fix(format!("did you mean `{near}`?")),
                None => found.with_fix("see docs/reference/fields.md"),
            }
        }
    })
}

fn transform(
    name: &str,
    args: &[Arg],
    selector: Option<&str>,
    spot: &Spot,
    source: &EventSource,
) -> Result<Side, Box<Diagnostic>> {
    let refuse = |message: &str| Box::new(at_spot(spot, "rule/transformer", Level::Error, message));
    let sides: Vec<Side> = args.iter().map(|arg| argument(arg, source)).collect::<Result<_, _>>()?;
    let transformer = Transformer::named(name);
    let list = |side: Option<&Side>| side.is_some_and(|side| side.ty() == Type::List);
    let text = |side: &Side| matches!(side.ty(), Type::Text | Type::EventType);
    let fits = match transformer {
        Transformer::Join => sides.len() == 2 && text(&sides[0]) && list(sides.get(1)),
        Transformer::Concat => sides.len() >= 2 && sides.iter().all(text),
        Transformer::Getopt(_) => sides.len() == 2 && list(sides.first()) && text(&sides[1]),
        _ => sides.len() == 1 && (text(&sides[0]) || list(sides.first())),
    };
    if !fits {
        return Err(refuse(match transformer {
            Transformer::Join => "`join` takes a separator and a list",
            Transformer::Concat => "`concat` takes at least two texts",
            Transformer::Getopt(_) => "`getopt` takes a list of arguments and a text of options",
            _ => "this transformer takes one text or list",
        }));
    }
    let transformer = match (transformer, selector) {
        (Transformer::Getopt(_), Some(selector)) => {
            let mut chars = selector.chars();
            match (chars.next(), chars.next()) {
                (Some(option), None) => Transformer::Getopt(Some(option)),
                _ => return Err(refuse("the argument of `getopt` is one option character")),
            }
        }
        (_, Some(_)) => return Err(refuse("this transformer takes no argument in brackets")),
        (transformer, None) => transformer,
    };
    Ok(Side::Transform(transformer, sides))
}

fn argument(arg: &Arg, source: &EventSource) -> Result<Side, Box<Diagnostic>> {
    match arg {
        Arg::Operand(operand) => compile(operand, source),
        Arg::Text(text) => Ok(Side::Text(text.clone())),
        Arg::List(items) => items.iter().map(|item| argument(item, source)).collect::<Result<_, _>>().map(Side::List),
    }
}

impl Side {
    /// The type of its values.
    pub fn ty(&self) -> Type {
        match self {
            Self::Field(spec, _) => spec.ty,
            Self::Text(_)
            | Self::Transform(Transformer::Join | Transformer::Concat | Transformer::Getopt(Some(_)), _) => Type::Text,
            Self::List(_) | Self::Transform(Transformer::Getopt(None), _) => Type::List,
            Self::Transform(Transformer::Len, _) => Type::Int,
            // The name of an event's type is a text like others once it is transformed.
            Self::Transform(_, sides) => match sides.first().map(Self::ty) {
                Some(Type::List) => Type::List,
                _ => Type::Text,
            },
        }
    }

    /// What its value depends on.
    pub fn depends(&self) -> Depends {
        match self {
            Self::Field(spec, _) => spec.depends,
            Self::Text(_) => Depends::Likeness,
            Self::List(sides) | Self::Transform(_, sides) => {
                sides.iter().map(Self::depends).max().unwrap_or(Depends::Likeness)
            }
        }
    }

    /// Kinds of events that can have a value.
    pub fn kinds(&self) -> Kinds {
        match self {
            Self::Field(spec, _) => spec.kinds,
            Self::Text(_) | Self::List(_) => Kinds::ALL,
            Self::Transform(_, sides) => Kinds(sides.iter().fold(Kinds::ALL.0, |kinds, side| kinds & side.kinds().0)),
        }
    }

    /// Names of the fields in it.
    pub fn fields(&self, visit: &mut impl FnMut(&'static str)) {
        match self {
            Self::Field(spec, _) => visit(spec.name),
            Self::Text(_) => {}
            Self::List(sides) | Self::Transform(_, sides) => sides.iter().for_each(|side| side.fields(visit)),
        }
    }

    /// Its value for an event.
    pub fn value<'a>(&'a self, context: &Context<'a>) -> Value<'a> {
        match self {
            Self::Field(spec, arg) => (spec.get)(context, arg),
            Self::Text(text) => Value::text(text),
            Self::List(sides) => transform::list(sides.iter().map(|side| side.value(context))),
            Self::Transform(transformer, sides) => {
                transform::apply(transformer, sides.iter().map(|side| side.value(context)))
            }
        }
    }
}
