//! Well-known programs that no package manager put there, by the version strings that they print.
//!
//! Each line of the table says which file names a program has, what stands before its version, and how the version ends.
//! What a package manager owns is dropped when layers are merged: its version string is the upstream's, not the
//! distribution's.

use model::Evidence;

use super::binary::{Mark, View};
use crate::record::Found;

/// Bytes of a version with what tells that it is one.
const ROOM: usize = 96;

/// A well-known program.
struct Program {
    /// Name of the package.
    name: &'static str,
    /// File names: the whole name, or with a `*` at the end its start.
    files: &'static [&'static str],
    /// What stands before the version.
    mark: &'static str,
    /// What may follow the numbers: letters of a release (`1.1.1w`, `3.11.0rc1`), or nothing.
    letters: bool,
}

const fn program(name: &'static str, files: &'static [&'static str], mark: &'static str) -> Program {
    Program { name, files, mark, letters: false }
}

/// The table. Marks are texts that each program prints or sends; seen in builds of the projects themselves.
const PROGRAMS: &[Program] = &[
    program("node", &["node", "nodejs"], "node.js/v"),
    program("nginx", &["nginx", "nginx-debug"], "nginx version: nginx/"),
    // The first applet of the official image by name, which the others are links to.
    program("busybox", &["busybox", "["], "BusyBox v"),
    program("bash", &["bash"], "@(#)Bash version "),
    program("httpd", &["httpd", "apache2"], "Apache/"),
    program("php", &["php*", "libphp*"], "X-Powered-By: PHP/"),
    program("postgresql", &["postgres"], "postgres (PostgreSQL) "),
    program("haproxy", &["haproxy"], "HAProxy version "),
    program("lighttpd", &["lighttpd"], "lighttpd/"),
    program("memcached", &["memcached"], "memcached "),
    program("perl", &["perl", "perl5*"], "/perl5/"),
    program("perl", &["perl", "perl5*"], "/perl/"),
    program("lua", &["lua", "lua5*", "liblua*"], "Lua "),
    program("curl", &["libcurl.so*"], "libcurl/"),
    program("redis", &["redis-server", "redis-cli", "redis-sentinel"], "redis_version:"),
    Program { letters: true, ..program("openssl", &["openssl", "libcrypto.so*", "libssl.so*"], "OpenSSL ") },
];

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// Whether a file of this name may be a known program.
pub fn is_known(name: &str) -> bool {
    python_version(name).is_some()
        || PROGRAMS.iter().any(|program| program.files.iter().any(|file| matches(file, name)))
}

/// `3.11` of `python3.11`, `libpython3.11.so.1.0`, `python3.11m`.
fn python_version(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches('.');
    (version.contains('.') && version.split('.').count() == 2).then_some(version)
}

/// Looks for a version.
#[derive(Debug)]
pub struct Search {
    name: &'static str,
    letters: bool,
    /// Numbers that the mark itself begins the version with.
    prefix: String,
    mark: Mark,
    found: Option<(String, u64)>,
}

impl Search {
    /// The search for a file of this name.
    pub fn for_name(name: &str) -> Option<Self> {
        if let Some(version) = python_version(name) {
            // `PY_VERSION` is a text of its own in the program: NUL, version, NUL.
            let mark = Mark::new(format!("\0{version}.").as_bytes(), ROOM);
            return Some(Self { name: "python", letters: true, prefix: format!("{version}."), mark, found: None });
        }
        let program = PROGRAMS.iter().find(|program| program.files.iter().any(|file| matches(file, name)))?;
        let mark = Mark::new(program.mark.as_bytes(), ROOM);
        Some(Self { name: program.name, letters: program.letters, prefix: String::new(), mark, found: None })
    }

    pub fn look(&mut self, view: &View<'_>) {
        if self.found.is_some() {
            return;
        }
        let Self { letters, prefix, mark, found, .. } = self;
        let length = mark.length();
        mark.search(view, |at| {
            let after = view.from(at).get(length..).unwrap_or_default();
            if found.is_none() {
                *found = version(after, prefix, *letters).map(|version| (version, at));
            }
        });
    }

    pub fn finish(self) -> Option<Found> {
        let (version, at) = self.found?;
        let mut found = Found::new("generic", self.name, version, Evidence::Binary);
        found.offset = Some(at);
        Some(found)
    }
}

/// A version of at least two numbers, after those that are known already.
fn version(after: &[u8], prefix: &str, letters: bool) -> Option<String> {
    let numbers = after.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let mut end = numbers;
    if letters {
        let suffix = after[numbers..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+');
        end += suffix.count();
    }
    let text = std::str::from_utf8(after.get(..end)?).ok()?.trim_end_matches('.');
    let whole = format!("{prefix}{text}");
    let sane = text.starts_with(|c: char| c.is_ascii_digit()) && whole.contains('.') && whole.len() < ROOM / 2;
    sane.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], expected: Option<&str>) {
        let mut search = Search::for_name(name).unwrap();
        search.look(&View { bytes, start: 0, last: true });
        assert_eq!(search.finish().map(|found| found.version).as_deref(), expected, "{name}");
    }

    #[test]
    fn versions_as_programs_print_them() {
        check("node", b"\0node.js/v20.11.0\0", Some("20.11.0"));
        check("openssl", b"\0OpenSSL 1.1.1w  11 Sep 2023\0", Some("1.1.1w"));
        check("openssl", b"OpenSSL default\0OpenSSL 3.0.13 30 Jan 2024\0", Some("3.0.13"));
        check("busybox", b"BusyBox v1.36.1 (2023)", Some("1.36.1"));
        check("python3.11", b"\x003.11.4\0", Some("3.11.4"));
        check("libpython3.12.so.1.0", b"x\x003.12.0rc1+\0", Some("3.12.0rc1+"));
        check("python3.11", b"\x003.10.4\0", None);
        check("nginx", b"nginx version: nginx/", None);
    }

    #[test]
    fn names() {
        assert!(is_known("python3.9") && is_known("libcrypto.so.3") && is_known("php-fpm8.2"));
        assert!(!is_known("python3") && !is_known("nodemon") && !is_known("libc.so.6"));
    }
}
