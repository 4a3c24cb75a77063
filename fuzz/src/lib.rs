//! Every parser of outside bytes, as a function over bytes.
//!
//! What it is: the table of targets. A test runs each on its seeds (`seeds/NAME`) and on a fixed set of mutations of them, so
//! that all of them build and hold in every run of CI; `cargo xtask fuzz NAME` runs one under libFuzzer for longer.
//! What it is not: a test of meaning. A target asks that nothing panics, that what was read is written and read again, that
//! orders are orders.

mod advisories;
mod files;
mod texts;
mod wires;

/// A parser.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is the folder of its seeds.
    pub name: &'static str,
    input: Input,
}

/// What a parser is given.
#[derive(Debug, Clone, Copy)]
enum Input {
    /// The bytes.
    Bytes(fn(&[u8])),
    /// The bytes as the file of that path in an image.
    File(&'static str),
    /// The bytes as a file of a feed.
    Feed(fn(&[u8], &mut vuln::import::Sink)),
}

impl Target {
    /// Runs the parser.
    pub fn run(&self, data: &[u8]) {
        match self.input {
            Input::Bytes(run) => run(data),
            Input::File(path) => files::run(path, data),
            Input::Feed(import) => advisories::run(import, data),
        }
    }
}

const fn bytes(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, input: Input::Bytes(run) }
}

const fn file(name: &'static str, path: &'static str) -> Target {
    Target { name, input: Input::File(path) }
}

const fn feed(name: &'static str, import: fn(&[u8], &mut vuln::import::Sink)) -> Target {
    Target { name, input: Input::Feed(import) }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    // Containers of other files.
    bytes("inflate", wires::inflate),
    bytes("layer", wires::layer),
    bytes("zip", wires::zip),
    // Files of an image.
    file("apk", "lib/apk/db/installed"),
    file("apk_repositories", "etc/apk/repositories"),
    file("binary", "usr/bin/program"),
    file("bitnami", "opt/bitnami/redis/.spdx-redis.spdx"),
    file("bun", "srv/bun.lock"),
    file("cargo", "srv/Cargo.lock"),
    file("composer", "srv/composer.lock"),
    file("composer_installed", "srv/vendor/composer/installed.json"),
    file("conan", "srv/conan.lock"),
    file("conda", "opt/conda/conda-meta/a-1-0.json"),
    file("content_manifest", "root/buildinfo/content_manifests/a.json"),
    file("deno", "srv/deno.lock"),
    file("dotnet_deps", "srv/a.deps.json"),
    file("dotnet_lock", "srv/packages.lock.json"),
    file("dotnet_packages", "srv/packages.config"),
    file("dpkg", "var/lib/dpkg/status"),
    file("dpkg_list", "var/lib/dpkg/info/a.list"),
    file("elixir", "usr/lib/elixir/ebin/elixir.app"),
    file("embedded_cyclonedx", "srv/a.cdx.json"),
    file("embedded_spdx", "srv/a.spdx.json"),
    file("erlang", "usr/lib/erlang/releases/26/OTP_VERSION"),
    file("gemfile", "srv/Gemfile.lock"),
    file("gemspec", "usr/lib/ruby/gems/3.1.0/specifications/a-1.gemspec"),
    file("go_module", "srv/go.mod"),
    file("gradle", "srv/gradle.lockfile"),
    file("jar", "srv/app.jar"),
    file("java_release", "usr/lib/jvm/java/release"),
    file("julia", "srv/Manifest.toml"),
    file("mariner_manifest", "var/lib/rpmmanifest/container-manifest-2"),
    file("maven_project", "srv/pom.xml"),
    file("mix", "srv/mix.lock"),
    file("msbuild", "srv/app.csproj"),
    file("node_package", "srv/node_modules/a/package.json"),
    file("npm", "srv/package-lock.json"),
    file("os_release", "etc/os-release"),
    file("pacman", "var/lib/pacman/local/a-1-1/desc"),
    file("pipfile", "srv/Pipfile.lock"),
    file("pnpm", "srv/pnpm-lock.yaml"),
    file("pods", "srv/Podfile.lock"),
    file("poetry", "srv/poetry.lock"),
    file("pub", "srv/pubspec.lock"),
    file("python", "usr/lib/python3/site-packages/a-1.dist-info/METADATA"),
    file("r_description", "usr/lib/R/library/a/DESCRIPTION"),
    file("rebar", "srv/rebar.lock"),
    file("redhat_release", "etc/redhat-release"),
    file("requirements", "srv/requirements.txt"),
    file("rpm_berkeley", "var/lib/rpm/Packages"),
    file("rpm_ndb", "usr/lib/sysimage/rpm/Packages.db"),
    file("rpm_sqlite", "var/lib/rpm/rpmdb.sqlite"),
    file("sbt", "srv/build.sbt.lock"),
    file("swift", "srv/Package.resolved"),
    file("uv", "srv/uv.lock"),
    file("wordpress", "srv/wp-includes/version.php"),
    file("yarn", "srv/yarn.lock"),
    bytes("sbom", wires::sbom),
    // Where images come from, and what is kept of them.
    bytes("challenge", texts::challenge),
    bytes("containerd", wires::containerd),
    bytes("kept_layer", wires::kept_layer),
    bytes("kept_packages", wires::kept_packages),
    bytes("logins", wires::logins),
    // Feeds of advisories.
    feed("alas", advisories::alas),
    feed("csaf", advisories::csaf),
    feed("cvrf", advisories::cvrf),
    feed("debian_list", advisories::debian_list),
    feed("debian_tracker", advisories::debian_tracker),
    feed("epss", advisories::epss),
    feed("hydra", advisories::hydra),
    feed("kev", advisories::kev),
    feed("lifecycle", advisories::lifecycle),
    feed("nvd", advisories::nvd),
    feed("osv", advisories::osv),
    feed("oval", advisories::oval),
    feed("photon", advisories::photon),
    feed("repositories", advisories::repositories),
    feed("rubysec", advisories::rubysec),
    feed("secdb", advisories::secdb),
    feed("secdb_yaml", advisories::secdb_yaml),
    feed("updateinfo", advisories::updateinfo),
    bytes("changes", advisories::changes),
    bytes("months", advisories::months),
    bytes("repository", advisories::repository),
    bytes("segment", advisories::segment),
    bytes("segment_manifest", advisories::manifest),
    bytes("tar_of_documents", advisories::tar),
    // A node's files and processes.
    bytes("kubelet", texts::kubelet),
    bytes("kubelet_config", texts::kubelet_config),
    bytes("node_names", texts::node_names),
    bytes("shim", texts::shim),
    bytes("stat", texts::stat),
    // Texts.
    bytes("attestations", texts::attestations),
    bytes("cgroup", texts::cgroup),
    bytes("condition", texts::condition),
    bytes("cvss", texts::cvss),
    bytes("join", texts::join),
    bytes("manifests", texts::manifests),
    bytes("mask", texts::mask),
    bytes("purl", texts::purl),
    bytes("reference", texts::reference),
    bytes("rules", texts::rules),
    bytes("template", texts::template),
    bytes("versions", texts::versions),
    bytes("yaml", texts::yaml),
    // What comes over a wire or from the kernel.
    bytes("audit", wires::audit),
    bytes("batch", wires::batch),
    bytes("bundle", wires::bundle),
    bytes("certificate", wires::certificate),
    bytes("connector", wires::connector),
    bytes("dns", wires::dns),
    bytes("event", wires::event),
    bytes("grpc", wires::grpc),
    bytes("manifest", wires::manifest),
    bytes("protobuf", wires::protobuf),
    bytes("record", wires::record),
];
