//! What to look up: packages grouped by the name and version that advisories speak of.
//!
//! An advisory of Debian names a source package: its binaries are one subject, judged once, listed beneath each
//! finding. Where advisories name binaries (Red Hat), the binaries of one source are a subject too, so that a CVE is
//! reported once, but each is looked up by its own name and version.

use std::collections::{BTreeMap, BTreeSet};

use model::{Inventory, Package};

use super::golang::Platform;
use super::redhat::Enabled;
use crate::Segment;
use crate::ecosystem::{self, Naming};
use crate::import::csaf::{self, REPOSITORY};
use crate::version::{Scheme, dpkg, rpm};

/// The segments and what the operating system asks of them.
pub(super) struct Context<'s, 'a, 'i> {
    /// All segments.
    pub segments: &'s [Segment<'a>],
    /// Ecosystem keys of the operating system, the decisive one first; empty without one.
    pub os_keys: Vec<String>,
    /// Segments that cover the operating system: the vendor's own where there are any, else those of OSV.
    pub os_segments: Vec<&'s Segment<'a>>,
    /// Key of the distribution that this one is rebuilt from, with the segments that cover it.
    pub upstream: Option<(String, Vec<&'s Segment<'a>>)>,
    /// Whether any package of the operating system says which source it is built from.
    pub names_sources: bool,
    /// Whether fixes of Ubuntu Pro reach this system.
    pub ubuntu_pro: bool,
    /// Repositories and products that the image enables; empty when it does not say.
    pub enabled: Enabled,
    /// What the image runs on.
    pub platform: Platform<'i>,
}

/// Something to look up.
#[derive(Debug)]
pub(super) struct Subject<'i> {
    /// Ecosystem key: the operating system's decisive one or a language's.
    pub key: String,
    /// Version order.
    pub scheme: Scheme,
    /// The name that findings are grouped under: the source or the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is a package of the operating system.
    pub os: bool,
    /// Whether the source was guessed.
    pub guessed: bool,
    /// The packages beneath, by purl.
    pub packages: Vec<&'i Package>,
}

