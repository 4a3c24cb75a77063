//! Haskell: what `cabal freeze` and Stack locked (the Cabal user guide, "cabal freeze"; the Stack documentation, "Lock
//! files").

use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::record::Found;

/// Lock files of large applications have some ten KB.
pub const FREEZE: Analyser = Analyser::packages(Take::Whole(4 << 20), freeze);
/// As [`FREEZE`].
pub const STACK_LOCK: Analyser = Analyser::packages(Take::Whole(4 << 20), stack_lock);

/// `any.NAME ==VERSION,`
fn freeze(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.lines().filter_map(|line| {
        let (name, version) = line.split_once("any.")?.1.split_once(" ==")?;
        locked(name, version.trim_end_matches(',').trim())
    });
    (found.collect(), Vec::new())
}

/// `hackage: NAME-VERSION@sha256:...`, completed and as it was written: one of them is enough.
fn stack_lock(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let mut found: Vec<Found> = Vec::new();
    for line in text.lines() {
        let package = line.trim().strip_prefix("hackage:").and_then(|rest| rest.trim().split('@').next());
        let package = package.and_then(|package| package.rsplit_once('-'));
        let package = package.and_then(|(name, version)| locked(name, version));
        found.extend(package.filter(|package| !found.contains(package)));
    }
    (found, Vec::new())
}

fn locked(name: &str, version: &str) -> Option<Found> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let numbers = version.split('.').all(|part| part.parse::<u32>().is_ok());
    (plain && numbers).then(|| Found::new("hackage", name, version, Evidence::Lock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_packages as check;

    #[test]
    fn locks_of_both_tools() {
        let text = "constraints: any.Cabal ==3.2.1.0,\n             any.HTTP ==4000.3.16,\n             HTTP -mtl1,\n";
        check(freeze, text, &[("Cabal", "3.2.1.0"), ("HTTP", "4000.3.16")]);
        let text = "packages:\n- completed:\n    hackage: fuzzyset-0.2.4@sha256:ab,1\n  original:\n    hackage: fuzzyset-0.2.4\n\
            - original:\n    hackage: hasql-pool-0.5.2\nsnapshots: []\n";
        check(stack_lock, text, &[("fuzzyset", "0.2.4"), ("hasql-pool", "0.5.2")]);
    }
}
