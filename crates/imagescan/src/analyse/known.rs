//! Well-known programs that no package manager put there, by the version strings that they print.
//!
//! Each line of the table says which file names a program has, what stands before its version, and how the version ends.
//! What a package manager owns is dropped when layers are merged: its version string is the upstream's, not the
//! distribution's.

mod table;

use model::Evidence;
use table::{Form, NEAR, PROGRAMS, Program};

use super::pieces::{Mark, View};
use crate::record::Found;

/// Digits of a time in seconds.
const REDIS_TIME_DIGITS: usize = 10;
/// Bytes of a version with what tells that it is one.
const ROOM: usize = 96;

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
    form: Form,
    /// Numbers that the mark itself begins the version with.
    prefix: String,
    mark: Mark,
    found: Option<(String, u64)>,
}

impl Search {
    /// The searches for a file of this name: of one name are programs of several projects.
    pub fn for_name(name: &str) -> Vec<Self> {
        if let Some(version) = python_version(name) {
            // `PY_VERSION` is a text of its own in the program: NUL, version, NUL.
            let mark = Mark::new(format!("\0{version}.").as_bytes(), ROOM);
            return vec![Self {
                name: "python",
                form: Form::BehindWithLetters,
                prefix: format!("{version}."),
                mark,
                found: None,
            }];
        }
        let programs = PROGRAMS.iter().filter(|program| program.files.iter().any(|file| matches(file, name)));
        programs.map(Self::of).collect()
    }

    fn of(program: &Program) -> Self {
        let room = if matches!(program.form, Form::Near(_)) { program.mark.len() + NEAR } else { ROOM };
        let mark = Mark::new(program.mark.as_bytes(), room);
        // Perl's mark begins with its version.
        let prefix = if program.mark.ends_with("5.") { "5." } else { "" };
        Self { name: program.name, form: program.form, prefix: prefix.to_owned(), mark, found: None }
    }

    pub fn look(&mut self, view: &View<'_>) {
        if self.found.is_some() {
            return;
        }
        let Self { form, prefix, mark, found, .. } = self;
        let length = mark.length();
        mark.search(view, |at| {
            if found.is_some() {
                return;
            }
            let version = match form {
                Form::Behind | Form::BehindWithLetters => {
                    let after = view.from(at).get(length..).unwrap_or_default();
                    version(after, prefix, *form == Form::BehindWithLetters)
                }
                Form::Before => version(end_before(view.before(at)), "", false),
                Form::Near(numbers) => {
                    let after = view.from(at).get(length..).unwrap_or_default();
                    nearest(view.before(at), after, *numbers)
                }
                Form::RedisBuild => redis_version(word_before(view.before(at))),
            };
            *found = version.map(|version| (version, at));
        });
    }

    fn finish(self) -> Option<Found> {
        let (version, at) = self.found?;
        let mut found = Found::new("generic", self.name, version, Evidence::Binary);
        found.offset = Some(at);
        Some(found)
    }
}

/// What the searches of a file found. What only stands near a mark is the weaker sign: it counts where no other program
/// says that the file is its own.
pub fn finish(searches: Vec<Search>) -> Option<Found> {
    let (near, sure): (Vec<Search>, Vec<Search>) =
        searches.into_iter().partition(|search| matches!(search.form, Form::Near(_)));
    sure.into_iter().chain(near).find_map(Search::finish)
}

/// The end of the text before a mark; of the text before that one where the mark begins its own, or one that something is
/// printed before.
fn end_before(before: &[u8]) -> &[u8] {
    let before = before.strip_suffix(b"%s").unwrap_or(before);
    let end = before.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    word_before(&before[..end])
}

/// The end of a text, from its last NUL, space or slash on.
fn word_before(before: &[u8]) -> &[u8] {
    let start = before.iter().rposition(|byte| !byte.is_ascii_graphic() || *byte == b'/').map_or(0, |at| at + 1);
    &before[start..]
}

/// The version in `7.2.4MACHINE-1700000000`: the time of the build has ten digits or more, and machines that build images
/// are named by twelve hexadecimal digits, which must not be taken for a part of the version.
fn redis_version(word: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(word).ok()?;
    let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let build = match text.split_once('-') {
        Some((build, _)) => build,
        None => text.get(..text.len().checked_sub(REDIS_TIME_DIGITS)?)?,
    };
    let machine = build.len().checked_sub(12).filter(|at| build.is_char_boundary(*at)).map(|at| build.split_at(at));
    let numbers = |text: &str| text.split('.').filter(|part| part.parse::<u8>().is_ok()).count() == 3;
    let build = match machine {
        Some((version, machine)) if numbers(version) && machine.bytes().all(|b| b.is_ascii_hexdigit()) => version,
        _ => build,
    };
    version(build.as_bytes(), "", false).filter(|version| numbers(version))
}

