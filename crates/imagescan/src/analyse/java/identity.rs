//! Which artifact an archive is: by Maven's files, by the table of groups, by its manifest and file name.
//!
//! Where the archive itself does not say it, the group comes from the table (`groups`) or from what its manifest declares.
//! A declared group is of low confidence; without one the artifact stands alone, and no advisory is matched by half a name.

use super::folders::Folders;
use super::manifest::Manifest;
use super::{artifact, groups};
use crate::path::file_name;
use crate::record::Found;

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
    let stem = stem(file);
    let (stem_name, stem_version) = split(stem, manifest);
    if poms.iter().any(|found| is_named(stem, found)) {
        return None;
    }
    if let [only] = poms {
        // One Maven file is the archive's own whatever the archive is called, unless its name has another version: then
        // it is of something that was packed into an archive which another tool built.
        if stem_version.is_none_or(|version| version.starts_with(&only.version)) {
            return None;
        }
    }
    let version = version(manifest, stem_version)?;
    let name = name(manifest, stem_name);
    if let Some((group, name)) = groups::find(name, version, manifest, folders) {
        return Some(artifact(group, name, version));
    }
    let group = manifest.and_then(|manifest| declared_group(manifest, name, folders));
    let mut found = artifact(group.as_deref().unwrap_or_default(), name, version);
    let source = if group.is_some() { "declared" } else { "unknown" };
    found.properties.insert("group".into(), source.into());
    found.properties.insert("confidence".into(), "low".into());
    Some(found)
}

/// Whether an archive is called as an artifact: its name is the artifact's, alone or before a version.
fn is_named(stem: &str, found: &Found) -> bool {
    let name = found.name.rsplit(':').next().unwrap_or_default();
    stem.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// A file's name without its ending.
fn stem(file: &str) -> &str {
    file_name(file).rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// `name` and `1.2.3` of `name-1.2.3`: at the dash after which the manifest's version stands, else at the first one
/// before a digit (`log4j-1.2-api-2.17.1` has two).
fn split<'a>(stem: &'a str, manifest: Option<&Manifest>) -> (&'a str, Option<&'a str>) {
    let dashes = stem.match_indices('-').map(|(at, _)| at);
    let splits = dashes.filter(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let stated = manifest.and_then(stated_version);
    let by_manifest = splits.clone().find(|at| stated == Some(without_classifier(&stem[at + 1..])));
    match by_manifest.or_else(|| splits.min()) {
        Some(at) => (&stem[..at], Some(without_classifier(&stem[at + 1..]))),
        None => (stem, None),
    }
}

/// A version without what Maven appends to the file of a variant, which is no part of it.
fn without_classifier(version: &str) -> &str {
    const CLASSIFIERS: &[&str] = &[
        "-sources",
        "-javadoc",
        "-tests",
        "-all",
        "-shaded",
        "-exec",
        "-jar-with-dependencies",
        "-linux-x86_64",
        "-linux-aarch_64",
        "-osx-x86_64",
        "-osx-aarch_64",
        "-windows-x86_64",
    ];
    CLASSIFIERS.iter().find_map(|classifier| version.strip_suffix(classifier)).unwrap_or(version)
}

fn stated_version(manifest: &Manifest) -> Option<&str> {
    manifest.first(&["Implementation-Version", "Bundle-Version", "Specification-Version", "Plugin-Version"])
}

fn version<'a>(manifest: Option<&'a Manifest>, in_name: Option<&'a str>) -> Option<&'a str> {
    // The file's name is what Maven and Gradle wrote; OSGi versions in manifests are its translation.
    let version = in_name.or_else(|| manifest.and_then(stated_version));
    version.filter(|version| is_plain(version) && version.contains(|c: char| c.is_ascii_digit()))
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

/// Names that many projects have in common and none publishes such archives under: they are a part of the group.
const UMBRELLAS: &[&str] = &[
    "com.github",
    "com.google",
    "com.ibm",
    "com.microsoft",
    "com.oracle",
    "com.sun",
    "io.github",
    "net.java",
    "net.sourceforge",
    "org.apache",
    "org.codehaus",
    "org.eclipse",
    "org.jboss",
];

/// A group that the manifest declares, where the classes agree with it: before the artifact in the bundle's name, as
/// Maven's bundle plugin writes it, else as the id of the vendor, which Maven's archiver and sbt fill with the group.
fn declared_group(manifest: &Manifest, name: &str, folders: &Folders) -> Option<String> {
    let is_group = |group: &&str| {
        group.contains('.')
            && is_plain(group)
            && group.chars().all(|c| !c.is_ascii_uppercase())
            && !UMBRELLAS.contains(group)
    };
    let symbolic = manifest.get("Bundle-SymbolicName").and_then(|value| value.split(';').next());
    let from_symbolic = symbolic.and_then(|symbolic| symbolic.trim().strip_suffix(name)?.strip_suffix('.'));
    // The end of a bundle's name is the artifact's: what stands before needs to agree only as a domain.
    let domain = |group: &&str| {
        let mut parts = group.split('.');
        let (top, owner) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        folders.has(&format!("{top}/{owner}"))
    };
    let from_vendor = manifest.get("Implementation-Vendor-Id").filter(is_group);
    let agreed = |group: &&str| folders.has(&group.replace('.', "/"));
    from_symbolic.filter(is_group).filter(domain).or_else(|| from_vendor.filter(agreed)).map(str::to_owned)
}
