//! Points in time: RFC 3339, UTC, always nine fractional digits, so that text order is time order.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in nanoseconds since the Unix epoch, printed as RFC 3339 UTC with nanoseconds
/// (`2026-11-24T05:44:00.000000000Z`). Covers the years 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Text that is not an RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time: {reason}")]
pub struct TimeError {
    /// What was given, shortened to 64 characters.
    pub text: String,
    /// Why it was refused.
    pub reason: String,
}

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the Unix epoch; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to this, negative when this is before it.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }

    /// This point plus a number of milliseconds; saturates.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000_000)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time:.9}"),
            // Every i64 of nanoseconds lies within jiff's range of years -9999 to 9999.
            Err(_) => f.write_str("1970-01-01T00:00:00.000000000Z"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refuse = |reason: String| TimeError { text: text.chars().take(64).collect(), reason };
        let time = text.parse::<jiff::Timestamp>().map_err(|error| refuse(error.to_string()))?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(|_| refuse("outside the years 1677 to 2262".into()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "format": "date-time",
            "description": "RFC 3339, UTC, nanoseconds"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_fixed_width_and_reads_back() {
        for nanos in [0, 1, -1, 1_763_963_040_123_456_789, i64::MAX, i64::MIN] {
            let time = Timestamp::from_nanos(nanos);
            let text = time.to_string();
            assert_eq!(text.len(), 30, "{text}");
            assert_eq!(text.parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn other_zones_and_precisions_are_read() {
        let expected: Timestamp = "2026-11-24T05:44:00.5Z".parse().unwrap();
        assert_eq!("2026-11-24T06:44:00.500+01:00".parse::<Timestamp>().unwrap(), expected);
        assert!("yesterday".parse::<Timestamp>().unwrap_err().to_string().contains("yesterday"));
    }
}