/// The version of at least so many numbers that is a text of its own and the nearest to a mark, between what stands
/// before it and behind it.
fn nearest(before: &[u8], after: &[u8], numbers: usize) -> Option<String> {
    let before = &before[before.len().saturating_sub(NEAR)..];
    let after = &after[..after.len().min(NEAR)];
    let not_text = |byte: &u8| !byte.is_ascii_graphic() && *byte != b' ';
    let left = closest(before.rsplit(not_text), numbers);
    let right = closest(after.split(not_text), numbers);
    left.into_iter().chain(right).min_by_key(|(away, _)| *away).map(|(_, version)| version)
}

/// The first text that is a version, and the bytes before it. The last text may be cut, and is left out.
fn closest<'a>(texts: impl Iterator<Item = &'a [u8]>, numbers: usize) -> Option<(usize, String)> {
    let (mut texts, mut away) = (texts.peekable(), 0);
    while let Some(text) = texts.next() {
        texts.peek()?;
        match whole_version(text).filter(|version| version.split('.').count() >= numbers) {
            Some(version) => return Some((away, version)),
            None => away += text.len() + 1,
        }
    }
    None
}

/// A text that is a version and nothing else; its commit may stand behind it (`2.7.3-1065b10`).
fn whole_version(text: &[u8]) -> Option<String> {
    let text = text.strip_prefix(b"v").unwrap_or(text);
    let version = version(text, "", false)?;
    let commit = text.get(version.len()..)?.strip_prefix(b"-").unwrap_or(&text[version.len()..]);
    commit.iter().all(u8::is_ascii_hexdigit).then_some(version)
}

