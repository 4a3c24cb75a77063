//! `os-release`: shell-like assignments, os-release(5) of systemd.

use super::{Analyser, Run, Take};
use crate::record::OsRelease;

/// A file of about 500 bytes.
pub const ANALYSER: Analyser = Analyser { take: Take::Whole(64 << 10), run: Run::Os(parse) };
/// What systems without `os-release` have (`CentOS` 6 and before, minimal images).
pub const OTHER: Analyser = Analyser { take: Take::Whole(4 << 10), run: Run::Os(other) };

/// A one-line file: a bare version, or `NAME [Linux] release VERSION (CODENAME)`.
fn other(bytes: &[u8]) -> Option<OsRelease> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next()?.trim();
    let Some((name, version)) = line.split_once(" release ") else {
        // `/etc/debian_version` has `12.5` or `trixie/sid`, `/etc/alpine-release` has `3.20.1`: the path tells which, and
        // the merge knows it.
        return (!line.is_empty()).then(|| OsRelease { version: line.to_owned(), ..OsRelease::default() });
    };
    let version = version.split_whitespace().next().unwrap_or_default().to_owned();
    let id = match name.split_whitespace().next().unwrap_or_default() {
        "Red" => "rhel",
        "CentOS" => "centos",
        "Fedora" => "fedora",
        "Rocky" => "rocky",
        "AlmaLinux" => "almalinux",
        "Oracle" => "ol",
        _ => return None,
    };
    Some(OsRelease { id: id.to_owned(), version, name: line.to_owned(), ..OsRelease::default() })
}

/// Reads the file; `None` when it names no system.
fn parse(bytes: &[u8]) -> Option<OsRelease> {
    let text = String::from_utf8_lossy(bytes);
    // A mark of the byte order that an editor left is no part of the first name.
    let text = text.trim_start_matches('\u{feff}');
    let mut out = OsRelease::default();
    let mut name = String::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once('=') else { continue };
        let value = unquote(value.trim());
        match key.trim() {
            "ID" => out.id = value.to_lowercase(),
            "VERSION_ID" => out.version = value,
            "VERSION_CODENAME" => out.codename = value,
            "PRETTY_NAME" => out.name = value,
            "SUPPORT_END" => out.support_end = value,
            "NAME" => name = value,
            _ => {}
        }
    }
    if out.name.is_empty() {
        out.name = name;
    }
    // The manual: without ID it is `linux`.
    if out.id.is_empty() && !out.name.is_empty() {
        "linux".clone_into(&mut out.id);
    }
    (!out.id.is_empty()).then_some(out)
}

/// A value without its quotes and backslashes. Shell expansions do not occur in these files.
fn unquote(value: &str) -> String {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inner = match quote {
        Some(quote) => value[1..].strip_suffix(quote).unwrap_or(&value[1..]),
        // Without quotes a comment may follow. Names with spaces are written so, too, though a shell would not read them.
        None => value.split(" #").next().unwrap_or_default().trim_end(),
    };
    if quote == Some('\'') || !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, id: &str, version: &str, name: &str) {
        let os = parse(text.as_bytes()).unwrap();
        assert_eq!((os.id.as_str(), os.version.as_str(), os.name.as_str()), (id, version, name), "{text}");
    }

    #[test]
    fn reads_what_distributions_write() {
        check(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
            "debian",
            "12",
            "Debian GNU/Linux 12 (bookworm)",
        );
        check("NAME='Wolfi'\nID=wolfi\nVERSION_ID=20230201\n# comment\n", "wolfi", "20230201", "Wolfi");
        check("ID=\"opensuse-leap\"\nPRETTY_NAME=\"a \\\"b\\\"\"", "opensuse-leap", "", "a \"b\"");
        check("NAME=Nameless", "linux", "", "Nameless");
        check("\u{feff}ID=debian # stable\nVERSION_ID=12\nNAME=Debian GNU/Linux\n", "debian", "12", "Debian GNU/Linux");
    }

    #[test]
    fn older_systems_have_one_line() {
        let os = other(b"CentOS release 6.10 (Final)\n").unwrap();
        assert_eq!((os.id.as_str(), os.version.as_str()), ("centos", "6.10"));
        assert_eq!(other(b"Red Hat Enterprise Linux Server release 5.11 (Tikanga)").unwrap().id, "rhel");
        assert_eq!(other(b"12.5\n").unwrap().version, "12.5");
        assert_eq!(other(b""), None);
    }

    #[test]
    fn says_nothing_of_what_is_no_os_release() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"\xff\xfe=\"\nx"), None);
    }
}
