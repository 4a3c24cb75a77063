//! Cases of `merge`: inputs and what must come of them.

use super::*;
use crate::testing::{Archive, deb, image, layer, lines};

const STATUS: &str = "var/lib/dpkg/status";
const SITE: &str = "usr/lib/python3/site-packages";

fn python(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
}

fn metadata(name: &str) -> String {
    format!("{SITE}/{name}.dist-info/METADATA")
}

fn check(layers: Vec<Archive>, expected: &[&str]) {
    assert_eq!(lines(&image(layers)), expected);
}

#[test]
fn an_upper_database_replaces_the_lower_and_packages_keep_the_layer_that_brought_them() {
    check(
        vec![
            Archive::default().file(STATUS, deb("a", "1") + &deb("b", "1") + &deb("gone", "1")),
            Archive::default().file("etc/motd", "x"),
            Archive::default().file(STATUS, deb("a", "1") + &deb("b", "2")),
            Archive::default().file(STATUS, deb("a", "1") + &deb("b", "2") + &deb("c", "1")),
        ],
        &["a 1 l0", "b 2 l2", "c 1 l3"],
    );
}

#[test]
fn a_package_that_was_away_for_a_layer_came_with_its_return() {
    check(
        vec![
            Archive::default().file(STATUS, deb("a", "1")),
            Archive::default().file(STATUS, ""),
            Archive::default().file(STATUS, deb("a", "1")),
        ],
        &["a 1 l2"],
    );
}

#[test]
fn whiteouts_remove_files_and_folders() {
    let base = || Archive::default().file(&metadata("a"), python("a", "1")).file(&metadata("b"), python("b", "1"));
    check(vec![base(), Archive::default().file(&format!("{SITE}/a.dist-info/.wh.METADATA"), "")], &["b 1 l0"]);
    check(vec![base(), Archive::default().file(&format!("{SITE}/.wh.a.dist-info"), "")], &["b 1 l0"]);
    check(vec![base(), Archive::default().file("usr/lib/.wh.python3", "")], &[]);
    check(vec![base(), Archive::default().file("usr/lib/.wh.python", "")], &["a 1 l0", "b 1 l0"]);
}

#[test]
fn a_whiteout_concerns_lower_layers_only() {
    let whiteout = format!("{SITE}/.wh.a.dist-info");
    let upper = Archive::default().file(&whiteout, "").file(&metadata("a"), python("a", "2"));
    check(vec![Archive::default().file(&metadata("a"), python("a", "1")), upper], &["a 2 l1"]);
}

#[test]
fn opaque_folders_hide_what_is_below_and_nothing_else() {
    let base = || Archive::default().file(&metadata("a"), python("a", "1")).file(STATUS, deb("x", "1"));
    let opaque = |folder: &str| Archive::default().file(&format!("{folder}.wh..wh..opq"), "");
    check(vec![base(), opaque(&format!("{SITE}/")).file(&metadata("b"), python("b", "1"))], &["x 1 l0", "b 1 l1"]);
    check(vec![base(), opaque("")], &[]);
}

#[test]
fn a_file_in_place_of_a_folder_hides_it_and_the_other_way_round() {
    let base = || Archive::default().file(&metadata("a"), python("a", "1"));
    check(vec![base(), Archive::default().symlink(SITE, "/opt")], &[]);
    check(vec![base(), Archive::default().folder(&metadata("a"))], &[]);
    check(vec![base(), Archive::default().file(&format!("{}/x", metadata("a")), "")], &[]);
    check(vec![base(), Archive::default().folder(SITE)], &["a 1 l0"]);
}

#[test]
fn the_same_file_again_keeps_the_layer_that_brought_it() {
    let base = || Archive::default().file(&metadata("a"), python("a", "1"));
    check(vec![base(), base()], &["a 1 l0"]);
}

#[test]
fn a_later_entry_of_an_archive_replaces_an_earlier_one() {
    let path = metadata("a");
    let twice = Archive::default().file(&path, python("a", "1")).file(&path, python("a", "2"));
    check(vec![twice], &["a 2 l0"]);
    check(vec![Archive::default().file(&path, python("a", "1")).symlink(&path, "x")], &[]);
}

