//! Paths as archives write them, brought to one form: relative to the root, no `.`, no `..`, no doubled slashes.

/// Prefix of a whiteout's file name (OCI image specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Name of the file that makes its directory opaque.
const OPAQUE: &str = ".wh..wh..opq";

/// The normal form of a path of an archive. `..` never leaves the root, as when a runtime unpacks it.
pub fn normalise(path: &str) -> String {
    // Nearly every path of a real archive is in normal form but for one leading or trailing mark.
    let plain = path.trim_start_matches("./").trim_matches('/');
    let clean = !plain.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if clean && !plain.is_empty() {
        return plain.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Where a symbolic link leads: targets that begin with `/` start at the root of the image, others at the link's folder.
pub fn resolve(link: &str, target: &str) -> String {
    if target.starts_with('/') { normalise(target) } else { normalise(&format!("{}/{target}", parent(link))) }
}

/// The folder of a path, empty for the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// What follows the last dot of a path's last part, empty without one.
pub fn extension(path: &str) -> &str {
    file_name(path).rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// A path and all folders above it, longest first, the root (empty) not included.
pub fn self_and_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(parent(path))).take_while(|path| !path.is_empty())
}

/// What the name of an entry says about lower layers.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    /// The path is removed.
    Removes(String),
    /// Everything below the directory is removed.
    Opaque(String),
    /// Nothing: it is an entry of its own.
    None,
}

/// Reads the mark in a path's name.
pub fn mark(path: &str) -> Mark {
    let name = file_name(path);
    let Some(removed) = name.strip_prefix(WHITEOUT) else { return Mark::None };
    if name == OPAQUE {
        return Mark::Opaque(parent(path).to_owned());
    }
    // `.wh..wh.` names are bookkeeping of aufs (`.wh..wh.plnk`, `.wh..wh.aufs`), not whiteouts of something.
    if removed.starts_with(WHITEOUT) || removed.is_empty() {
        return Mark::Removes(path.to_owned());
    }
    match parent(path) {
        "" => Mark::Removes(removed.to_owned()),
        parent => Mark::Removes(format!("{parent}/{removed}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_form() {
        for (path, expected) in [
            ("etc/os-release", "etc/os-release"),
            ("./etc/os-release", "etc/os-release"),
            ("/etc//./os-release/", "etc/os-release"),
            ("../../etc/../usr/lib", "usr/lib"),
            ("./", ""),
            ("/", ""),
            ("..", ""),
        ] {
            assert_eq!(normalise(path), expected, "{path}");
        }
    }

    #[test]
    fn links_resolve_within_the_image() {
        assert_eq!(resolve("etc/os-release", "../usr/lib/os-release"), "usr/lib/os-release");
        assert_eq!(resolve("etc/os-release", "/usr/lib/os-release"), "usr/lib/os-release");
        assert_eq!(resolve("lib", "usr/lib"), "usr/lib");
        assert_eq!(resolve("a", "../../../etc/passwd"), "etc/passwd");
    }

    #[test]
    fn marks() {
        assert_eq!(mark("a/.wh.b"), Mark::Removes("a/b".into()));
        assert_eq!(mark(".wh.b"), Mark::Removes("b".into()));
        assert_eq!(mark("a/.wh..wh..opq"), Mark::Opaque("a".into()));
        assert_eq!(mark(".wh..wh..opq"), Mark::Opaque(String::new()));
        assert_eq!(mark(".wh..wh.plnk"), Mark::Removes(".wh..wh.plnk".into()));
        assert_eq!(mark("a/b"), Mark::None);
    }

    #[test]
    fn parents() {
        assert_eq!(self_and_parents("a/b/c").collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
    }
}
