//! Pod Security Standards, evaluated natively: every check of the levels *baseline* and *restricted*, by version.
//!
//! Semantics: Kubernetes' "Pod Security Standards" page and the behaviour of its admission plugin, including which
//! check of *restricted* replaces one of *baseline* and from which minor version each form applies. What it is not: it
//! does not validate pods. Where a pod has a shape that the API server would refuse (a list where an object belongs),
//! [`Evaluation::malformed`] says so; such a pod was not judged and must not count as passing.
//!
//! Each [`Failure`] points at the place and carries the edits that fix it, where a fix exists; [`fix`] applies them
//! all in an order that works.

mod baseline;
mod checks;
mod edit;
mod pod;
mod restricted;
mod shape;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use model::Severity;
use serde_json::Value;

pub use checks::{CHECKS, Check};
pub use edit::{Edit, apply};
pub use pod::template_of;
pub use shape::Malformed;

use pod::Pod;

/// A level of the standards. *Privileged* asks for nothing and is therefore not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Prevents known privilege escalations.
    Baseline,
    /// Current hardening practice; includes baseline.
    Restricted,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

/// A version of the standards: a minor version of Kubernetes 1, or the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

/// Text that names no version of the standards.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no version of the Pod Security Standards: write `latest` or `v1.N`")]
pub struct VersionError(String);

impl Version {
    /// Whatever this program knows last.
    pub const LATEST: Self = Self(u32::MAX);

    /// Version 1.`minor`.
    pub const fn minor(minor: u32) -> Self {
        Self(minor)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text == "latest" {
            return Ok(Self::LATEST);
        }
        let digits = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.").unwrap_or("");
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        match digits.parse() {
            Ok(minor) if plain => Ok(Self(minor)),
            _ => Err(VersionError(text.to_owned())),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::LATEST { f.write_str("latest") } else { write!(f, "v1.{}", self.0) }
    }
}

/// A place where a pod does not conform.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The check; [`Check::id`] is the name that Kubernetes uses.
    pub check: &'static Check,
    /// JSON pointer from the object's root to the field that is wrong or missing.
    pub path: String,
    /// What is there; null for nothing.
    pub found: Value,
    /// What is wrong and why it matters, one sentence.
    pub why: String,
    /// What the check asks for at this place.
    pub expected: &'static str,
    /// Edits of the object that make this place conform; empty where only a person can decide.
    pub edits: Vec<Edit>,
    /// What a person should know before applying the edits.
    pub caution: Option<&'static str>,
}

impl Failure {
    /// The edits as an RFC 6902 patch of `object`, the same that was evaluated.
    pub fn patch(&self, object: &Value) -> Vec<Value> {
        edit::to_patch(object, &self.edits)
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.check.severity
    }
}

/// What the standards say of a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// Where it does not conform, in the order of [`CHECKS`].
    pub failures: Vec<Failure>,
    /// Where it has a shape that cannot be judged.
    pub malformed: Vec<Malformed>,
}

impl Evaluation {
    /// Whether the pod conforms. A pod that could not be judged does not.
    pub const fn allowed(&self) -> bool {
        self.failures.is_empty() && self.malformed.is_empty()
    }
}

/// Evaluates the pod template at the JSON pointer `base` of `object` (empty for a Pod; see [`template_of`]).
pub fn evaluate(object: &Value, base: &str, level: Level, version: Version) -> Evaluation {
    let pod = Pod::new(object, base);
    let mut evaluation = Evaluation { failures: Vec::new(), malformed: shape::problems(&pod) };
    for (check, run) in checks::for_level(level, version) {
        run(&pod, &mut Sink { check, failures: &mut evaluation.failures });
    }
    evaluation
}

/// Result of [`fix`].
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// RFC 6902 patch of the object that was given.
    pub patch: Vec<Value>,
    /// The object after the patch.
    pub object: Value,
    /// What the patch could not fix.
    pub left: Vec<Failure>,
}

/// A patch that fixes everything that can be fixed without a person's decision.
///
/// The patches of single failures cannot simply be concatenated (two of them may create the same parent, or remove
/// elements of one list), so each is made against the object that the ones before it leave behind.
pub fn fix(object: &Value, base: &str, level: Level, version: Version) -> Fixed {
    let mut fixed = Fixed { patch: Vec::new(), object: object.clone(), left: Vec::new() };
    loop {
        let failures = evaluate(&fixed.object, base, level, version).failures;
        let before = failures.len();
        let Some(failure) = failures.iter().find(|failure| !failure.edits.is_empty()) else {
            fixed.left = failures;
            return fixed;
        };
        let patch = failure.patch(&fixed.object);
        let next = apply(&fixed.object, &patch).filter(|next| {
            // Every step must fix something: this is what ends the loop.
            evaluate(next, base, level, version).failures.len() < before
        });
        let Some(next) = next else {
            fixed.left = failures;
            return fixed;
        };
        fixed.object = next;
        fixed.patch.extend(patch);
    }
}

/// Where a check puts its failures.
struct Sink<'a> {
    check: &'static Check,
    failures: &'a mut Vec<Failure>,
}

/// A failure as a check reports it.
struct Report<'a> {
    path: String,
    found: &'a Value,
    why: String,
    expected: &'static str,
    edits: Vec<Edit>,
    caution: Option<&'static str>,
}

impl Sink<'_> {
    fn push(&mut self, report: Report<'_>) {
        let Report { path, found, why, expected, edits, caution } = report;
        self.failures.push(Failure { check: self.check, path, found: found.clone(), why, expected, edits, caution });
    }
}