#[test]
fn hard_links_are_files() {
    let link = || Archive::default().hard_link(&metadata("b"), &metadata("a"));
    let base = || Archive::default().file(&metadata("a"), python("a", "1"));
    let both = image(vec![base().hard_link(&metadata("b"), &metadata("a"))]);
    assert_eq!(both.packages[0].locations.len(), 2);
    let whiteout = Archive::default().file(&format!("{SITE}/.wh.a.dist-info"), "");
    check(vec![base(), link(), whiteout], &["a 1 l1"]);
}

#[test]
fn os_release_is_followed_through_links_across_layers() {
    let os = |id: &str| format!("ID={id}\nVERSION_ID=1\nPRETTY_NAME=\"The {id}\"\n");
    let linked = || Archive::default().symlink("etc/os-release", "../usr/lib/os-release");
    let name = |layers| image(layers).os.map(|os| os.name);
    assert_eq!(name(vec![linked().file("usr/lib/os-release", os("x"))]).as_deref(), Some("The x"));
    let replaced = Archive::default().file("usr/lib/os-release", os("y"));
    assert_eq!(name(vec![linked().file("usr/lib/os-release", os("x")), replaced]).as_deref(), Some("The y"));
    let through_a_folder =
        Archive::default().symlink("usr/lib", "/opt").symlink("etc", "usr/lib").file("usr/lib/os-release", os("z"));
    assert_eq!(name(vec![through_a_folder]).as_deref(), Some("The z"));
    let circle = Archive::default()
        .symlink("etc/os-release", "../usr/lib/os-release")
        .symlink("usr/lib/os-release", "/etc/os-release");
    assert_eq!(name(vec![circle]), None);
}

#[test]
fn packages_carry_purl_source_and_location() {
    let status =
        "Package: libssl3\nStatus: install ok installed\nArchitecture: arm64\nSource: openssl\nVersion: 3.0.1-1+b2\n\n";
    let os = "ID=debian\nVERSION_ID=\"12\"\n";
    let inventory = image(vec![Archive::default().file(STATUS, status).file("etc/os-release", os)]);
    let package = &inventory.packages[0];
    assert_eq!(
        package.purl,
        "pkg:deb/debian/libssl3@3.0.1-1%2Bb2?arch=arm64&distro=debian-12&upstream=openssl%403.0.1-1"
    );
    let source = package.source.as_ref().unwrap();
    assert_eq!((source.name.as_str(), source.version.as_str()), ("openssl", "3.0.1-1"));
    assert_eq!((package.locations[0].path.as_str(), package.locations[0].layer.as_deref()), (STATUS, Some("l0")));
}

#[test]
fn language_packages_in_files_of_an_os_package_name_their_owner() {
    let path = "usr/lib/python3/dist-packages/six-1.egg-info";
    let listed = |file: &str| {
        Archive::default()
            .file(STATUS, deb("python3-six", "1-1"))
            .file(&format!("var/lib/dpkg/info/{file}"), format!("/.\n/usr\n/{path}\n"))
            .file(path, "Name: six\nVersion: 1\n")
    };
    for file in ["python3-six.list", "python3-six:amd64.list"] {
        let inventory = image(vec![listed(file)]);
        let six = inventory.packages.iter().find(|package| package.name == "six").unwrap();
        assert_eq!(six.owner.as_deref(), Some("pkg:deb/python3-six@1-1?arch=amd64"), "{file}");
    }
    let inventory = image(vec![listed("other.list")]);
    assert!(inventory.packages.iter().all(|package| package.owner.is_none()));
}

#[test]
fn distroless_images_keep_one_paragraph_a_file() {
    let part = |name: &str, text: &str| (format!("var/lib/dpkg/status.d/{name}"), text.to_owned());
    let mut archive = Archive::default();
    for (path, text) in [
        part("base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"),
        part("base.md5sums", "0123  usr/lib/python3/dist-packages/six-1.egg-info\n"),
        part("six", "Package: six\nVersion: 2\nArchitecture: all\n"),
    ] {
        archive = archive.file(&path, text);
    }
    check(vec![archive, Archive::default().file("var/lib/dpkg/status.d/.wh.six", "")], &["base-files 12.4 l0"]);
}

