//! Image references: what a person writes after `seawall scan`.
//!
//! Two grammars meet here. Names of images in registries follow the reference grammar of the distribution project with
//! Docker's defaults (`docker.io`, `library/`, `latest`). Transports before a colon (`oci:`, `dir:`, …) are those that
//! skopeo and its relatives use. What it is not: a look at the disk; paths are resolved when a source is opened.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::digest::{Digest, DigestError};

/// The registry of names without a host.
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// The host that serves [`DEFAULT_REGISTRY`].
const DEFAULT_REGISTRY_HOST: &str = "registry-1.docker.io";
/// Longest name with host, as the distribution grammar says (`NameTotalLengthMax` is 255 without the host).
pub const MAX_NAME_BYTES: usize = 512;
/// Longest tag of the grammar.
pub const MAX_TAG_BYTES: usize = 128;

/// Transports of skopeo, syft and trivy that are not ours: read as names of images they would be asked of a registry.
const FOREIGN_TRANSPORTS: [&str; 8] =
    ["tar", "file", "docker-daemon", "docker-dir", "oci-dir", "containers-storage", "podman", "singularity"];

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a registry: `app`, `registry.example/app:1`, `docker://…`.
    Registry(RegistryReference),
    /// `oci:DIR` or `oci:DIR:NAME`: an OCI image layout directory; the text after `oci:`.
    OciLayout(String),
    /// `oci-archive:FILE` or `oci-archive:FILE:NAME`: the same in a tar file; the text after the transport.
    OciArchive(String),
    /// `docker-archive:FILE` or `docker-archive:FILE:NAME`: what `docker save` writes.
    DockerArchive(String),
    /// `containerd:NAME`: an image in the content store of this machine's containerd.
    Containerd(String),
    /// `dir:DIR`: a root file system.
    Directory(PathBuf),
    /// `sbom:FILE`: a software bill of materials that another tool wrote.
    Sbom(PathBuf),
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistryReference {
    /// Host and port as written, `docker.io` when none was.
    pub registry: String,
    /// Repository with Docker's `library/` added where it is due.
    pub repository: String,
    /// Tag; absent when only a digest was given.
    pub tag: Option<String>,
    /// Digest; it wins over the tag.
    pub digest: Option<Digest>,
}

/// Text that is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text breaks the grammar.
    #[error("{text:?} is not an image reference: {reason}")]
    Grammar {
        /// What was given, shortened to 80 characters.
        text: String,
        /// Why.
        reason: &'static str,
    },
    /// The digest part cannot be verified.
    #[error("the digest of the reference is unusable")]
    Digest(#[from] DigestError),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with(['/', '.', '~']) {
            return Err(grammar(text, "a path needs oci:, oci-archive:, docker-archive: or dir: before it"));
        }
        let Some((transport, rest)) = text.split_once(':') else { return Ok(Self::Registry(text.parse()?)) };
        let path = |rest: &str| {
            let reason = "nothing stands after the transport";
            if rest.is_empty() { Err(grammar(text, reason)) } else { Ok(rest.to_owned()) }
        };
        Ok(match transport {
            "oci" => Self::OciLayout(path(rest)?),
            "oci-archive" => Self::OciArchive(path(rest)?),
            "docker-archive" => Self::DockerArchive(path(rest)?),
            "containerd" => Self::Containerd(path(rest)?),
            "dir" => Self::Directory(path(rest)?.into()),
            "sbom" => Self::Sbom(path(rest)?.into()),
            "docker" | "registry" if rest.starts_with("//") => Self::Registry(rest[2..].parse()?),
            other if FOREIGN_TRANSPORTS.contains(&other) => {
                let reason =
                    "this transport is not one of oci:, oci-archive:, docker-archive:, containerd:, dir:, sbom:";
                return Err(grammar(text, reason));
            }
            _ => Self::Registry(text.parse()?),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::OciLayout(rest) => write!(f, "oci:{rest}"),
            Self::OciArchive(rest) => write!(f, "oci-archive:{rest}"),
            Self::DockerArchive(rest) => write!(f, "docker-archive:{rest}"),
            Self::Containerd(rest) => write!(f, "containerd:{rest}"),
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Sbom(path) => write!(f, "sbom:{}", path.display()),
        }
    }
}

fn grammar(text: &str, reason: &'static str) -> ReferenceError {
    ReferenceError::Grammar { text: text.chars().take(80).collect(), reason }
}

