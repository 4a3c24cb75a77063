//! Sets of paths by hash: what a layer covers, and what a package owns, without keeping the paths.
//!
//! A layer of 80,000 entries costs 480 KB this way. With 48 bits the chance that a path of a lower layer is taken for
//! one of them is 3 in 10^10. The hash is cryptographic only to make that true for chosen paths, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Bytes of a hash.
const HASH_BYTES: usize = 6;

/// A hash of a path and of what it is there for.
pub(crate) type PathHash = [u8; HASH_BYTES];

/// Hashes a path for a purpose: the same path for two purposes gives two hashes.
pub(crate) fn hash(purpose: u8, path: &str) -> PathHash {
    let mut state = Sha256::new();
    state.update([purpose]);
    state.update(path);
    let mut out = PathHash::default();
    out.copy_from_slice(&state.finalize()[..HASH_BYTES]);
    out
}

/// A set of paths. Written as one base64 text of its sorted hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathSet(Vec<PathHash>);

impl PathSet {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many paths it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PathHash> {
        self.0.iter()
    }
}

impl FromIterator<PathHash> for PathSet {
    fn from_iter<I: IntoIterator<Item = PathHash>>(hashes: I) -> Self {
        let mut hashes: Vec<PathHash> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }
}

impl Serialize for PathSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0.as_flattened()))
    }
}

impl<'de> Deserialize<'de> for PathSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(de::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() {
            return Err(de::Error::custom("a set of paths whose length is no multiple of a hash"));
        }
        Ok(hashes.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_set_and_reads_back() {
        let set: PathSet = ["b", "a", "b"].iter().map(|path| hash(1, path)).collect();
        assert_eq!(set.len(), 2);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<PathSet>(&text).unwrap(), set);
        assert!(serde_json::from_str::<PathSet>("\"AAAA\"").is_err(), "three bytes are no hash");
    }

    #[test]
    fn purposes_differ() {
        assert_ne!(hash(1, "a"), hash(2, "a"));
    }
}
