//! Severity of alerts, findings and controls: four levels that people act on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad it is. The order is the natural one: `High > Medium > Low > Informational`.
///
/// Vulnerabilities additionally use [`Severity::Critical`] (CVSS 9.0 and above) and [`Severity::Unknown`]; alerts never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub enum Severity {
    /// No source gave a severity. Sorts below everything, but is never hidden.
    #[default]
    Unknown,
    /// Worth recording, nothing to do by itself. For vulnerabilities: "negligible", "unimportant".
    Informational,
    /// Look when there is time.
    Low,
    /// Look today.
    Medium,
    /// Look now.
    High,
    /// Vulnerabilities only.
    Critical,
}

impl Severity {
    /// The level of a Falco rule's priority (contract §3): emergency, alert, critical are High; error, warning Medium;
    /// notice Low; informational, debug Informational. `None` for any other word.
    pub fn from_falco_priority(priority: &str) -> Option<Self> {
        Some(match priority.to_ascii_lowercase().as_str() {
            "emergency" | "alert" | "critical" => Self::High,
            "error" | "warning" => Self::Medium,
            "notice" => Self::Low,
            "informational" | "info" | "debug" => Self::Informational,
            _ => return None,
        })
    }

    /// The level of a CVSS v3/v4 base score (0.0 to 10.0), by the qualitative scale of the CVSS specification.
    pub fn from_cvss(score: f64) -> Self {
        match score {
            s if s >= 9.0 => Self::Critical,
            s if s >= 7.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            s if s > 0.0 => Self::Low,
            _ => Self::Informational,
        }
    }

    /// Reads the words that feeds use, in any case: Red Hat's `important`, `moderate`; Debian's `unimportant`; and ours.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "important" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" => Self::Low,
            "negligible" | "unimportant" | "none" | "informational" | "info" => Self::Informational,
            "unknown" | "" => Self::Unknown,
            _ => return None,
        })
    }

    /// The level's name as printed everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn orders_as_people_expect() {
        assert!(Severity::Critical > Severity::High);
        assert!(Severity::Informational > Severity::Unknown);
    }

    #[test]
    fn reads_words_of_feeds() {
        assert_eq!(Severity::from_word("IMPORTANT"), Some(Severity::High));
        assert_eq!(Severity::from_word("catastrophic"), None);
        assert_eq!(Severity::from_falco_priority("NOTICE"), Some(Severity::Low));
    }
}