#[test]
fn a_layer_that_could_not_be_read_is_marked_and_the_rest_kept() {
    let good = (layer("l0"), Archive::default().file(STATUS, deb("a", "1")).record());
    let bad = (layer("l1"), LayerRecord::unreadable("l1", "connection reset"));
    let mut old = Archive::default().record();
    old.version = "0".into();
    let inventory = merge(vec![good, bad, (layer("l2"), old)], Artifact::default());
    assert_eq!(lines(&inventory), ["a 1 l0"]);
    assert_eq!(inventory.layers.iter().map(|layer| layer.complete).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(
        inventory.diagnostics[0].to_string(),
        "error[layer/unreadable]: layer not read: connection reset\n --> l1"
    );
    assert!(inventory.diagnostics[1].message.contains("version \"0\""), "{}", inventory.diagnostics[1].message);
}

#[test]
fn a_scratch_image_says_that_nothing_is_known() {
    let inventory = image(vec![Archive::default().file("app", "x")]);
    assert_eq!(inventory.diagnostics[0].code, "image/nothing-found");
}

#[test]
fn the_identity_is_of_the_content_not_of_the_name() {
    let with = |reference: &str, version: &str| {
        let record = Archive::default().file(STATUS, deb("a", version)).record();
        let artifact = Artifact { reference: Some(reference.into()), ..Artifact::default() };
        merge(vec![(layer("l0"), record)], artifact).id
    };
    assert_eq!(with("x", "1"), with("y", "1"));
    assert_ne!(with("x", "1"), with("x", "2"));
    assert_eq!(with("x", "1").len(), 64);
}

#[test]
fn records_read_back_as_they_were_written() {
    let record = Archive::default()
        .file(STATUS, deb("a", "1"))
        .file(&metadata("b"), python("b", "1"))
        .symlink("etc/os-release", "../usr/lib/os-release")
        .record();
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<LayerRecord>(&text).unwrap(), record);
}

#[test]
fn locks_give_way_to_what_is_installed() {
    let lock = r#"{"packages": {"node_modules/a": {"version": "1.0.0"}, "node_modules/dev": {"version": "2.0.0"}}}"#;
    let installed = r#"{"name": "a", "version": "1.0.0"}"#;
    check(vec![Archive::default().file("app/package-lock.json", lock)], &["a 1.0.0 l0", "dev 2.0.0 l0"]);
    let both =
        Archive::default().file("app/package-lock.json", lock).file("app/node_modules/a/package.json", installed);
    let inventory = image(vec![both]);
    assert_eq!(lines(&inventory), ["a 1.0.0 l0"]);
    assert_eq!(inventory.diagnostics[0].code, "lock/superseded");
    let elsewhere =
        Archive::default().file("app/package-lock.json", lock).file("z/node_modules/a/package.json", installed);
    check(vec![elsewhere], &["a 1.0.0 l0", "a 1.0.0 l0", "dev 2.0.0 l0"]);
    let unpacked = "app/.yarn/unplugged/a-npm-1.0.0-1f/node_modules/a/package.json";
    let plug_and_play = Archive::default().file("app/package-lock.json", lock).file(unpacked, installed);
    check(vec![plug_and_play], &["a 1.0.0 l0", "a 1.0.0 l0", "dev 2.0.0 l0"]);
}

/// A program of Go as far as it tells its modules (`cmd/link`, `runtime.modinfo`).
fn go_program(module: &str) -> Vec<u8> {
    let list = format!("path\t{module}\nmod\t{module}\t(devel)\t\ndep\tgolang.org/x/net\tv0.7.0\th1:x=\n");
    let (start, end) = ("3077af0c9274080241e1c107e6d618e6", "f932433186182072008242104116d8f2");
    let marked = [hex::decode(start).unwrap(), list.into_bytes(), hex::decode(end).unwrap()].concat();
    let mut program = [b"\x7fELF".to_vec(), vec![0; 2000], marked].concat();
    program.resize(10_000, 0);
    program
}

