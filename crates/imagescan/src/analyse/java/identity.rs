//! Which artifact an archive is: by Maven's files, by the table of groups, by its manifest and file name.

use rustc_hash::FxHashSet;

use super::manifest::Manifest;
use super::{artifact, lies_in};
use crate::path::file_name;
use crate::record::Found;

/// Projects whose archives carry no Maven files: artifact (with a `*` at its end: its start), folder of its classes, group.
const GROUPS: &str = include_str!("../../../data/maven-groups.tsv");
/// Folders of classes that are remembered of one archive; enough to tell a project, which is all they are for.
const MAX_FOLDERS: usize = 2_000;

/// Folders that have classes.
#[derive(Debug, Default)]
pub struct Folders {
    seen: FxHashSet<String>,
}

impl Folders {
    /// Adds a folder. Versioned and packed classes count as what they stand for.
    pub fn add(&mut self, folder: &str) {
        let folder = folder.strip_prefix("BOOT-INF/classes/").unwrap_or(folder);
        if self.seen.len() < MAX_FOLDERS && !folder.starts_with("META-INF/") && !self.seen.contains(folder) {
            self.seen.insert(folder.to_owned());
        }
    }

    fn has(&self, above: &str) -> bool {
        self.seen.iter().any(|folder| lies_in(folder, above))
    }
}

/// The artifact of a `pom.properties`.
pub fn properties(bytes: &[u8]) -> Option<Found> {
    let text = String::from_utf8_lossy(bytes);
    let value = |key: &str| {
        let lines = text.lines().map(str::trim).filter_map(|line| line.split_once(['=', ':']));
        let mut values = lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
        values.find(|value| is_plain(value))
    };
    Some(artifact(value("groupId")?, value("artifactId")?, value("version")?))
}

/// The artifact of a `pom.xml` in a folder `META-INF/maven/GROUP/ARTIFACT`. Its version may be that of its parent; one that
/// is a reference to a property is not known.
pub fn project(folder: &str, bytes: &[u8]) -> Option<Found> {
    let mut parts = folder.strip_prefix("META-INF/maven/")?.split('/');
    let (group, name) = (parts.next()?, parts.next()?);
    let text = String::from_utf8_lossy(bytes);
    let (parent, rest) = match (text.find("<parent>"), text.find("</parent>")) {
        (Some(start), Some(end)) if start < end => (&text[start..end], format!("{}{}", &text[..start], &text[end..])),
        _ => ("", text.clone().into_owned()),
    };
    // The project's own version stands before any list of other artifacts.
    let lists = ["<dependencies", "<dependencyManagement", "<build", "<profiles", "<modules", "<reporting"];
    let end = lists.iter().filter_map(|list| rest.find(list)).min().unwrap_or(rest.len());
    let version = element(&rest[..end], "version").or_else(|| element(parent, "version"))?;
    (is_plain(group) && is_plain(name)).then(|| artifact(group, name, version))
}

/// The text of the first element of a name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{name}>"))? + name.len() + 2;
    let value = text[start..].split("</").next()?.trim();
    is_plain(value).then_some(value)
}

/// Whether a text can be a part of an artifact's coordinates.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 256
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~'))
}

/// What an archive itself is, when none of its Maven files says so.
pub fn own(file: &str, manifest: Option<&Manifest>, poms: &[Found], folders: &Folders) -> Option<Found> {
    let (stem_name, stem_version) = split_file_name(file);
    let named = |found: &&Found| found.name.rsplit(':').next().is_some_and(|name| name == stem_name);
    // One Maven file is the archive's own whatever the archive is called.
    if poms.len() == 1 || poms.iter().any(|found| named(&found)) {
        return None;
    }
    let version = version(manifest, stem_version)?;
    let name = name(manifest, stem_name);
    if let Some(group) = group(name, folders) {
        return Some(artifact(group, name, version));
    }
    let mut found = match manifest.and_then(|manifest| declared_group(manifest, name, folders)) {
        Some(group) => artifact(&group, name, version),
        None => artifact("", name, version),
    };
    found.properties.insert("confidence".into(), "low".into());
    Some(found)
}

/// `name` and `1.2.3` of `name-1.2.3.jar`.
fn split_file_name(file: &str) -> (&str, Option<&str>) {
    let stem = file_name(file).rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut dashes = stem.match_indices('-').map(|(at, _)| at);
    match dashes.find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit())) {
        Some(at) => (&stem[..at], Some(&stem[at + 1..])),
        None => (stem, None),
    }
}

fn version<'a>(manifest: Option<&'a Manifest>, in_name: Option<&'a str>) -> Option<&'a str> {
    let stated = manifest.and_then(|manifest| {
        manifest.first(&["Implementation-Version", "Bundle-Version", "Specification-Version", "Plugin-Version"])
    });
    // The file's name is what Maven and Gradle wrote; OSGi versions in manifests are its translation.
    in_name.or(stated).filter(|version| is_plain(version) && version.contains(|c: char| c.is_ascii_digit()))
}

/// The artifact: the file's name, unless that says nothing.
fn name<'a>(manifest: Option<&'a Manifest>, stem: &'a str) -> &'a str {
    let generic = matches!(stem, "app" | "application" | "main" | "server" | "classes" | "lib");
    let title = manifest.and_then(|manifest| manifest.first(&["Implementation-Title", "Extension-Name", "Short-Name"]));
    match title.filter(|title| generic && is_plain(title)) {
        Some(title) => title,
        None => stem,
    }
}

/// The group by the table: the artifact's name and a folder of its classes must both fit.
fn group(name: &str, folders: &Folders) -> Option<&'static str> {
    GROUPS.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = line.split('\t');
        let (pattern, folder, group) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        (fits && folders.has(folder)).then_some(group)
    })
}

/// A group that the manifest declares, where the classes agree with it.
fn declared_group(manifest: &Manifest, name: &str, folders: &Folders) -> Option<String> {
    let agreed = |group: &str| {
        let plain = group.contains('.') && is_plain(group) && group.chars().all(|c| !c.is_ascii_uppercase());
        (plain && folders.has(&group.replace('.', "/"))).then(|| group.to_owned())
    };
    let symbolic = manifest.get("Bundle-SymbolicName").and_then(|value| value.split(';').next());
    let from_symbolic = symbolic.and_then(|symbolic| symbolic.strip_suffix(name)?.strip_suffix('.'));
    manifest.get("Implementation-Vendor-Id").and_then(agreed).or_else(|| from_symbolic.and_then(agreed))
}