impl<'s, 'a, 'i> Context<'s, 'a, 'i> {
    pub(super) fn new(inventory: &'i Inventory, segments: &'s [Segment<'a>]) -> Self {
        let os_keys = inventory.os.as_ref().map(|os| os_keys(inventory, os)).unwrap_or_default();
        // The vendor's own feed where there is one, else what OSV has of it.
        let covering = |keys: &[String]| -> Vec<&'s Segment<'a>> {
            let covers = |segment: &&Segment<'_>| keys.iter().any(|key| segment.covers(key));
            let (native, osv): (Vec<_>, Vec<_>) =
                segments.iter().filter(covers).partition(|segment| segment.meta().feed != "osv");
            if native.is_empty() { osv } else { native }
        };
        let os_segments = covering(&os_keys);
        let upstream = os_keys.first().and_then(|key| ecosystem::upstream(key));
        let upstream = upstream.map(|key| {
            let segments = covering(std::slice::from_ref(&key));
            (key, segments)
        });
        let esm = |package: &Package| package.r#type == "deb" && package.version.contains("esm");
        let mut repositories: Vec<String> = inventory
            .packages
            .iter()
            .filter_map(|package| package.properties.get("content_sets"))
            .flat_map(|sets| sets.split([',', ' ']))
            .map(str::to_owned)
            .collect();
        repositories.sort_unstable();
        repositories.dedup();
        let label = inventory.artifact.labels.get("cpe").and_then(|cpe| csaf::release(cpe)).map(|(_, product)| product);
        let products = products(&repositories, segments).into_iter().chain(label).collect();
        let enabled = Enabled { repositories, products };
        let (system, architecture) =
            (inventory.artifact.platform.os.as_str(), inventory.artifact.platform.architecture.as_str());
        let platform = Platform { system, architecture };
        Self {
            platform,
            segments,
            os_segments,
            upstream,
            names_sources: inventory.packages.iter().any(|package| is_os(package) && package.source.is_some()),
            ubuntu_pro: inventory.packages.iter().any(esm),
            enabled,
            os_keys,
        }
    }

    /// Whether any segment has advisories for the operating system.
    pub(super) fn os_covered(&self) -> bool {
        !self.os_segments.is_empty()
    }
}

fn is_os(package: &Package) -> bool {
    matches!(package.r#type.as_str(), "deb" | "rpm" | "apk")
}

/// The products that repositories belong to, by Red Hat's map. What cannot be read is as if it were not there: streams are
/// then told by the repositories' names.
fn products(repositories: &[String], segments: &[Segment<'_>]) -> Vec<String> {
    let known = |name: &String| segments.iter().find_map(|segment| segment.fact(REPOSITORY, name).ok().flatten());
    repositories.iter().filter_map(known).flat_map(|products| products.split(' ')).map(str::to_owned).collect()
}

/// The keys of the operating system; Alpine's branch by its repositories where the inventory has them.
fn os_keys(inventory: &Inventory, os: &model::OperatingSystem) -> Vec<String> {
    if os.id == "alpine" {
        let branch = inventory.packages.iter().find_map(|package| package.properties.get("apk_branch"));
        if let Some(branch) = branch {
            return vec![format!("alpine:{}", branch.trim_start_matches('v'))];
        }
    }
    ecosystem::of_os(os)
}

/// The ecosystem keys that an inventory needs advisories for.
pub fn ecosystems(inventory: &Inventory) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> =
        inventory.os.as_ref().map(|os| os_keys(inventory, os)).unwrap_or_default().into_iter().collect();
    keys.extend(keys.clone().iter().filter_map(|key| ecosystem::upstream(key)));
    for package in &inventory.packages {
        if !is_os(package) && !keys.contains(&package.r#type) {
            keys.insert(package.r#type.clone());
        }
    }
    keys
}

/// Groups the packages of an inventory.
pub(super) fn subjects<'i>(inventory: &'i Inventory, context: &Context<'_, '_, '_>) -> Vec<Subject<'i>> {
    let mut groups: BTreeMap<(String, String, String), Subject<'i>> = BTreeMap::new();
    for package in &inventory.packages {
        let subject = if is_os(package) { os_subject(package, context) } else { language_subject(package, context) };
        let Some(subject) = subject else { continue };
        let id = (subject.key.clone(), subject.name.clone(), subject.version.clone());
        let group = groups.entry(id).or_insert(subject);
        group.packages.push(package);
    }
    groups.into_values().collect()
}

fn os_subject<'i>(package: &Package, context: &Context<'_, '_, '_>) -> Option<Subject<'i>> {
    let key = context.os_keys.first()?;
    let scheme = ecosystem::scheme(key)?;
    let fits = matches!(
        (package.r#type.as_str(), scheme),
        ("deb", Scheme::Dpkg) | ("rpm", Scheme::Rpm) | ("apk", Scheme::Apk)
    );
    if !fits {
        return None;
    }
    let (name, version, guessed) = source(package, scheme, context);
    Some(Subject { key: key.clone(), scheme, name, version, os: true, guessed, packages: Vec::new() })
}

/// The source of a package: as it says, as a segment knows, else itself.
fn source(package: &Package, scheme: Scheme, context: &Context<'_, '_, '_>) -> (String, String, bool) {
    if let Some(source) = &package.source {
        let version = if source.version.is_empty() { &package.version } else { &source.version };
        let version = source_version(version, package, scheme);
        return match signed_kernel(&source.name, &version, scheme) {
            Some((name, version)) => (name, version, false),
            None => (source.name.clone(), version, false),
        };
    }
    let known = context.os_segments.iter().find_map(|segment| {
        context.os_keys.iter().find_map(|key| segment.source_of(key, &package.name).ok().flatten())
    });
    let version = source_version(&package.version, package, scheme);
    if let Some(source) = known {
        return (source.to_owned(), version, true);
    }
    // rpm and apk databases name the source; Debian leaves it out when it is the package's own name, and so do most
    // tools: one that names any names all that differ. Of one that names none, a name that advisories know as a source is
    // one; of any other nobody can tell.
    let told = package.evidence != model::Evidence::Sbom || context.names_sources;
    let guessed = !told && !is_source(&package.name, context);
    (package.name.clone(), version, guessed)
}

/// Signed kernels are a source of their own, made from the kernel's, which advisories name: Ubuntu's `linux-signed-azure`
/// from `linux-azure` of the same version, Debian's `linux-signed-amd64` 6.1.76+1 from `linux` 6.1.76-1.
fn signed_kernel(name: &str, version: &str, scheme: Scheme) -> Option<(String, String)> {
    let flavour = name.strip_prefix("linux-signed").filter(|_| scheme == Scheme::Dpkg)?;
    Some(match flavour {
        "-amd64" | "-arm64" | "-i386" => ("linux".to_owned(), version.replacen('+', "-", 1)),
        _ => (format!("linux{flavour}"), version.to_owned()),
    })
}

fn is_source(name: &str, context: &Context<'_, '_, '_>) -> bool {
    let has = |segment: &&Segment<'_>, key: &String| segment.rows(key, name).is_ok_and(|rows| !rows.is_empty());
    context.os_segments.iter().any(|segment| context.os_keys.iter().any(|key| has(segment, key)))
}

/// A binary-only rebuild (`+b1`) is the source's version; a source rpm's name has no epoch, its packages have.
fn source_version(version: &str, package: &Package, scheme: Scheme) -> String {
    match scheme {
        Scheme::Dpkg => {
            let (_, rest) = dpkg::split_epoch(version);
            let base = match rest.rfind("+b") {
                Some(at) if rest[at + 2..].bytes().all(|byte| byte.is_ascii_digit()) && at + 2 < rest.len() => {
                    &version[..version.len() - rest.len() + at]
                }
                _ => version,
            };
            base.to_owned()
        }
        Scheme::Rpm => {
            let (own, _) = rpm::split_epoch(version);
            let (packages, _) = rpm::split_epoch(&package.version);
            if own.is_empty() && !packages.is_empty() && packages != "0" {
                format!("{packages}:{version}")
            } else {
                version.to_owned()
            }
        }
        _ => version.to_owned(),
    }
}

fn language_subject<'i>(package: &Package, context: &Context<'_, '_, '_>) -> Option<Subject<'i>> {
    // What the distribution brought is judged by the distribution's advisories (spec §1.6 rule 9), where there are any.
    if package.is_from_distribution() && context.os_covered() {
        return None;
    }
    let (key, name) = ecosystem::of_package(package)?;
    let scheme = ecosystem::scheme(&key)?;
    let version = package.version.clone();
    Some(Subject {
        key,
        scheme,
        name,
        version,
        os: false,
        guessed: package.is_from_distribution(),
        packages: Vec::new(),
    })
}

impl Subject<'_> {
    /// Names and versions to look up: the source, and the binaries where advisories name those.
    pub(super) fn lookups(&self) -> Vec<Lookup<'_>> {
        let own = Lookup { name: &self.name, version: &self.version, binary: None };
        if !self.os {
            return vec![own];
        }
        let mut lookups = vec![own];
        if ecosystem::naming(&self.key) == Naming::Binary || self.scheme == Scheme::Apk {
            for (index, package) in self.packages.iter().enumerate() {
                lookups.push(Lookup { name: &package.name, version: &package.version, binary: Some(index) });
            }
        }
        lookups
    }
}

/// A name to look up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup<'x> {
    pub name: &'x str,
    pub version: &'x str,
    /// Index of the binary package; none for the source.
    pub binary: Option<usize>,
}
