//! Our own rules and catalogue, compiled into the program.

use std::sync::LazyLock;

use crate::{Catalogue, Source, catalogue};

/// Rule files of `content/rules`, in the order in which they are compiled.
pub fn rules() -> Vec<Source> {
    Vec::new()
}

/// The alert catalogue.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| catalogue::load(&[]).0);
    &CATALOGUE
}