#[test]
fn a_module_file_gives_way_only_to_a_program_of_its_module() {
    let text = "module example.com/app\nrequire golang.org/x/net v0.7.0\nrequire golang.org/x/tools v0.1.0\n";
    let module = || Archive::default().file("src/go.mod", text);
    let built = image(vec![module().file("bin/app", go_program("example.com/app"))]);
    assert_eq!(lines(&built), ["example.com/app (devel) l0", "golang.org/x/net v0.7.0 l0"]);
    assert_eq!(built.diagnostics[0].code, "lock/superseded");
    let other = image(vec![module().file("bin/kubectl", go_program("k8s.io/kubectl"))]);
    let expected = [
        "example.com/app (devel) l0",
        "golang.org/x/net v0.7.0 l0",
        "golang.org/x/net v0.7.0 l0",
        "golang.org/x/tools v0.1.0 l0",
        "k8s.io/kubectl (devel) l0",
    ];
    assert_eq!(lines(&other), expected, "another program says nothing about this module");
}

#[test]
fn a_lock_gives_way_to_its_own_packages_and_not_to_those_of_the_distribution() {
    let pinned = || Archive::default().file("app/requirements.txt", "flask==3.0.0\nsix==1.16.0\n");
    let system = || {
        Archive::default()
            .file(STATUS, deb("python3-six", "1.16.0-4"))
            .file("var/lib/dpkg/info/python3-six.list", format!("/{SITE}/six.dist-info\n/{}\n", metadata("six")))
            .file(&metadata("six"), python("six", "1.16.0"))
    };
    let found = image(vec![system(), pinned()]);
    let locked = found.packages.iter().filter(|package| package.evidence == model::Evidence::Lock);
    assert_eq!(locked.map(|package| package.name.as_str()).collect::<Vec<_>>(), ["flask", "six"]);
    let own = system().file("opt/venv/lib/python3/site-packages/Flask.dist-info/METADATA", python("Flask", "3.0.1"));
    let found = image(vec![own, pinned()]);
    assert_eq!(found.diagnostics[0].code, "lock/superseded");
    let unrelated = system().file("opt/venv/lib/python3/site-packages/pip.dist-info/METADATA", python("pip", "24"));
    assert_eq!(image(vec![unrelated, pinned()]).packages.len(), 5, "pip alone is no sign");
    let more = pinned().file("b/requirements.txt", "flask==3.0.0\nx==1\ny==1\n");
    let one = system().file("opt/venv/lib/python3/site-packages/Flask.dist-info/METADATA", python("Flask", "3.0.1"));
    let found = image(vec![one, more]);
    let locked = found.packages.iter().filter(|package| package.evidence == model::Evidence::Lock);
    assert_eq!(locked.count(), 3, "one of three is no sign");
}

#[test]
fn programs_known_by_version_count_only_when_no_package_owns_them() {
    let mut program = vec![0x90; 10_000];
    program[..4].copy_from_slice(b"\x7fELF");
    program[9_000..9_015].copy_from_slice(b"node.js/v20.1.2");
    let status = Archive::default().file(STATUS, deb("nodejs", "18.1-1"));
    let owned = status.clone().file("var/lib/dpkg/info/nodejs.list", "/usr/bin/node\n").file("usr/bin/node", &program);
    check(vec![owned], &["nodejs 18.1-1 l0"]);
    check(vec![status.file("usr/bin/node", &program)], &["nodejs 18.1-1 l0", "node 20.1.2 l0"]);
}

