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
const RULES: &[(&str, &str)] = files!(
    "rules": "base", "intel", "access", "audit", "evasion", "execution", "intrusion", "mining", "network",
    "persistence",
);

const CATALOGUE: &[(&str, &str)] =
    files!("catalogue": "access", "audit", "evasion", "execution", "later", "mining", "network", "persistence");

/// What is joined to the hooks of other people's rule files: file, and its text.
const TUNING: (&str, &str) = ("content/tuning/falco.yaml", include_str!("../../../content/tuning/falco.yaml"));

/// Our additions to those macros that `files` define for it, as one more file to read after them.
///
/// A file that defines none of them is left as it is.
pub fn tuning(files: &[Source]) -> Option<Source> {
    let defined = |name: &str| files.iter().any(|file| file.text.lines().any(|line| macro_name(line) == Some(name)));
    let (name, text) = TUNING;
    let mut wanted = false;
    // What is left out leaves empty lines, so that positions in diagnostics stay those of the file.
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        wanted = macro_name(line).map_or(wanted, &defined);
        kept.push_str(if wanted { line } else { "\n" });
    }
    (!kept.trim().is_empty()).then(|| Source::new(name, kept))
}

fn macro_name(line: &str) -> Option<&str> {
    line.strip_prefix("- macro:").map(str::trim)
}

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

/// What the rules raised in the last run of the benign corpus, as the catalogue's page shows it.
pub fn noise_source() -> Source {
    Source::new("content/noise/measured.yaml", include_str!("../../../content/noise/measured.yaml"))
}

/// The catalogue's files.
pub fn catalogue_sources() -> Vec<Source> {
    sources(CATALOGUE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileOptions, RuleSet};

    const HOOK: &str =
        "- macro: never_true\n  condition: (evt.num=0)\n- macro: allowed_clear_log_files\n  condition: (never_true)\n";

    #[test]
    fn only_hooks_that_a_file_has_are_joined_to() {
        let hook = Source::new("falco.yaml", HOOK);
        let tuned = tuning(std::slice::from_ref(&hook)).unwrap();
        let macros: Vec<&str> = tuned.text.lines().filter_map(macro_name).collect();
        assert_eq!(macros, ["allowed_clear_log_files"]);
        assert_eq!(tuned.text.lines().count(), TUNING.1.lines().count(), "positions stay");
        assert!(tuning(&[Source::new("other.yaml", "- macro: mine\n  condition: (evt.num=0)\n")]).is_none());
    }

    #[test]
    fn a_hook_is_joined_to_only_beside_our_own_rules() {
        let rule = "- rule: r\n  desc: d\n  condition: evt.type = open and not allowed_clear_log_files\n  output: o\n  priority: WARNING\n";
        let file = Source::new("falco.yaml", format!("{HOOK}{rule}"));
        for (builtin, expected) in [(true, true), (false, false)] {
            let options = CompileOptions { builtin, ..CompileOptions::default() };
            let (rules, diagnostics) = RuleSet::compile(std::slice::from_ref(&file), &options);
            assert_eq!(diagnostics, []);
            let condition = format!("{:?}", rules.condition("r").unwrap());
            assert_eq!(condition.contains("aexepath"), expected, "{condition}");
        }
    }
}
