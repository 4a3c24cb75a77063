//! Any bytes as one of the smaller files; the first byte says which.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    const PATHS: [&str; 39] = [
        "etc/os-release",
        "etc/redhat-release",
        "etc/apk/repositories",
        "opt/bitnami/redis/.spdx-redis.spdx",
        "root/buildinfo/content_manifests/a.json",
        "srv/Gemfile.lock",
        "srv/Pipfile.lock",
        "srv/a.cdx.json",
        "srv/a.deps.json",
        "srv/a.spdx.json",
        "srv/composer.lock",
        "srv/node_modules/a/package.json",
        "srv/packages.config",
        "srv/packages.lock.json",
        "srv/pnpm-lock.yaml",
        "srv/poetry.lock",
        "srv/requirements.txt",
        "srv/vendor/composer/installed.json",
        "usr/lib/jvm/java/release",
        "usr/lib/ruby/gems/3.1.0/specifications/a-1.gemspec",
        "var/lib/dpkg/info/a.list",
        "var/lib/rpmmanifest/container-manifest-2",
        "opt/conda/conda-meta/a-1-0.json",
        "srv/Manifest.toml",
        "srv/Package.resolved",
        "srv/Podfile.lock",
        "srv/bun.lock",
        "srv/conan.lock",
        "srv/deno.lock",
        "srv/go.mod",
        "srv/gradle.lockfile",
        "srv/mix.lock",
        "srv/pubspec.lock",
        "srv/rebar.lock",
        "srv/wp-includes/version.php",
        "usr/lib/R/library/a/DESCRIPTION",
        "usr/lib/elixir/ebin/elixir.app",
        "usr/lib/erlang/releases/26/OTP_VERSION",
        "var/lib/pacman/local/a-1-1/desc",
    ];
    if let Some((which, content)) = data.split_first() {
        seawall_fuzz::file(PATHS[usize::from(*which) % PATHS.len()], content);
    }
});
