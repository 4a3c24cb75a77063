//! JSON with a cap on its size and depth.
//!
//! `serde_json` itself stops at a depth of 128; the depth here is checked before it allocates, and may be lower.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::LimitExceeded;

/// What a JSON text may be.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimits {
    /// Most bytes.
    pub bytes: usize,
    /// Most nested arrays and objects; at most 127, where `serde_json` stops.
    pub depth: usize,
}

impl JsonLimits {
    /// For records of our own wire and API: 1 MiB, 64 deep (the contract's values are under 12).
    pub const RECORD: Self = Self { bytes: 1 << 20, depth: 64 };
    /// For Kubernetes objects and image documents: 16 MiB (etcd refuses objects over 1.5; indexes stay under 4), 100 deep.
    pub const DOCUMENT: Self = Self { bytes: 16 << 20, depth: 100 };
}

/// A JSON text that was refused.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is larger or deeper than allowed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// It is not JSON, or not the value expected.
    #[error("{source}")]
    Syntax {
        /// What and where (line and column).
        #[source]
        source: serde_json::Error,
    },
}

/// Parses into a value.
pub fn parse(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonError> {
    from_slice(bytes, limits)
}

/// Parses into a type.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], limits: &JsonLimits) -> Result<T, JsonError> {
    check(bytes, limits)?;
    serde_json::from_slice(bytes).map_err(|source| JsonError::Syntax { source })
}

/// Checks size and depth without parsing: one pass, no allocation.
pub fn check(bytes: &[u8], limits: &JsonLimits) -> Result<(), LimitExceeded> {
    if bytes.len() > limits.bytes {
        return Err(LimitExceeded { what: "bytes of JSON".into(), limit: limits.bytes as u64 });
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > limits.depth {
                    return Err(LimitExceeded { what: "levels of JSON".into(), limit: limits.depth as u64 });
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: JsonLimits = JsonLimits { bytes: 64, depth: 3 };

    #[test]
    fn within_the_limits_it_is_serde_json() {
        assert_eq!(parse(br#"{"a":["[[[[",{"b":"\"[[["}]}"#, &SMALL).unwrap()["a"][0], "[[[[");
        assert!(parse(b"{]", &SMALL).unwrap_err().to_string().contains("line 1 column 2"));
    }

    #[test]
    fn size_and_depth_are_refused() {
        assert_eq!(parse(&[b' '; 65], &SMALL).unwrap_err().to_string(), "more than 64 bytes of JSON");
        assert_eq!(parse(b"[[[[]]]]", &SMALL).unwrap_err().to_string(), "more than 3 levels of JSON");
    }

    #[test]
    fn the_deepest_allowed_document_still_parses() {
        let depth = JsonLimits::DOCUMENT.depth;
        let text = [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&text, &JsonLimits::DOCUMENT).is_ok());
    }
}