impl FromStr for RegistryReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let refuse = |reason| grammar(text, reason);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (name, tag) = split_tag(rest);
        if let Some(tag) = tag {
            let mut bytes = tag.bytes();
            let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
            let others = bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
            if !first || !others || tag.len() > MAX_TAG_BYTES {
                return Err(refuse("a tag has letters, digits and _.- only, at most 128"));
            }
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(refuse("the name is too long"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry };
        if !is_host_text(registry) {
            return Err(refuse("the host has characters that a host cannot have"));
        }
        let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        check_repository(&repository).map_err(refuse)?;
        let tag = match (tag, &digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }
}

/// The tag is after a colon in the last path component; a colon before a slash belongs to a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rfind(':') {
        Some(at) if !text[at..].contains('/') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    }
}

/// Docker's rule for telling a host from the first part of a repository.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_host_text(host: &str) -> bool {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => (&host[..at], &host[at + 1..]),
        _ => (host, "0"),
    };
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_ok = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)),
    };
    name_ok && port.parse::<u16>().is_ok()
}

/// Components of lower case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn check_repository(repository: &str) -> Result<(), &'static str> {
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("repository names are lower case");
    }
    for component in repository.split('/') {
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = component.as_bytes();
        if !ends(bytes.first()) || !ends(bytes.last()) {
            return Err("each part of a repository name begins and ends with a letter or digit");
        }
        if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)) || component.contains("..") {
            return Err("a repository name has letters, digits and single ._- only");
        }
    }
    Ok(())
}

impl RegistryReference {
    /// Host and port to connect to.
    pub fn host(&self) -> &str {
        if self.registry == DEFAULT_REGISTRY { DEFAULT_REGISTRY_HOST } else { &self.registry }
    }

    /// Whether the registry is on this machine: then it is asked without TLS, as Docker does.
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.rfind(':') {
            Some(at) if !self.registry[at..].contains(']') => &self.registry[..at],
            _ => &self.registry,
        };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// What stands after `/manifests/` in the registry's API.
    pub fn selector(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn defaults_are_dockers() {
        let with_digest = format!("app@sha256:{HEX}");
        for (input, full) in [
            ("debian", "docker.io/library/debian:latest".to_owned()),
            ("debian:12", "docker.io/library/debian:12".to_owned()),
            ("grafana/grafana", "docker.io/grafana/grafana:latest".to_owned()),
            ("index.docker.io/library/debian", "docker.io/library/debian:latest".to_owned()),
            ("localhost/app", "localhost/app:latest".to_owned()),
            ("127.0.0.1:5000/team/app:1", "127.0.0.1:5000/team/app:1".to_owned()),
            ("[::1]:5000/app", "[::1]:5000/app:latest".to_owned()),
            ("docker://registry.example/app", "registry.example/app:latest".to_owned()),
            (with_digest.as_str(), format!("docker.io/library/app@sha256:{HEX}")),
        ] {
            let reference: Reference = input.parse().unwrap();
            assert_eq!(reference.to_string(), full, "{input}");
            assert_eq!(full.parse::<Reference>().unwrap(), reference, "the full form reads back");
        }
    }

    #[test]
    fn a_digest_wins_over_the_tag() {
        let reference: RegistryReference = format!("r.example/app:1@sha256:{HEX}").parse().unwrap();
        assert_eq!(reference.selector(), format!("sha256:{HEX}"));
        assert_eq!(reference.tag.as_deref(), Some("1"));
    }

    #[test]
    fn transports_keep_their_paths() {
        for text in
            ["oci:/a/b:c", "oci-archive:x.tar", "docker-archive:x.tar:app:1", "containerd:app:1", "dir:/", "sbom:x"]
        {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        assert_eq!("oci:/a".parse::<Reference>().unwrap(), Reference::OciLayout("/a".into()));
    }

    #[test]
    fn loopback_is_recognised() {
        for (text, expected) in [
            ("127.0.0.1:5000/a", true),
            ("localhost:5000/a", true),
            ("[::1]:5000/a", true),
            ("127.9.9.9/a", true),
            ("10.0.0.1:5000/a", false),
            ("localhost.example/a", false),
            ("a", false),
        ] {
            assert_eq!(text.parse::<RegistryReference>().unwrap().is_loopback(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        let long_name = "a".repeat(MAX_NAME_BYTES + 1);
        let long_tag = format!("a:{}", "t".repeat(MAX_TAG_BYTES + 1));
        for text in [
            "",
            "oci:",
            "dir:",
            "App/x y",
            "a//b",
            "a:-x",
            "a:",
            "a/../b",
            "a@sha256:1",
            "r.example/",
            "-a",
            "./image.tar",
            "/srv/rootfs",
            "tar:image.tar",
            "docker-daemon:app:1",
            "a..b",
            "r.example:99999/a",
            "user:pass@r.example/a",
            "[::zz]:1/a",
            &long_name,
            &long_tag,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
