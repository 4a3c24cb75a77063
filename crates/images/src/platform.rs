//! `--platform OS/ARCH[/VARIANT]`: which images of an index are wanted.
//!
//! The names are those of Go's `GOOS` and `GOARCH`, as the OCI image index specification says; the names that the
//! kernel uses (`x86_64`, `aarch64`) are understood too.

use std::fmt;
use std::str::FromStr;

use model::Platform;

/// A wanted platform. Parts that were not given match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformFilter {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform; write it as linux/amd64 or linux/arm64/v8")]
pub struct PlatformError(pub String);

impl FromStr for PlatformFilter {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let plain =
            |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(plain) {
            return Err(PlatformError(text.chars().take(80).collect()));
        }
        Ok(Self {
            os: parts[0].to_ascii_lowercase(),
            architecture: architecture(&parts[1].to_ascii_lowercase()).to_owned(),
            variant: parts.get(2).map(|part| part.to_ascii_lowercase()),
        })
    }
}

/// The specification's name of an architecture.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i686" | "x86" => "386",
        "armhf" => "arm",
        other => other,
    }
}

impl PlatformFilter {
    /// Whether an image of this platform is wanted.
    pub fn matches(&self, platform: &Platform) -> bool {
        // `arm64` without a variant means v8 (OCI image index specification, "Platform Variants").
        let variant = platform.variant.as_deref().or((platform.architecture == "arm64").then_some("v8"));
        platform.os.eq_ignore_ascii_case(&self.os)
            && architecture(&platform.architecture) == self.architecture
            && (self.variant.is_none() || self.variant.as_deref() == variant)
    }
}

impl fmt::Display for PlatformFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        Platform {
            os: os.into(),
            architecture: architecture.into(),
            variant: variant.map(Into::into),
            os_version: None,
        }
    }

    #[test]
    fn matches_by_the_parts_that_were_given() {
        for (filter, other, expected) in [
            ("linux/amd64", platform("linux", "amd64", None), true),
            ("linux/x86_64", platform("linux", "amd64", None), true),
            ("linux/arm64", platform("linux", "arm64", Some("v8")), true),
            ("linux/arm64/v8", platform("linux", "arm64", None), true),
            ("linux/arm/v6", platform("linux", "arm", Some("v7")), false),
            ("windows/amd64", platform("linux", "amd64", None), false),
        ] {
            assert_eq!(filter.parse::<PlatformFilter>().unwrap().matches(&other), expected, "{filter} {other}");
        }
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/a b"] {
            assert!(text.parse::<PlatformFilter>().is_err(), "{text}");
        }
    }
}
