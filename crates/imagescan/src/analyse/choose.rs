//! Which analyser wants which path. Runs for every entry of every layer: a few comparisons, no allocation.

use super::{
    Analyser, apk, beam, binary, conan, conda, dart, dotnet, dpkg, embedded, facts, golang, haskell, java, node,
    os_release, pacman, php, placed, project, python, rpm, ruby, rust, spdx, statistics, swift,
};
use crate::path::{extension, file_name, parent};

/// Files with one place in an image, for following symbolic links to them.
const KNOWN_FILES: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
];

/// Whether a symbolic link of this path can lead to a known file: it is one, or a folder above one.
pub fn is_way_to_known_file(path: &str) -> bool {
    KNOWN_FILES
        .iter()
        .any(|known| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The analyser that wants a file, by its path in normal form, its size in bytes and its permission bits.
pub fn choose(path: &str, size: u64, mode: u32) -> Option<&'static Analyser> {
    let name = file_name(path);
    by_name(path, name).or_else(|| by_folder(path, name)).or_else(|| by_extension(path, name)).or_else(|| {
        // Everything else that can be a program.
        binary::wants(name, size, mode).then_some(&binary::ANALYSER)
    })
}

fn by_name(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match name {
        "package.json" => &node::MANIFEST,
        "package-lock.json" | "npm-shrinkwrap.json" => &node::LOCK,
        "yarn.lock" => &node::YARN,
        "pnpm-lock.yaml" => &node::PNPM,
        "bun.lock" => &node::others::BUN,
        "deno.lock" => &node::others::DENO,
        "METADATA" | "PKG-INFO" => return python::is_installed(path).then_some(&python::METADATA),
        "poetry.lock" | "uv.lock" | "pylock.toml" | "pdm.lock" => &python::TOML_LOCK,
        "Pipfile.lock" => &python::PIPFILE_LOCK,
        "Cargo.lock" => &rust::LOCK,
        "Gemfile.lock" | "gems.locked" => &ruby::LOCK,
        "composer.lock" => &php::LOCK,
        "installed.json" if path.ends_with("composer/installed.json") => &php::INSTALLED,
        "go.mod" if golang::module_file::is_own(path) => &golang::module_file::MODULE_FILE,
        "gradle.lockfile" | "buildscript-gradle.lockfile" => &java::gradle::LOCK,
        "build.sbt.lock" => &java::sbt::LOCK,
        "pubspec.lock" => &dart::LOCK,
        "Package.resolved" => &swift::RESOLVED,
        "Podfile.lock" => &swift::PODS,
        "mix.lock" => &beam::MIX,
        "rebar.lock" => &beam::REBAR,
        "OTP_VERSION" => &beam::OTP_VERSION,
        "conan.lock" => &conan::LOCK,
        "DESCRIPTION" => &statistics::DESCRIPTION,
        "Manifest.toml" | "JuliaManifest.toml" => &statistics::JULIA,
        "desc" if path.starts_with("var/lib/pacman/local/") => &pacman::DESC,
        "version.php" if path.ends_with("wp-includes/version.php") => &facts::WORDPRESS,
        "packages.lock.json" => &dotnet::LOCK,
        "packages.config" => &dotnet::CONFIG,
        "release" => &facts::JAVA_RELEASE,
        "VERSION" if path.ends_with("go/VERSION") => &facts::GO_VERSION,
        "os-release" if matches!(path, "etc/os-release" | "usr/lib/os-release") => &os_release::ANALYSER,
        "pom.properties" | "pom.xml" if java::loose::is_metadata(path) => &java::loose::METADATA,
        "pom.xml" => &project::MAVEN,
        _ if project::is_msbuild(name) => &project::MSBUILD,
        "cabal.project.freeze" => &haskell::FREEZE,
        "stack.yaml.lock" => &haskell::STACK_LOCK,
        // The second is where image-based systems keep it, the others are those of OpenWrt.
        "status"
            if matches!(
                path,
                "var/lib/dpkg/status" | "usr/lib/dpkg/status" | "var/lib/opkg/status" | "usr/lib/opkg/status"
            ) =>
        {
            &dpkg::STATUS
        }
        "installed" if matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed") => &apk::INSTALLED,
        "repositories" if path == "etc/apk/repositories" => &facts::APK_REPOSITORIES,
        _ if python::is_requirements(path) => &python::REQUIREMENTS,
        _ if placed::is_place(path) => &placed::PLACE,
        _ => return None,
    })
}

