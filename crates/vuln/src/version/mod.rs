//! Version order, one scheme per ecosystem.
//!
//! What it is: for each scheme a total order over all strings, so that a range check never fails, plus
//! [`Scheme::validate`], which tells a version of the scheme from a string that merely got a place in the order
//! (`(devel)`, a branch name). Most schemes turn a version into a packed key whose byte order is the version order
//! ([`packed`]); Maven, `RubyGems` and Composer have rules that no byte order can express and compare item by item.
//! What it is not: a resolver; constraints such as `^1.2` are read by the importers that meet them.
//!
//! Sources: each scheme's module names its own.

use std::cmp::Ordering;
use std::fmt;

pub mod apk;
pub mod composer;
pub mod cran;
pub mod dpkg;
pub mod gem;
pub mod go;
pub mod maven;
pub mod nuget;
pub mod packed;
pub mod pairs;
pub mod pep440;
pub mod rpm;
pub mod semver;
#[cfg(test)]
mod tests;

use packed::{Packed, Part};

/// How versions of an ecosystem are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Debian and its derivatives.
    Dpkg,
    /// RPM distributions.
    Rpm,
    /// Alpine, Wolfi, Chainguard.
    Apk,
    /// Semantic versions (crates, and ecosystems that say so).
    Semver,
    /// npm: semantic versions with a tolerant reader.
    Npm,
    /// Go modules, the standard library and toolchain, pseudo-versions.
    Go,
    /// Python.
    Pep440,
    /// Maven.
    Maven,
    /// `RubyGems`.
    Gem,
    /// .NET: four numbers, case-insensitive labels.
    Nuget,
    /// PHP.
    Composer,
    /// R; also builds of Windows: plain lists of numbers.
    Cran,
}

/// A version read once, to be compared many times.
#[derive(Debug, Clone)]
pub enum Key {
    /// Byte order is version order.
    Packed(Vec<u8>),
    /// Maven's items.
    Maven(maven::Items),
    /// `RubyGems`' segments.
    Gem(gem::Segments),
    /// PHP's parts.
    Composer(composer::Parts),
}

/// Why one version sorts before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The result.
    pub order: Ordering,
    /// The first version's parts as the scheme reads them.
    pub left: Vec<Part>,
    /// The second's.
    pub right: Vec<Part>,
    /// The step that decided, for people.
    pub decided: String,
}

/// A string that is not a version of its scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{version:?} is not a {scheme} version: {reason}")]
pub struct VersionError {
    /// What was given, shortened.
    pub version: String,
    /// The scheme.
    pub scheme: Scheme,
    /// What is wrong.
    pub reason: &'static str,
}

