//! The functions that are linked into a program, as hashes: a package's property `symbols`.
//!
//! An analyser writes the set when it reads a program; matching asks whether the functions that an advisory names are
//! in it. With 32 bits, a function that is not linked is taken for one that is in about one of 100,000 questions to a
//! program of 40,000 functions: the error leaves a finding in, never out.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Name of the property in [`crate::Package::properties`].
pub const SYMBOLS_PROPERTY: &str = "symbols";
/// Bytes of a hash.
const HASH_BYTES: usize = 4;

/// A set of functions. Its text is the hexadecimal form of its sorted hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolSet(Vec<[u8; HASH_BYTES]>);

/// Text that is not a set of symbols.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a set of symbols: {reason}")]
pub struct SymbolsError {
    /// Why.
    pub reason: &'static str,
}

impl SymbolSet {
    /// Adds a function: the import path of its package, and its name as advisories write it (`F`, `T.M`). Call
    /// [`Self::seal`] after the last.
    pub fn add(&mut self, package: &str, symbol: &str) {
        self.0.push(hash(package, symbol));
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Sorts what was added, so that [`Self::contains`] finds it.
    pub fn seal(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Whether a function is linked.
    pub fn contains(&self, package: &str, symbol: &str) -> bool {
        self.0.binary_search(&hash(package, symbol)).is_ok()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many functions are in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn hash(package: &str, symbol: &str) -> [u8; HASH_BYTES] {
    let mut state = Sha256::new();
    state.update(package);
    // No import path contains a NUL.
    state.update([0]);
    state.update(symbol);
    let mut out = [0; HASH_BYTES];
    out.copy_from_slice(&state.finalize()[..HASH_BYTES]);
    out
}

impl fmt::Display for SymbolSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_flattened()))
    }
}

impl FromStr for SymbolSet {
    type Err = SymbolsError;

    fn from_str(text: &str) -> Result<Self, SymbolsError> {
        let bytes = hex::decode(text).map_err(|_| SymbolsError { reason: "not hexadecimal" })?;
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() {
            return Err(SymbolsError { reason: "its length is no multiple of a hash" });
        }
        let mut set = Self(hashes.to_vec());
        set.seal();
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_answers() {
        let mut set = SymbolSet::default();
        for (package, symbol) in [("net/http", "Transport.RoundTrip"), ("a", "F"), ("a", "F")] {
            set.add(package, symbol);
        }
        set.seal();
        assert_eq!(set.len(), 2);
        let back: SymbolSet = set.to_string().parse().unwrap();
        assert_eq!(back, set);
        assert!(back.contains("a", "F") && !back.contains("a", "G") && !back.contains("aF", ""));
    }

    #[test]
    fn refuses_other_text() {
        assert_eq!("zz".parse::<SymbolSet>().unwrap_err().reason, "not hexadecimal");
        assert!("ab".parse::<SymbolSet>().is_err());
    }
}