fn by_folder(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match parent(path) {
        "var/lib/dpkg/info" if extension(name) == "list" => &dpkg::LIST,
        "var/lib/dpkg/status.d" if extension(name) == "md5sums" => &dpkg::SUMS,
        // Distroless images keep one paragraph a file.
        "var/lib/dpkg/status.d" => &dpkg::STATUS_PART,
        // The second is that of SUSE, Fedora and image-based systems.
        "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm" => return rpm::by_name(name),
        "var/lib/rpmmanifest" if name == "container-manifest-2" => &rpm::MANIFEST,
        "root/buildinfo/content_manifests" | "usr/share/buildinfo" if extension(name) == "json" => &facts::CONTENT_SETS,
        "etc" => match name {
            "debian_version" | "alpine-release" | "redhat-release" | "centos-release" => &os_release::OTHER,
            _ => return None,
        },
        _ => return None,
    })
}

fn by_extension(path: &str, name: &str) -> Option<&'static Analyser> {
    Some(match extension(name) {
        "jar" | "war" | "ear" | "par" | "sar" | "nar" | "hpi" | "jpi" | "lpkg" => &java::ARCHIVE,
        "egg-info" => &python::METADATA,
        "egg" => &python::EGG,
        "app" if beam::is_application(path) => &beam::APPLICATION,
        "gemspec" if ruby::is_installed(path) => &ruby::GEMSPEC,
        "json" if name.ends_with(".deps.json") => &dotnet::DEPS,
        "json" if file_name(parent(path)) == "conda-meta" => &conda::META,
        "json" if embedded::is_document(name) => &embedded::DOCUMENT,
        "spdx" if path.starts_with("opt/bitnami/") => &spdx::BITNAMI,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Archive, image};

    /// Each kind of file that one place or name tells, through the whole scanner.
    #[test]
    fn files_are_found_by_their_names() {
        for (path, content, expected) in [
            ("app/bun.lock", r#"{"packages": {"ms": ["ms@2.1.3", ""],}}"#, "pkg:npm/ms@2.1.3"),
            (
                "app/build.sbt.lock",
                r#"{"dependencies": [{"org": "g", "name": "a", "version": "1", "configurations": ["runtime"]}]}"#,
                "pkg:maven/g/a@1",
            ),
            ("app/deno.lock", r#"{"npm": {"ms@2.1.3": {}}}"#, "pkg:npm/ms@2.1.3"),
            ("app/go.mod", "require a.b/c v1.0.0\n", "pkg:golang/a.b/c@v1.0.0"),
            ("app/gradle.lockfile", "g:a:1=x\n", "pkg:maven/g/a@1"),
            (
                "app/pom.xml",
                "<project><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>1</version></dependency></dependencies></project>",
                "pkg:maven/g/a@1",
            ),
            (
                "app/app.csproj",
                "<Project><ItemGroup><PackageReference Include='A' Version='1.0'/></ItemGroup></Project>",
                "pkg:nuget/A@1.0",
            ),
            ("app/pubspec.lock", "packages: {http: {source: hosted, version: \"1.1\"}}", "pkg:pub/http@1.1"),
            (
                "app/Package.resolved",
                r#"{"pins": [{"location": "https://h/o/p.git", "state": {"version": "1.0"}}]}"#,
                "pkg:swift/h/o/p@1.0",
            ),
            ("app/Podfile.lock", "PODS:\n  - A (1.0)\n", "pkg:cocoapods/A@1.0"),
            ("app/mix.lock", "\"a\": {:hex, :a, \"1.0\", \"x\"}", "pkg:hex/a@1.0"),
            ("app/rebar.lock", "{<<\"a\">>,{pkg,<<\"a\">>,<<\"1.0\">>},0}", "pkg:hex/a@1.0"),
            ("app/conan.lock", r#"{"requires": ["zlib/1.2#r"]}"#, "pkg:conan/zlib@1.2"),
            ("app/Manifest.toml", "[[deps.A]]\nuuid = \"u\"\nversion = \"1.0\"\n", "pkg:julia/A@1.0?uuid=u"),
            ("r/library/a/DESCRIPTION", "Package: a\nVersion: 1.0\nBuilt: R\n", "pkg:cran/a@1.0"),
            ("opt/conda/conda-meta/a-1-0.json", r#"{"name": "a", "version": "1"}"#, "pkg:conda/a@1"),
            ("var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n\n%VERSION%\n1-1\n", "pkg:alpm/arch/a@1-1"),
            ("usr/lib/erlang/releases/26/OTP_VERSION", "26.2\n", "pkg:generic/erlang@26.2"),
            ("usr/lib/elixir/lib/elixir/ebin/elixir.app", "{vsn,\"1.15.7\"}", "pkg:generic/elixir@1.15.7"),
            (
                "app/app.cdx.json",
                r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "a", "version": "1", "purl": "pkg:npm/a@1"}]}"#,
                "pkg:npm/a@1",
            ),
            ("var/www/wp-includes/version.php", "$wp_version = '6.4';\n", "pkg:generic/wordpress@6.4"),
        ] {
            let inventory = image(vec![Archive::default().file(path, content)]);
            let found: Vec<&str> = inventory.packages.iter().map(|package| package.purl.as_str()).collect();
            assert_eq!(found, [expected], "{path}");
        }
    }
}
