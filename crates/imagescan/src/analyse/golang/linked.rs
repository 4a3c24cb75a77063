//! The version that the linker wrote into a program whose build information does not tell its flags.
//!
//! `go build -trimpath` leaves `-ldflags` out of the build information, so that what `-X` set is not told (`go help build`).
//! The linker keeps each text that it sets as one that ends in NUL, and the toolchain's version (`runtime.buildVersion`)
//! is one of them: they stand together. If a single version stands beside it, it is the program's. Of low confidence,
//! since the variable's name is not known.

use std::collections::BTreeSet;

use super::View;
use crate::record::Found;

/// How far the linker's texts are looked for, on both sides of the toolchain's version. Also what [`View`] must show.
pub const NEAR: usize = 240;
/// Different texts that are kept; of one that has more, none is the program's.
const MAX_TEXTS: usize = 8;

/// Versions that stand beside the toolchain's.
#[derive(Debug, Default)]
pub struct Linked(BTreeSet<String>);

impl Linked {
    /// Looks around a `go1.` in a program.
    pub fn look(&mut self, view: &View<'_>, at: u64) {
        let (before, after) = (view.before(at), view.from(at));
        let toolchain = after.iter().position(|byte| *byte == 0).map_or(&b""[..], |end| &after[..end]);
        let is_version = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
        // In the middle of another text it is not the linker's.
        let own = before.last().is_none_or(|byte| !byte.is_ascii_graphic());
        if !own || toolchain.is_empty() || !toolchain.iter().all(is_version) {
            return;
        }
        let before = &before[before.len().saturating_sub(NEAR)..];
        let after = &after[toolchain.len()..after.len().min(NEAR)];
        // The first may be cut, and what does not end in NUL is none.
        let texts = before.split(|byte| *byte == 0).skip(1).chain(after.split(|byte| *byte == 0));
        for version in texts.filter_map(version) {
            if self.0.len() <= MAX_TEXTS {
                self.0.insert(version);
            }
        }
    }

    /// States the version of a main module that has none.
    pub fn state_version(self, main: &mut Found) {
        let mut versions = self.0.into_iter();
        if let (Some(version), None) = (versions.next(), versions.next()) {
            main.version = format!("v{version}");
            main.properties.insert("version_from".into(), "linker".into());
            main.properties.insert("confidence".into(), "low".into());
        }
    }
}

/// `1.2.3-rc.1` at the end of a text.
fn version(text: &[u8]) -> Option<String> {
    let start = text.iter().rposition(|byte| !byte.is_ascii_graphic()).map_or(0, |at| at + 1);
    let text = std::str::from_utf8(&text[start..]).ok()?;
    let text = text.strip_prefix("release-").unwrap_or(text);
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next()?;
    let sane = numbers.split('.').count() == 3 && numbers.split('.').all(|number| number.parse::<u32>().is_ok());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'));
    (sane && plain).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let mut main = Found::new("golang", "example.com/tool", "(devel)", model::Evidence::Binary);
        let mut linked = Linked::default();
        let view = View { bytes, start: 0, last: true };
        for at in memchr::memmem::find_iter(bytes, b"go1.") {
            linked.look(&view, at as u64);
        }
        linked.state_version(&mut main);
        assert_eq!(main.version, expected);
    }

    #[test]
    fn a_version_beside_the_toolchains() {
        check(b"\xc0\x92\0\0go1.26.8\0\0abcdef12\0\0v3.4.5-rc.1\0\0\xff", "v3.4.5-rc.1");
        check(b"\0\xe0\xef\xc7v1.11.8\0\0\xf0z\0go1.24.4\0", "v1.11.8");
        check(b"\0release-12.3.1\0go1.24.4\0", "v12.3.1");
        check(b"\0v1.0.0\0go1.24.4\0v2.0.0\0", "(devel)");
        check(b"\0v1.0.0\0needs go1.24 or later\0", "(devel)");
        check(b"\0v1.0.0\0ago1.24\0", "(devel)");
        check(b"\0abcdef12\0go1.24.4\0", "(devel)");
    }
}
