//! Our own rules and catalogue, compiled into the program from `content/`.

use std::sync::LazyLock;

use crate::{Catalogue, Source, catalogue};

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$((
            concat!("content/", $folder, "/", $name, ".yaml"),
            include_str!(concat!("../../../content/", $folder, "/", $name, ".yaml")),
        )),+]
    };
}

/// Lists and macros come first: macros see only what is defined before them.
const RULES: &[(&str, &str)] =
    files!("rules": "base", "intel", "access", "audit", "evasion", "execution", "mining", "network", "persistence");

const CATALOGUE: &[(&str, &str)] =
    files!("catalogue": "access", "audit", "evasion", "execution", "later", "mining", "network", "persistence");

fn sources(files: &[(&'static str, &'static str)]) -> Vec<Source> {
    files.iter().map(|(name, text)| Source::new(*name, *text)).collect()
}

/// Rule files of `content/rules`, in the order in which they are compiled.
pub fn rules() -> Vec<Source> {
    sources(RULES)
}

/// Whether a source is one of ours, whatever it is called.
pub fn is_ours(source: &Source) -> bool {
    RULES.iter().any(|(_, text)| *text == source.text.as_ref())
}

/// The alert catalogue.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE_ONCE: LazyLock<Catalogue> = LazyLock::new(|| catalogue::load(&sources(CATALOGUE)).0);
    &CATALOGUE_ONCE
}

/// The catalogue's files.
pub fn catalogue_sources() -> Vec<Source> {
    sources(CATALOGUE)
}
