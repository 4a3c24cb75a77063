//! Projects that nothing was built from yet: what their own files ask for, in the words of those files.
//!
//! A version may stand in another file (a parent, a central list) or be a property: references stay as they are here, and
//! [`crate::merge`] resolves them among the files of the tree.

pub mod maven;
pub mod msbuild;

use super::{Analyser, Run, Take};

/// Project files of large builds have some hundred KB.
const MAX_BYTES: u64 = 4 << 20;
/// `pom.xml`.
pub const MAVEN: Analyser = Analyser { take: Take::Whole(MAX_BYTES), run: Run::Project(maven::project) };
/// `*.csproj`, `Directory.Packages.props` and their like.
pub const MSBUILD: Analyser = Analyser { take: Take::Whole(MAX_BYTES), run: Run::Project(msbuild::project) };

/// Whether a file is one of `MSBuild`'s that name packages.
pub fn is_msbuild(name: &str) -> bool {
    let ending = name.rsplit('.').next().unwrap_or_default();
    matches!(ending, "csproj" | "fsproj" | "vbproj")
        || name.ends_with("Packages.props")
        || matches!(name, "Directory.Build.props" | "Directory.Build.targets")
}