/// A version of at least two numbers, after those that are known already.
fn version(after: &[u8], prefix: &str, letters: bool) -> Option<String> {
    let numbers = after.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let mut end = numbers;
    if letters {
        let suffix = after[numbers..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+');
        end += suffix.count();
    } else {
        end += stage(&after[numbers..]);
    }
    // BoringSSL and AWS-LC name the OpenSSL whose interface they have: `OpenSSL 1.1.1 (compatible; BoringSSL)`.
    if after.get(end..).is_some_and(|rest| rest.starts_with(b" (compatible")) {
        return None;
    }
    let text = std::str::from_utf8(after.get(..end)?).ok()?.trim_end_matches('.');
    let whole = format!("{prefix}{text}");
    let sane = text.starts_with(|c: char| c.is_ascii_digit()) && has_two_parts(&whole) && whole.len() < ROOM / 2;
    sane.then_some(whole)
}

/// `1.2`, `15beta4`.
fn has_two_parts(version: &str) -> bool {
    version.contains('.') || version.contains(|c: char| c.is_ascii_alphabetic())
}

/// Bytes of what tells that a version is not released yet: `-dev0`, `-rc.1`, `beta4`, `-216.1.beta`.
fn stage(rest: &[u8]) -> usize {
    const STAGES: [&[u8]; 7] = [b"alpha", b"beta", b"rc", b"dev", b"preview", b"snapshot", b"canary"];
    let count = |bytes: &[u8], numbers: bool| {
        bytes.iter().take_while(|b| b.is_ascii_digit() || (**b == b'.' && numbers)).count()
    };
    let hyphen = usize::from(rest.first() == Some(&b'-'));
    let before = if hyphen == 1 { count(&rest[1..], true) } else { 0 };
    let at = hyphen + before;
    let Some(word) = STAGES.iter().find(|word| rest[at..].starts_with(word)) else { return 0 };
    let behind = &rest[at + word.len()..];
    let joined = usize::from(matches!(behind, [b'.' | b'-', next, ..] if next.is_ascii_digit()));
    at + word.len() + joined + count(&behind[joined..], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], expected: Option<&str>) {
        let mut searches = Search::for_name(name);
        for search in &mut searches {
            search.look(&View { bytes, start: 0, last: true });
        }
        let version = finish(searches).map(|found| found.version);
        assert_eq!(version.as_deref(), expected, "{name}");
    }

    #[test]
    fn versions_as_programs_print_them() {
        check("node", b"\0node.js/v20.11.0\0", Some("20.11.0"));
        check("openssl", b"\0OpenSSL 1.1.1w  11 Sep 2023\0", Some("1.1.1w"));
        check("openssl", b"OpenSSL default\0OpenSSL 3.0.13 30 Jan 2024\0", Some("3.0.13"));
        check("libcrypto.so", b"\0OpenSSL 1.1.1 (compatible; BoringSSL)\0", None);
        check("busybox", b"BusyBox v1.36.1 (2023)", Some("1.36.1"));
        check("python3.11", b"\x003.11.4\0", Some("3.11.4"));
        check("libpython3.12.so.1.0", b"x\x003.12.0rc1+\0", Some("3.12.0rc1+"));
        check("python3.11", b"\x003.10.4\0", None);
        check("nginx", b"nginx version: nginx/", None);
        check("perl", b"\0v5.36.0\0", Some("5.36.0"));
        check("perl", b"/usr/local/lib/perl5/5.20.0\0-e", Some("5.20.0"));
        check("ruby", b"\0ruby 3.1.7p261 (2025)", Some("3.1.7"));
        check("mysqld", b"/build/sb_1/mysql-8.0.34/sql/x.cc\0", Some("8.0.34"));
        check("mysqld", b"\x0010.11.19-MariaDB\0", Some("10.11.19"));
        check("nginx", b"nginx version: openresty/1.21.4.1\0", Some("1.21.4.1"));
        check("sshd", b"\0OpenSSH_9.2p1\0", Some("9.2p1"));
        check("libz.so.1.2.13", b"\0 deflate 1.2.13 Copyright", Some("1.2.13"));
        check("libexpat.so.1", b"\0expat_2.5.0\0", Some("2.5.0"));
        check("libc.so.6", b"(Debian GLIBC 2.36-9) stable release version 2.36.\n", Some("2.36"));
        check("dart", b"\x003.2.0 (stable) (Tue", Some("3.2.0"));
        check("fluent-bit", b"\x003.0.2\0%sFluent Bit v%s%s\n", Some("3.0.2"));
        check("fluent-bit", b"\x002.2.1\0\0\0Fluent Bit v%s\n", Some("2.2.1"));
        check("arangod", b"\x003.12.5-2 enterprise [linux]\0", Some("3.12.5"));
        check("deno", b"rc\0Deno/2.6.3Deno/2.6.3+3fbb1da", Some("2.6.3"));
        check("bun", b"Bun v1.1.0 (", Some("1.1.0"));
        check("proftpd", b"\0ProFTPD Version 1.3.8b\0LANG", Some("1.3.8b"));
        check("mariadbd", b"\x0010.11.19-MariaDB\0", Some("10.11.19"));
        check("libstd-d1237ef7159db0a2.so", b"\0rustc version 1.95.0 (59807616e 2026-04-14)\0", Some("1.95.0"));
        check("squid-gnutls", b"\0squid/6.13\0", Some("6.13"));
        check("haproxy", b"\0HA-Proxy version 1.8.22 2019/10/25\0", Some("1.8.22"));
        check("haproxy", b"\x003.1-dev0-1eb0f22\0\0HAProxy version follows\0", Some("3.1-dev0"));
        check("node", b"agent.\n\0v4.9.1\0moduleLoadList\0http_parser\x001.2.11\0", Some("4.9.1"));
        check("mongod", b"Options\x008.0.17\0cppdefines\0bytesRead\0", Some("8.0.17"));
        check("mysql", b"shutdown\x008.0.34\0mysql_real_escape_string_quote\0", Some("8.0.34"));
        check("mysql", b"x\x008.0.35\0mysql_real_escape_string\0/BUILD/percona-server-8.0.35-27/", Some("8.0.35"));
        check("postgres", b"\0PostgreSQL 15beta4 (Debian 15~beta4-1)\0", Some("15beta4"));
        check("envoy", b"\0x: {}\x001.34.12\0envoy_quiche_reloadable_flag\0", Some("1.34.12"));
        check("envoy", b"\x001.0\0envoy.config\x001.3.1-", None);
        check("jq", b"failed\x001.7.1\0DEBUG:\0jq: error (at %s)\0", Some("1.7.1"));
        check("chrome", b"Videos\x00126.0.6478.182\0Default\0\0", Some("126.0.6478.182"));
        check("dart", b"\x003.6.0-216.1.beta (beta) (Wed", Some("3.6.0-216.1.beta"));
        check("beam.smp", b" -I/usr/src/otp_src_27.0/erts/\0", Some("27.0"));
        check("haproxy", b"since HAProxy version 2.5.\0 version 2.6.12-1+deb12u4, released 2026/10/17", Some("2.6.12"));
    }

    #[test]
    fn redis_versions_stand_before_machine_and_time() {
        for (bytes, expected) in [
            (&b"\x007.2.4buildkitsandbox-1704796800000000000\0"[..], Some("7.2.4")),
            (b"\x007.0.5e1a0b2c3d4f5-1663000000000000000\0", Some("7.0.5")),
            (b"\x007.0.51a0b2c3d4f5e-1663000000000000000\0", Some("7.0.5")),
            (b"+\x9e)7.2.3buildkitsandbox-1702957734000000000\0", Some("7.2.3")),
            (b"A7.0.151790282056000000000\0", Some("7.0.15")),
            (b"\x0000000000000000000000000\0", None),
            (b"\0\xff000000000\0", None),
        ] {
            check("redis-server", bytes, expected);
        }
        check("valkey-check-rdb", b"\0valkey8.1.11792855166000000000\0", Some("8.1.1"));
        check("redis-server", b"\x002.8.19ip-10-47-132-241-1421933693000000000\0", Some("2.8.19"));
    }

    #[test]
    fn names() {
        assert!(is_known("python3.9") && is_known("libcrypto.so.3") && is_known("php-fpm8.2"));
        assert!(!is_known("python3") && !is_known("nodemon") && !is_known("libm.so.6"));
    }
}
