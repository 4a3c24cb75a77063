//! Advisories as the importers make them, before a segment packs them.
//!
//! What it is: the one shape that all feeds are brought into. What it is not: the form that matching reads; that is
//! [`crate::segment::Row`], which looks into the segment without copying.

use model::{FixStatus, Severity};

/// An advisory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advisory {
    /// Id as the feed gives it.
    pub id: String,
    /// Other ids of the same vulnerability; for errata, the CVEs that they fix.
    pub aliases: Vec<String>,
    /// One line for people; may be empty.
    pub title: String,
    /// Severities and CVSS vectors, by source.
    pub ratings: Vec<Rating>,
    /// Day of publication, `YYYY-MM-DD`; empty when unknown.
    pub published: String,
    /// What kind of statement it is.
    pub kind: Kind,
    /// What it affects.
    pub affected: Vec<Affected>,
}

/// What an advisory says of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// It is vulnerable.
    #[default]
    Vulnerability,
    /// It is malicious.
    Malware,
    /// It is unmaintained or otherwise worth a notice.
    Notice,
    /// An erratum that fixes several vulnerabilities: each alias is a finding of its own.
    Erratum,
}

/// A severity by one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rating {
    /// `vendor`, `ghsa`, `nvd`, `cna`, or the name of a database.
    pub source: String,
    /// Severity; [`Severity::Unknown`] when only a vector is given, which then decides.
    pub severity: Severity,
    /// CVSS vector; may be empty.
    pub vector: String,
}

/// A package that an advisory is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Key of the ecosystem (see [`crate::ecosystem`]).
    pub ecosystem: String,
    /// Name in the ecosystem's normal form.
    pub name: String,
    /// Which name of an OS package it is.
    pub target: Target,
    /// Version ranges. None and no versions: every version.
    pub ranges: Vec<Range>,
    /// Versions named one by one, where no range covers them.
    pub versions: Vec<String>,
    /// State of the fix as the feed says it; where a range ends in a fix, that decides.
    pub status: State,
    /// Severity for this package, where it differs from the advisory's.
    pub severity: Option<Severity>,
    /// Module stream (`name:stream`) that it belongs to.
    pub module: String,
    /// Architectures; empty: all.
    pub architectures: Vec<String>,
    /// Repositories or product identifiers (CPE) that it was published for; empty: all.
    pub products: Vec<String>,
    /// Go packages and symbols that are vulnerable; empty: all.
    pub imports: Vec<GoImport>,
    /// Binary packages built from the source, where the feed lists them.
    pub binaries: Vec<String>,
    /// A condition or remark for people, such as "with Ubuntu Pro".
    pub note: String,
}

/// Which name of a package an advisory means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The only name there is (languages).
    #[default]
    Package,
    /// The source package.
    Source,
    /// The binary package.
    Binary,
    /// Either: the feed mixes them.
    Either,
}

/// State of a fix in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Nothing said: the ranges tell.
    #[default]
    ByRange,
    /// The feed says this.
    Said(FixStatus),
}

/// Versions from `introduced` on, up to `end`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// First affected version; empty: from the first version on, pseudo-versions included.
    pub introduced: String,
    /// Whether `introduced` itself is not affected, only what comes after it.
    pub exclusive: bool,
    /// Where it ends.
    pub end: End,
}

/// Where a range ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum End {
    /// Nowhere: no fix.
    #[default]
    Open,
    /// Before this version, which fixes it.
    Fixed(String),
    /// After this version, the last affected; no fix is known.
    Last(String),
    /// Before this version, which is not a fix (another branch begins there).
    Before(String),
}

/// A Go package and what of it is vulnerable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoImport {
    /// Import path.
    pub path: String,
    /// Functions and methods (`Decoder.Decode`); empty: the whole package.
    pub symbols: Vec<String>,
    /// Operating systems; empty: all.
    pub systems: Vec<String>,
    /// Architectures by Go's names; empty: all.
    pub architectures: Vec<String>,
}

/// What is known of a CVE beyond any package: enrichment feeds give it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Note {
    /// The CVE.
    pub id: String,
    /// Severities and CVSS vectors.
    pub ratings: Vec<Rating>,
    /// Known exploited.
    pub kev: Option<model::image::Kev>,
    /// Probability of exploitation.
    pub epss: Option<model::image::Epss>,
}
