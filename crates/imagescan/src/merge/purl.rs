//! Package URLs of what was found, by the types' definitions in the purl specification (package-url/purl-spec, `types`).

use model::Purl;

use crate::record::{Found, OsRelease};

/// The purl of a package. `os` gives OS packages their namespace and `distro` qualifier.
pub fn of(found: &Found, os: Option<&OsRelease>) -> Purl {
    match found.r#type.as_str() {
        "deb" | "rpm" | "apk" => os_package(found, os),
        // `@scope/name`, `vendor/name`, `example.com/a/b`: the last part is the name.
        "npm" | "composer" | "golang" | "swift" | "ebuild" => split(found, '/'),
        "maven" => split(found, ':'),
        "alpm" => Purl::new("alpm", os.map_or("arch", |os| os.id.as_str()), &found.name, &found.version)
            .with("arch", found.architecture.as_deref().unwrap_or_default()),
        // The type's definition requires it: names of packages are not unique there.
        "julia" => Purl::new("julia", "", &found.name, &found.version)
            .with("uuid", found.properties.get("uuid").map_or("", String::as_str)),
        r#type => Purl::new(r#type, "", &found.name, &found.version),
    }
}

fn split(found: &Found, separator: char) -> Purl {
    let (namespace, name) = found.name.rsplit_once(separator).unwrap_or(("", &found.name));
    Purl::new(&found.r#type, namespace, name, &found.version)
}

fn os_package(found: &Found, os: Option<&OsRelease>) -> Purl {
    let is_rpm = found.r#type == "rpm";
    let namespace = os.map_or("", |os| namespace(&os.id));
    // The epoch of rpm is a qualifier; in deb versions it is part of the version.
    let (epoch, version) = match found.version.split_once(':') {
        Some((epoch, version)) if is_rpm => (epoch, version),
        _ => ("", found.version.as_str()),
    };
    let distro = os.map_or(String::new(), |os| match os.version.as_str() {
        "" => os.id.clone(),
        version => format!("{}-{version}", os.id),
    });
    Purl::new(&found.r#type, namespace, &found.name, version)
        .with("arch", found.architecture.as_deref().unwrap_or_default())
        .with("distro", &distro)
        .with("epoch", epoch)
        .with("upstream", &upstream(found))
}

/// The vendor that a namespace names; most systems are called as their vendor.
fn namespace(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        _ if id.starts_with("opensuse") => "opensuse",
        _ => id,
    }
}

/// The source package in the form that other tools read: for rpm the name of the source file, for others the name, with
/// its version where that differs.
fn upstream(found: &Found) -> String {
    let Some(source) = &found.source else { return String::new() };
    match found.r#type.as_str() {
        "rpm" => {
            let version = source.version.split_once(':').map_or(source.version.as_str(), |(_, version)| version);
            format!("{}-{version}.src.rpm", source.name)
        }
        _ if source.version != found.version && !source.version.is_empty() => {
            format!("{}@{}", source.name, source.version)
        }
        _ if source.name != found.name => source.name.clone(),
        _ => String::new(),
    }
}
