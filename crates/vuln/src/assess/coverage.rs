//! What was and was not looked at. Without a segment the answer is "no feed", never silence (DESIGN §5.12).

use std::collections::{BTreeMap, BTreeSet};

use model::{Coverage, CoverageState, Inventory, Package, Subject as About, Timestamp};

use super::Options;
use super::subjects::{Context, Subject};
use crate::ecosystem;

/// A feed is stale after this many days: distributions publish daily, and a month without them hides a month's fixes.
pub const STALE_DAYS: i64 = 30;
/// Examples that a reason names before it says how many more there are.
const EXAMPLES: usize = 3;

/// What came up while matching.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    damaged: BTreeMap<String, String>,
    versions: BTreeMap<String, BTreeSet<String>>,
    foreign: BTreeSet<String>,
    products: BTreeSet<(String, String)>,
    streams: BTreeSet<String>,
}

impl Gaps {
    /// A segment whose bytes cannot be read.
    pub(super) fn damaged(&mut self, segment: &str, what: &str) {
        self.damaged.entry(segment.to_owned()).or_insert_with(|| what.to_owned());
    }

    /// A package that the distribution did not build.
    pub(super) fn foreign(&mut self, subject: &Subject<'_>) {
        self.foreign.extend(subject.packages.iter().map(|package| package.name.clone()));
    }

    /// A package that would match what is said of a product which the image does not name.
    pub(super) fn product(&mut self, package: &str, product: &str) {
        self.products.insert((package.to_owned(), product.trim_start_matches("redhat:").to_owned()));
    }

    /// A package of a module whose stream nobody says.
    pub(super) fn stream(&mut self, package: &str) {
        self.streams.insert(package.to_owned());
    }

    /// A version that the scheme does not know.
    pub(super) fn unreadable_version(&mut self, key: &str, name: &str, version: &str) {
        self.versions.entry(key.to_owned()).or_default().insert(format!("{name} {version}"));
    }
}

impl Gaps {
    /// What only packages of rpm lack.
    fn of_rpms(&self) -> Vec<Coverage> {
        let statement = |signal: &str, packages: usize, reason: String| {
            let subject = About::PackageType { name: "rpm".into(), packages: packages as u64 };
            Coverage::new(subject, signal, CoverageState::Unseen, reason)
        };
        let mut statements = Vec::new();
        if !self.foreign.is_empty() {
            let reason = format!(
                "built by others than the distribution, whose feed says nothing about them: {}",
                examples(&self.foreign)
            );
            statements.push(statement("third_party", self.foreign.len(), reason));
        }
        if !self.streams.is_empty() {
            let reason = format!(
                "built in a module, but nothing says of which stream, so no advisory of a module was applied: {}",
                examples(&self.streams)
            );
            statements.push(statement("module", self.streams.len(), reason));
        }
        if !self.products.is_empty() {
            let names: BTreeSet<String> =
                self.products.iter().map(|(package, product)| format!("{package} ({product})")).collect();
            let packages: BTreeSet<&String> = self.products.iter().map(|(package, _)| package).collect();
            let reason = format!(
                "vulnerable if they are of a product that the image does not name (by its repositories or its `cpe` label): {}",
                examples(&names)
            );
            statements.push(statement("product", packages.len(), reason));
        }
        statements
    }
}

