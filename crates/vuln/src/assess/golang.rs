//! Go advisories narrowed by what is really linked into a program.
//!
//! The Go vulnerability database names the packages and functions that are vulnerable, and the systems on which they
//! are. A program's table of functions survives stripping and lists inlined functions too; a function that is not in
//! it cannot run. Without the table (another tool's SBOM) nothing is ruled out.

use model::{Package, SYMBOLS_PROPERTY, SymbolSet};

use crate::segment::ImportRef;

/// Functions that a reason names before it says how many more there are.
const EXAMPLES: usize = 3;

/// What an image runs on, by the names of Go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Platform<'p> {
    /// `linux`; empty when unknown.
    pub system: &'p str,
    /// `amd64`; empty when unknown.
    pub architecture: &'p str,
}

/// Why an advisory does not hold for the packages, or `None` when it may.
pub(super) fn ruled_out(imports: &[ImportRef<'_>], packages: &[&Package], platform: Platform<'_>) -> Option<String> {
    if imports.is_empty() {
        return None;
    }
    let here: Vec<&ImportRef<'_>> = imports.iter().filter(|import| runs(import, platform)).collect();
    if here.is_empty() {
        let mut systems: Vec<&str> =
            imports.iter().flat_map(|import| import.systems.iter().chain(&import.architectures).copied()).collect();
        systems.sort_unstable();
        systems.dedup();
        return Some(format!(
            "only vulnerable on {}, this image is {}/{}",
            systems.join(", "),
            platform.system,
            platform.architecture
        ));
    }
    // A package that is vulnerable as a whole has no function to look for.
    if here.iter().any(|import| import.symbols.is_empty()) {
        return None;
    }
    for package in packages {
        let set: SymbolSet = package.properties.get(SYMBOLS_PROPERTY)?.parse().ok()?;
        let linked = |import: &&&ImportRef<'_>| import.symbols.iter().any(|symbol| set.contains(import.path, symbol));
        if here.iter().any(|import| linked(&import)) {
            return None;
        }
    }
    let symbols: Vec<String> = here
        .iter()
        .flat_map(|import| import.symbols.iter().map(|symbol| format!("{}.{symbol}", import.path)))
        .collect();
    let mut named = symbols.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
    if symbols.len() > EXAMPLES {
        named = format!("{named} and {} more", symbols.len() - EXAMPLES);
    }
    let programs: Vec<&str> =
        packages.iter().flat_map(|package| &package.locations).map(|location| location.path.as_str()).collect();
    let program = programs.first().copied().unwrap_or("the program");
    Some(format!("none of the vulnerable functions is linked into {program}: {named}"))
}

fn runs(import: &ImportRef<'_>, platform: Platform<'_>) -> bool {
    let fits = |list: &[&str], own: &str| list.is_empty() || own.is_empty() || list.contains(&own);
    fits(&import.systems, platform.system) && fits(&import.architectures, platform.architecture)
}
