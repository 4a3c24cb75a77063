//! Priorities of Falco rules: the eight levels of syslog.

use std::fmt;

use model::Severity;

/// A rule's priority, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "syslog's levels, RFC 5424 table 2")]
pub enum Priority {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

impl Priority {
    /// All, most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// From the word in a rule file, in any case; `INFO` is `INFORMATIONAL`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word))
    }

    /// The word that Falco prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }

    /// The alert severity of a user's rule with this priority (contract §3).
    pub fn severity(self) -> Severity {
        Severity::from_falco_priority(self.as_str()).unwrap_or(Severity::Unknown)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_rule_files() {
        assert_eq!(Priority::from_word("INFO"), Some(Priority::Informational));
        assert_eq!(Priority::from_word("warning"), Some(Priority::Warning));
        assert_eq!(Priority::from_word("loud"), None);
        assert!(Priority::Emergency < Priority::Debug);
        for level in Priority::ALL {
            assert_ne!(level.severity(), Severity::Unknown, "{level}");
        }
    }
}
