//! Which files of an OS package are kept as owned, and under which hash.

use super::choose::choose;
use crate::path::{extension, file_name};
use crate::pathset::{PathHash, hash};

/// Purpose of the hashes of owned files.
const OWNED: u8 = b'p';
/// Folders that merged-/usr systems keep under `usr`, while package lists may still name them at the root.
const MERGED: [&str; 6] = ["bin/", "lib/", "lib32/", "lib64/", "libx32/", "sbin/"];
/// Folders whose files without an extension are no programs.
const NO_PROGRAMS: [&str; 5] =
    ["usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/zoneinfo/", "usr/share/lintian/"];
/// Permission bits of a program, for asking what would be analysed by its path alone.
const PROGRAM_MODE: u32 = 0o755;

/// The hash under which a package owns a file. The path has no leading slash.
pub fn owned(path: &str) -> PathHash {
    if MERGED.iter().any(|folder| path.starts_with(folder)) {
        hash(OWNED, &format!("usr/{path}"))
    } else {
        hash(OWNED, path)
    }
}

/// Whether a file that an OS package owns can be a package of its own, by its path: only those are kept as owned.
pub fn can_be_package(path: &str) -> bool {
    let name = file_name(path);
    // Most files of most packages are documentation, translations, headers.
    if NO_PROGRAMS.iter().any(|place| path.starts_with(place)) && extension(name) != "jar" {
        return false;
    }
    choose(path, u64::MAX, PROGRAM_MODE).is_some()
}