impl Scheme {
    /// All schemes, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Dpkg,
        Self::Rpm,
        Self::Apk,
        Self::Semver,
        Self::Npm,
        Self::Go,
        Self::Pep440,
        Self::Maven,
        Self::Gem,
        Self::Nuget,
        Self::Composer,
        Self::Cran,
    ];

    /// The name as commands and `because` write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Semver => "semver",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Pep440 => "pep440",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
            Self::Cran => "cran",
        }
    }

    /// The scheme of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Reads a version. Never fails: what is no version of the scheme still gets a place.
    pub fn key(self, version: &str) -> Key {
        match self {
            Self::Maven => Key::Maven(maven::parse(version)),
            Self::Gem => Key::Gem(gem::parse(version)),
            Self::Composer => Key::Composer(composer::parse(version)),
            _ => {
                let mut packed = Packed::bytes_only();
                self.pack(version, &mut packed);
                Key::Packed(packed.into_bytes())
            }
        }
    }

    /// Reads a version for a range check. Composer alone brings a version into another form before it checks one.
    pub fn range_key(self, version: &str) -> Key {
        match self {
            Self::Composer => Key::Composer(composer::parse(&composer::normalised(version))),
            _ => self.key(version),
        }
    }

    fn pack(self, version: &str, out: &mut Packed) {
        match self {
            Self::Dpkg => dpkg::pack(version, out),
            Self::Rpm => rpm::pack(version, out),
            Self::Apk => apk::pack(version, out),
            Self::Semver | Self::Npm => semver::pack(version, out),
            Self::Go => go::pack(version, out),
            Self::Pep440 => pep440::pack(version, out),
            Self::Nuget => nuget::pack(version, out),
            Self::Cran | Self::Maven | Self::Gem | Self::Composer => cran::pack(version, out),
        }
    }

    /// Compares two versions.
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        if left == right { Ordering::Equal } else { self.key(left).cmp(&self.key(right)) }
    }

    /// Whether a string is a version of this scheme.
    pub fn validate(self, version: &str) -> Result<(), VersionError> {
        let checked = match self {
            Self::Dpkg => dpkg::validate(version),
            Self::Rpm => rpm::validate(version),
            Self::Apk => apk::validate(version),
            Self::Semver | Self::Npm => semver::validate(version),
            Self::Go => go::validate(version),
            Self::Pep440 => pep440::validate(version),
            Self::Maven | Self::Nuget | Self::Cran => numbered(version),
            Self::Gem => gem::validate(version),
            Self::Composer => composer::validate(version),
        };
        checked.map_err(|reason| VersionError { version: version.chars().take(64).collect(), scheme: self, reason })
    }

    /// Compares two versions and says what decided.
    pub fn explain(self, left: &str, right: &str) -> Explanation {
        let (a, b) = (self.parts(left), self.parts(right));
        let order = self.compare(left, right);
        let decided = self.decide(order, &a, &b);
        Explanation { order, left: a, right: b, decided }
    }

    /// The parts of a version as the scheme reads them.
    pub fn parts(self, version: &str) -> Vec<Part> {
        match self {
            Self::Maven => maven::parts(&maven::parse(version)),
            Self::Gem => gem::parts(&gem::parse(version)),
            Self::Composer => composer::parts(&composer::parse(version)),
            _ => {
                let mut packed = Packed::with_parts();
                self.pack(version, &mut packed);
                packed.into_parts()
            }
        }
    }

    fn decide(self, order: Ordering, left: &[Part], right: &[Part]) -> String {
        if order == Ordering::Equal {
            return "no part differs".into();
        }
        let sign = if order == Ordering::Less { "before" } else { "after" };
        let index = left.iter().zip(right).take_while(|(a, b)| a.key == b.key).count();
        match (left.get(index), right.get(index)) {
            (Some(a), Some(b)) => {
                format!("{} {} sorts {sign} {} {}", a.label, quoted(&a.text), b.label, quoted(&b.text))
            }
            (Some(a), None) => format!("{} {} sorts {sign} the end", a.label, quoted(&a.text)),
            (None, Some(b)) => format!("the end sorts {sign} {} {}", b.label, quoted(&b.text)),
            (None, None) => format!("the {self} rules for what follows decide"),
        }
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "(none)".into() } else { format!("`{text}`") }
}

/// Versions of these schemes begin with a number; everything else is a branch, a placeholder or a wish.
fn numbered(version: &str) -> Result<(), &'static str> {
    let first = version.strip_prefix(['v', 'V']).unwrap_or(version).bytes().next();
    if first.is_some_and(|byte| byte.is_ascii_digit()) { Ok(()) } else { Err("it does not begin with a number") }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// Keys of one scheme compare by its rules. Keys of different schemes have no meaningful order and get a fixed one.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Packed(a), Self::Packed(b)) => a.cmp(b),
            (Self::Maven(a), Self::Maven(b)) => maven::compare(a, b),
            (Self::Gem(a), Self::Gem(b)) => gem::compare(a, b),
            (Self::Composer(a), Self::Composer(b)) => composer::compare(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl Key {
    const fn rank(&self) -> u8 {
        match self {
            Self::Packed(_) => 0,
            Self::Maven(_) => 1,
            Self::Gem(_) => 2,
            Self::Composer(_) => 3,
        }
    }
}
