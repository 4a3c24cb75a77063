//! Names of streams.

/// Alerts (`model::Alert`).
pub const ALERTS: &str = "alerts";
/// Statements about what is seen (`model::Coverage`).
pub const COVERAGE: &str = "coverage";
/// Events that leave the node (`model::Event`).
pub const EVENTS: &str = "events";
/// Facts of nodes (`model::NodeFacts`).
pub const NODE_FACTS: &str = "node_facts";

/// Longest name: names become folders and labels of metrics.
const MAX_CHARS: usize = 64;

/// Whether a text can name a stream: 1 to 64 of `a-z`, `0-9`, `_`, `-`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_CHARS && text.bytes().all(is_name_byte)
}

/// The nearest name to a text: `_` for what is not allowed, cut at the longest length.
pub(crate) fn nearest_name(text: &str) -> String {
    let kept = |byte: u8| if is_name_byte(byte) { char::from(byte) } else { '_' };
    let name: String = text.bytes().take(MAX_CHARS).map(kept).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_folders() {
        for name in [ALERTS, COVERAGE, EVENTS, NODE_FACTS, "a-1"] {
            assert!(is_name(name));
            assert_eq!(nearest_name(name), name);
        }
        for text in ["", "..", "a/b", "A", &"x".repeat(65)] {
            assert!(!is_name(text), "{text}");
            assert!(is_name(&nearest_name(text)), "{text}");
        }
    }
}
