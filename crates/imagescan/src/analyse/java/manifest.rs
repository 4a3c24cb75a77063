//! `META-INF/MANIFEST.MF`: attributes of the main section ("JAR Manifest" of the JAR File Specification).

use rustc_hash::FxHashMap;

/// The main section.
#[derive(Debug, Default)]
pub struct Manifest(FxHashMap<String, String>);

impl Manifest {
    /// Lines are cut at 72 bytes and go on behind a space.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut values: FxHashMap<String, String> = FxHashMap::default();
        let mut last: Option<String> = None;
        for line in text.lines() {
            if line.trim().is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix(' ') {
                if let Some(value) = last.as_ref().and_then(|key| values.get_mut(key)) {
                    value.push_str(rest);
                }
            } else if let Some((key, value)) = line.split_once(':') {
                let key = key.trim().to_ascii_lowercase();
                values.insert(key.clone(), value.trim_start().to_owned());
                last = Some(key);
            }
        }
        Self(values)
    }

    /// An attribute, names in any case; references that a build left unresolved are no values.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(&name.to_ascii_lowercase())?.trim();
        (!value.is_empty() && !value.contains("${")).then_some(value)
    }

    /// The first of several attributes.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_joined_and_other_sections_left_out() {
        let text = "Manifest-Version: 1.0\r\nImplementation-Title: a-very\r\n -long\r\nBad: ${x}\r\n\r\nName: b\r\nImplementation-Title: no\r\n";
        let manifest = Manifest::parse(text.as_bytes());
        assert_eq!(manifest.get("implementation-title"), Some("a-very-long"));
        assert_eq!(manifest.first(&["Bad", "Manifest-Version"]), Some("1.0"));
        assert_eq!(manifest.get("Name"), None);
    }
}
