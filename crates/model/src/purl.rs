//! Package URLs: `pkg:type/namespace/name@version?qualifiers#subpath`.
//!
//! Source: the purl specification (package-url/purl-spec), its encoding rules and the rules per type that concern the
//! types we produce. What it is not: a registry of types.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What the specification leaves unescaped in a component.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b':');
/// Longest text that is read as a purl: longer ones are not package names but attacks on whoever prints them.
pub const MAX_PURL_BYTES: usize = 4096;

/// A package URL in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Purl {
    /// Type, lower case.
    pub r#type: String,
    /// Namespace, segments separated by `/`; empty for none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Version; empty for none.
    pub version: String,
    /// Qualifiers, sorted; never with an empty value.
    pub qualifiers: BTreeMap<String, String>,
    /// Subpath; empty for none.
    pub subpath: String,
}

/// Text that is not a package URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a package URL: {reason}")]
pub struct PurlError {
    /// Why.
    pub reason: &'static str,
}

impl Purl {
    /// A purl with the type's own rules applied (PyPI names normalised, GitHub names lower case, …).
    pub fn new(r#type: &str, namespace: &str, name: &str, version: &str) -> Self {
        let r#type = r#type.to_ascii_lowercase();
        let (namespace, name) = match r#type.as_str() {
            "pypi" => (namespace.to_owned(), pep503(name)),
            "deb" | "rpm" | "apk" | "github" | "bitbucket" | "composer" => {
                let name = if r#type == "rpm" { name.to_owned() } else { name.to_lowercase() };
                (namespace.to_lowercase(), name)
            }
            _ => (namespace.to_owned(), name.to_owned()),
        };
        let namespace = segments(&namespace);
        Self { r#type, namespace, name, version: version.to_owned(), ..Self::default() }
    }

    /// The same with a qualifier; an empty value leaves it out, as the specification says.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.qualifiers.insert(key.to_ascii_lowercase(), value.to_owned());
        }
        self
    }
}

/// A Python project name in the normal form of PEP 503: lower case, runs of `-_.` become one `-`.
pub fn pep503(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&part.to_lowercase());
    }
    out
}

/// A path without its empty segments, as the specification normalises it.
fn segments(path: &str) -> String {
    path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("/")
}

fn encode(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, COMPONENT)
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.r#type)?;
        for segment in self.namespace.split('/').filter(|segment| !segment.is_empty()) {
            write!(f, "/{}", encode(segment))?;
        }
        write!(f, "/{}", encode(&self.name))?;
        if !self.version.is_empty() {
            write!(f, "@{}", encode(&self.version))?;
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}={}", if index == 0 { '?' } else { '&' }, encode(value))?;
        }
        for (index, segment) in self.subpath.split('/').filter(|s| !s.is_empty()).enumerate() {
            write!(f, "{}{}", if index == 0 { '#' } else { '/' }, encode(segment))?;
        }
        Ok(())
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        let refuse = |reason| PurlError { reason };
        if text.len() > MAX_PURL_BYTES {
            return Err(refuse("longer than 4096 bytes"));
        }
        let rest = text.strip_prefix("pkg:").ok_or(refuse("it does not begin with pkg:"))?.trim_start_matches('/');
        let (rest, subpath) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (r#type, rest) = rest.split_once('/').ok_or(refuse("it has no name"))?;
        if r#type.is_empty() || !r#type.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b)) {
            return Err(refuse("its type has characters that a type cannot have"));
        }
        // The version is after the last `@` of the last segment: npm scopes may carry a literal `@` at their start.
        let rest = rest.trim_end_matches('/');
        let name_start = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, version) = match rest[name_start..].rfind('@') {
            Some(at) if at > 0 => (&rest[..name_start + at], &rest[name_start + at + 1..]),
            _ => (rest, ""),
        };
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return Err(refuse("it has no name"));
        }
        let decode = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(std::borrow::Cow::into_owned).map_err(|_| refuse("an escape is not UTF-8"))
        };
        let mut purl = Self::new(r#type, &decode(namespace)?, &decode(name)?, &decode(version)?);
        if purl.name.is_empty() {
            return Err(refuse("nothing is left of its name in normal form"));
        }
        for pair in qualifiers.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(refuse("a qualifier has no value"))?;
            purl = purl.with(key, &decode(value)?);
        }
        purl.subpath = segments(&decode(subpath)?);
        Ok(purl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, canonical: &str) {
        let purl: Purl = input.parse().unwrap();
        assert_eq!(purl.to_string(), canonical);
        assert_eq!(canonical.parse::<Purl>().unwrap(), purl, "canonical form reads back");
    }

    #[test]
    fn canonical_forms() {
        check("pkg:pypi/Django_REST.framework@3.0", "pkg:pypi/django-rest-framework@3.0");
        check("pkg:npm/%40angular/animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1");
        check("pkg:npm/@angular/animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1");
        check(
            "pkg:deb/debian/curl@7.50.3-1+b1?distro=jessie&arch=i386",
            "pkg:deb/debian/curl@7.50.3-1%2Bb1?arch=i386&distro=jessie",
        );
        check(
            "pkg:golang/google.golang.org/genproto#googleapis/api/",
            "pkg:golang/google.golang.org/genproto#googleapis/api",
        );
        // Found by fuzzing: empty segments.
        check("pkg:.pkk//-+g:k/-@g", "pkg:.pkk/-%2Bg:k/-@g");
        check("pkg:a/b#//c///d", "pkg:a/b#c/d");
        check("pkg:rpm/mariner/curl@8.0-1?epoch=1&arch=", "pkg:rpm/mariner/curl@8.0-1?epoch=1");
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "pkg:",
            "pkg:deb",
            "pkg:deb/",
            "http://x/y",
            "pkg:pypi/.",
            "pkg:a b/c",
            "pkg:deb/x?y",
            &"pkg:a/".repeat(900),
        ] {
            assert!(text.parse::<Purl>().is_err(), "{text}");
        }
    }
}