#[test]
fn statements_about_the_distribution_reach_its_packages() {
    let apk = "P:musl\nV:1.2.5-r0\nA:x86_64\n\n";
    let archive = Archive::default()
        .file("usr/lib/apk/db/installed", apk)
        .file("etc/apk/repositories", "https://x/alpine/v3.20/main\n")
        .file("etc/alpine-release", "3.20.1\n");
    let inventory = image(vec![archive]);
    assert_eq!(inventory.packages[0].properties["apk_branch"], "v3.20");
    assert_eq!(inventory.packages[0].purl, "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1");
    let os = inventory.os.unwrap();
    assert_eq!((os.id.as_str(), os.version.as_str()), ("alpine", "3.20.1"));
    assert!(os.end_of_life.unwrap().to_string().starts_with("2026-04-01"));
}

#[test]
fn one_package_in_two_layers_came_with_the_lower() {
    let layer = |folder: &str| {
        let path = format!("{folder}/node_modules/a/package.json");
        Archive::default().file(&path, r#"{"name": "a", "version": "1.0.0"}"#)
    };
    let inventory = image(vec![layer("z"), layer("b")]);
    assert_eq!(lines(&inventory), ["a 1.0.0 l0"]);
    assert_eq!(inventory.packages[0].locations.len(), 2);
}

#[test]
fn a_lock_alone_is_doubtful_in_an_image_and_not_in_a_directory() {
    let confidence = |artifact: Artifact| {
        let record = Archive::default()
            .file("app/Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n");
        let inventory = merge(vec![(layer("l0"), record.record())], artifact);
        inventory.packages[0].properties.get("confidence").cloned()
    };
    assert_eq!(confidence(Artifact::default()), None);
    let image = Artifact { manifest_digest: Some("sha256:00".into()), ..Artifact::default() };
    assert_eq!(confidence(image).as_deref(), Some("low"));
}

#[test]
fn documents_add_only_what_nothing_else_found() {
    let component = |name: &str| format!(r#"{{"name": "{name}", "version": "1", "purl": "pkg:pypi/{name}@1"}}"#);
    let document = format!(
        r#"{{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{}, {}]}}"#,
        component("a"),
        component("b")
    );
    let layer = Archive::default().file("app/app.cdx.json", document).file(&metadata("b"), python("b", "1"));
    let inventory = image(vec![layer]);
    let evidence: Vec<_> = inventory.packages.iter().map(|package| (package.name.as_str(), package.evidence)).collect();
    assert_eq!(evidence, [("a", model::Evidence::Sbom), ("b", model::Evidence::File)]);
}

#[test]
fn namespaces_are_vendors() {
    for (id, expected) in [
        ("rhel", "pkg:rpm/redhat/a@1-1?distro=rhel-9"),
        ("opensuse-leap", "pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-9"),
        ("mariner", "pkg:rpm/mariner/a@1-1?distro=mariner-9"),
    ] {
        let manifest = "a\t1-1\t0\t0\t(none)\t(none)\t1\t\t0\t(none)\n";
        let os = format!("ID={id}\nVERSION_ID=9\n");
        let archive =
            Archive::default().file("var/lib/rpmmanifest/container-manifest-2", manifest).file("etc/os-release", os);
        assert_eq!(image(vec![archive]).packages[0].purl, expected);
    }
}

#[test]
fn assemblies_give_way_to_the_list_in_their_folder() {
    let text = "VS_VERSION_INFO\0InternalName\0\0A.dll\0ProductVersion\0\x001.2.3+abc\0";
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut assembly = [b"MZ\0\0BSJB".to_vec(), units].concat();
    assembly.resize(10_000, 0);
    let alone = Archive::default().file("app/A.dll", &assembly);
    check(vec![alone.clone()], &["A 1.2.3 l0"]);
    let listed = alone.file("app/App.deps.json", r#"{"libraries": {"B/2.0.0": {"type": "package"}}}"#);
    check(vec![listed], &["B 2.0.0 l0"]);
}

#[test]
fn packages_of_one_purl_that_differ_stand_beside_each_other() {
    let release =
        |n: usize| (format!("opt/java{n}/release"), format!("JAVA_VERSION=\"17.0.1\"\nFULL_VERSION=\"{n}\"\n"));
    let archive = (0..3).fold(Archive::default(), |archive, n| {
        let (path, text) = release(n);
        archive.file(&path, text)
    });
    assert_eq!(image(vec![archive]).packages.len(), 3);
}
