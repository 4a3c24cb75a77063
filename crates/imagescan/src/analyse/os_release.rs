//! `os-release`: shell-like assignments, os-release(5) of systemd.

use crate::record::OsRelease;

/// Reads the file; `None` when it names no system.
pub fn parse(bytes: &[u8]) -> Option<OsRelease> {
    let text = String::from_utf8_lossy(bytes);
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
        None => value,
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
    }

    #[test]
    fn says_nothing_of_what_is_no_os_release() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"\xff\xfe=\"\nx"), None);
    }
}