/// Statements about the operating system and each package type.
pub(super) fn coverage(
    inventory: &Inventory,
    context: &Context<'_, '_, '_>,
    subjects: &[Subject<'_>],
    gaps: &Gaps,
    options: &Options,
) -> Vec<Coverage> {
    let mut statements = Vec::new();
    if inventory.packages.is_empty() {
        let name = inventory.os.as_ref().map_or("unknown", |os| os.id.as_str()).to_owned();
        let reason = "no package was found: there is nothing to judge, which is not the same as nothing to find";
        statements.push(Coverage::new(About::Os { name }, "packages", CoverageState::Unseen, reason));
    }
    statements.extend(os(inventory, context, options));
    statements.extend(end_of_life(inventory, context, options));
    statements.extend(runtimes(inventory, context, options));
    statements.extend(package_types(inventory, context, options));
    statements.extend(guessed_sources(context, subjects));
    for (key, versions) in &gaps.versions {
        let reason = format!("versions that cannot be compared: {}", examples(versions));
        let subject = About::PackageType { name: key.clone(), packages: versions.len() as u64 };
        statements.push(Coverage::new(subject, "version", CoverageState::Unseen, reason));
    }
    statements.extend(gaps.of_rpms());
    for (segment, what) in &gaps.damaged {
        let subject = About::Table { name: segment.clone() };
        let reason = format!("the segment is damaged: {what}; run `seawall db update` or build it again");
        statements.push(Coverage::new(subject, "segment", CoverageState::Unreachable, reason));
    }
    statements
}

fn os(inventory: &Inventory, context: &Context<'_, '_, '_>, options: &Options) -> Option<Coverage> {
    let os = inventory.os.as_ref()?;
    let name = if os.version.is_empty() { os.id.clone() } else { format!("{}:{}", os.id, os.version) };
    let signal = context.os_keys.first().cloned().unwrap_or_else(|| name.clone());
    let subject = About::Os { name };
    let dates: Vec<Timestamp> = context.os_segments.iter().map(|segment| segment.reference().date).collect();
    let (state, reason) = feed_state(&dates, options)
        .unwrap_or_else(|| (CoverageState::Unseen, format!("no feed covers {signal}: its packages were not judged")));
    Some(Coverage::new(subject, signal, state, reason))
}

/// Seen or stale by the newest of the dates; `None` without any.
fn feed_state(dates: &[Timestamp], options: &Options) -> Option<(CoverageState, String)> {
    let newest = dates.iter().max()?;
    let Some(now) = options.now else { return Some((CoverageState::Seen, String::new())) };
    let days = now.millis_since(*newest) / 86_400_000;
    if days <= STALE_DAYS {
        return Some((CoverageState::Seen, String::new()));
    }
    let reason = format!("the feed is {days} days old ({})", day(*newest));
    Some((CoverageState::Stale, reason))
}

/// The operating system's end of life: by the inventory, else by a feed of dates.
fn end_of_life(inventory: &Inventory, context: &Context<'_, '_, '_>, options: &Options) -> Option<Coverage> {
    let os = inventory.os.as_ref()?;
    let date = match os.end_of_life {
        Some(end) => day(end),
        None => fact(context, &products(&os.id), &os.version)?,
    };
    let name = format!("{}:{}", os.id, os.version);
    (date < day(options.now?)).then(|| {
        let reason = format!("out of support since {date}: no fixes are published");
        Coverage::new(About::Os { name }, "end_of_life", CoverageState::Stale, reason)
    })
}

/// Language runtimes that no package manager owns and Go's own version, by a feed of dates.
fn runtimes(inventory: &Inventory, context: &Context<'_, '_, '_>, options: &Options) -> Vec<Coverage> {
    let Some(today) = options.now.map(day) else { return Vec::new() };
    let mut ended: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for package in &inventory.packages {
        let product = match (package.r#type.as_str(), package.name.as_str()) {
            ("golang", "stdlib") => "go",
            ("generic", name) => name,
            _ => continue,
        };
        if let Some(date) = fact(context, &products(product), &package.version).filter(|date| *date < today) {
            let what = format!("{product} {} is out of support since {date}", package.version);
            *ended.entry((package.r#type.as_str(), what)).or_default() += 1;
        }
    }
    let statement = |((kind, what), count): ((&str, String), u64)| {
        let subject = About::PackageType { name: kind.to_owned(), packages: count };
        Coverage::new(subject, "end_of_life", CoverageState::Stale, what)
    };
    ended.into_iter().map(statement).collect()
}

/// Names under which endoflife.date knows a system or runtime.
fn products(id: &str) -> Vec<&str> {
    match id {
        "alpine" => vec!["alpine-linux", "alpine"],
        "rocky" => vec!["rocky-linux"],
        "ol" => vec!["oracle-linux"],
        "amzn" => vec!["amazon-linux"],
        "azurelinux" | "mariner" => vec!["azure-linux", "cbl-mariner"],
        "opensuse-leap" => vec!["opensuse"],
        "node" => vec!["nodejs", "node"],
        "openjdk" => vec!["openjdk-builds-from-oracle", "openjdk"],
        other => vec![other],
    }
}

/// The date of the longest cycle that a version belongs to.
fn fact(context: &Context<'_, '_, '_>, products: &[&str], version: &str) -> Option<String> {
    let parts: Vec<&str> = version.split(['.', '-', '+']).collect();
    for length in (1..=parts.len().min(3)).rev() {
        let cycle = parts[..length].join(".");
        for (product, segment) in products.iter().flat_map(|p| context.segments.iter().map(move |s| (p, s))) {
            if let Ok(Some(date)) = segment.fact(&format!("eol:{product}"), &cycle) {
                return Some(date.to_owned());
            }
        }
    }
    None
}

fn day(time: Timestamp) -> String {
    time.to_string().get(..10).unwrap_or_default().to_owned()
}

fn package_types(inventory: &Inventory, context: &Context<'_, '_, '_>, options: &Options) -> Vec<Coverage> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for package in &inventory.packages {
        let count = counts.entry(package.r#type.as_str()).or_default();
        count.0 += 1;
        count.1 += u64::from(package.is_from_distribution());
    }
    counts.into_iter().map(|(kind, (all, owned))| package_type(kind, all, owned, context, options)).collect()
}

fn package_type(kind: &str, all: u64, owned: u64, context: &Context<'_, '_, '_>, options: &Options) -> Coverage {
    let subject = About::PackageType { name: kind.to_owned(), packages: all };
    let is_os = matches!(kind, "deb" | "rpm" | "apk");
    let dates: Vec<Timestamp> = if is_os {
        context.os_segments.iter().map(|segment| segment.reference().date).collect()
    } else {
        context.segments.iter().filter(|segment| segment.covers(kind)).map(|s| s.reference().date).collect()
    };
    let signal = if is_os { context.os_keys.first().map_or(kind, String::as_str) } else { kind }.to_owned();
    let owned_note = if owned > 0 && context.os_covered() && !is_os {
        format!("{owned} of {all} belong to packages of the operating system and are judged through those")
    } else {
        String::new()
    };
    match feed_state(&dates, options) {
        Some((state, reason)) => {
            let parts: Vec<&str> =
                [reason.as_str(), owned_note.as_str()].into_iter().filter(|p| !p.is_empty()).collect();
            Coverage::new(subject, signal, state, parts.join("; "))
        }
        None if owned == all && context.os_covered() => Coverage::new(subject, signal, CoverageState::Seen, owned_note),
        None if is_os && context.os_keys.is_empty() => {
            let reason = "no feed: the image does not say which distribution it is";
            Coverage::new(subject, signal, CoverageState::Unseen, reason)
        }
        None if !is_os && ecosystem::scheme(kind).is_none() => {
            let reason = format!("no feed: advisories for {kind} packages are not supported");
            Coverage::new(subject, signal, CoverageState::Unsupported, reason)
        }
        None => Coverage::new(subject, signal, CoverageState::Unseen, "no feed: these packages were not judged"),
    }
}

/// SBOMs of other tools may name binaries without their source.
fn guessed_sources(context: &Context<'_, '_, '_>, subjects: &[Subject<'_>]) -> Option<Coverage> {
    let guessed: Vec<&Package> = subjects
        .iter()
        .filter(|subject| subject.os && subject.guessed && context.os_covered())
        .flat_map(|subject| subject.packages.iter().filter(|package| package.name == subject.name).copied())
        .collect();
    let kind = guessed.first()?.r#type.clone();
    let names: BTreeSet<String> = guessed.into_iter().map(|package| package.name.clone()).collect();
    let reason =
        format!("no source package is named and none is known: judged by their own names: {}", examples(&names));
    let subject = About::PackageType { name: kind, packages: names.len() as u64 };
    Some(Coverage::new(subject, "source", CoverageState::Unseen, reason))
}

fn examples(names: &BTreeSet<String>) -> String {
    let text = names.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(EXAMPLES) {
        Some(more) if more > 0 => format!("{text} and {more} more"),
        _ => text,
    }
}
