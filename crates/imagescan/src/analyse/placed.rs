//! Packages that are named by the place of a file: installers that keep a folder for each package and version.
//!
//! Places: Gentoo's package manager specification, "The VDB" (`var/db/pkg`); opam's manual, "opam switches"; the
//! documentation of `LuaRocks`, "File locations"; cpanminus, `.meta/DISTRIBUTION-VERSION/install.json`.

use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::record::Found;

/// The content does not matter.
pub const PLACE: Analyser = Analyser::packages(Take::Start(0), place);

/// Whether a file's place names a package.
pub fn is_place(path: &str) -> bool {
    named(path).is_some()
}

fn place(path: &str, _: &[u8]) -> Packages {
    let found = named(path).map(|(r#type, name, version)| Found::new(r#type, name, version, Evidence::File));
    (found.into_iter().collect(), Vec::new())
}

/// Type, name and version of the package that a file stands for. Runs for every entry of a layer: the file's own name is
/// looked at first, and nothing is allocated for others.
fn named(path: &str) -> Option<(&'static str, String, &str)> {
    let mut parts = path.rsplit('/');
    let (file, folder, above) = (parts.next()?, parts.next()?, parts.next()?);
    match file {
        // `var/db/pkg/CATEGORY/NAME-VERSION/CONTENTS`
        "CONTENTS" => {
            let category = path.strip_prefix("var/db/pkg/")?.split('/').next().filter(|category| *category == above)?;
            let (name, version) = before_number(folder)?;
            Some(("ebuild", format!("{category}/{name}"), version))
        }
        // `.opam/SWITCH/.opam-switch/packages/NAME.VERSION/opam`
        "opam" if above == "packages" && parts.next() == Some(".opam-switch") => {
            let (name, version) = folder.split_once('.')?;
            Some(("opam", name.to_owned(), version))
        }
        // `site_perl/5.36.0/x86_64-linux-gnu/.meta/NAME-VERSION/install.json`
        "install.json" if above == ".meta" => {
            let (name, version) = folder.rsplit_once('-')?;
            let version = version.strip_prefix('v').unwrap_or(version);
            version.starts_with(|c: char| c.is_ascii_digit()).then(|| ("cpan", name.to_owned(), version))
        }
        // `lib/luarocks/rocks-5.1/NAME/VERSION/NAME-VERSION.rockspec`
        _ => {
            let rest = file.strip_suffix(".rockspec")?.strip_prefix(above)?;
            let placed = parts.next()?.starts_with("rocks") && rest.strip_prefix('-') == Some(folder);
            placed.then(|| ("luarocks", above.to_owned(), folder))
        }
    }
}

/// `name` and `1.2-r1` of `name-1.2-r1`: a version begins at the last dash before a number that is no revision.
fn before_number(text: &str) -> Option<(&str, &str)> {
    let at = text
        .rmatch_indices('-')
        .map(|(at, _)| at)
        .find(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_each_installer() {
        for (path, expected) in [
            ("var/db/pkg/app-misc/foo-bar-1.0-r2/CONTENTS", Some("ebuild app-misc/foo-bar 1.0-r2")),
            (
                "root/.opam/4.14.0/.opam-switch/packages/ocaml-base-compiler.4.14.0/opam",
                Some("opam ocaml-base-compiler 4.14.0"),
            ),
            (
                "usr/local/lib/perl5/site_perl/5.36.0/x86_64-linux-gnu/.meta/Mojolicious-9.31/install.json",
                Some("cpan Mojolicious 9.31"),
            ),
            ("usr/local/lib/luarocks/rocks-5.1/kong/3.7.0-0/kong-3.7.0-0.rockspec", Some("luarocks kong 3.7.0-0")),
            ("src/kong-3.7.0-0.rockspec", None),
            ("home/x/packages/a.1/opam", None),
            ("srv/.meta/notes/install.json", None),
            ("doc/CONTENTS", None),
            ("CONTENTS", None),
        ] {
            let (found, _) = place(path, b"");
            let lines: Vec<String> = found.iter().map(|f| format!("{} {} {}", f.r#type, f.name, f.version)).collect();
            assert_eq!(lines.first().map(String::as_str), expected, "{path}");
        }
    }
}
