//! Project files of `MSBuild`: `PackageReference` in projects, `PackageVersion` in a central list (`NuGet`'s "Central Package
//! Management", `MSBuild`'s "Customize your build by folder"). Conditions are not evaluated: what any of them asks for counts.

use model::Diagnostic;

use crate::analyse::{unreadable, xml};
use crate::path::file_name;
use crate::record::{Project, Wanted};

/// Reads a project or a list.
pub fn project(path: &str, bytes: &[u8]) -> (Option<Project>, Vec<Diagnostic>) {
    let root = match xml::parse(bytes) {
        Ok(root) if root.name == "Project" => root,
        Ok(_) => return (None, Vec::new()),
        Err(error) => return (None, vec![unreadable("nuget/project", path, &error)]),
    };
    let mut project = Project { r#type: "nuget".to_owned(), ..Project::default() };
    for property in root.named("PropertyGroup").flat_map(|group| &group.elements) {
        project.properties.insert(property.name.clone(), property.text.trim().to_owned());
    }
    for item in root.named("ItemGroup").flat_map(|group| &group.elements) {
        let Some(name) = item.attribute("Include").or_else(|| item.attribute("Update")).filter(|name| !name.is_empty())
        else {
            continue;
        };
        let one = Wanted { name: name.to_owned(), version: version(item), scope: String::new() };
        match item.name.as_str() {
            // Its package takes part in the build and is not in what was built.
            "PackageReference" if item.attribute("PrivateAssets").is_some_and(|value| value == "all") => {}
            "PackageReference" if item.attribute("Include").is_some() => project.wanted.push(one),
            "PackageReference" | "PackageVersion" => {
                project.managed.insert(one.name.to_lowercase(), one.version.clone());
                // A central list alone still tells what the projects that it belongs to use.
                if file_name(path).ends_with("Packages.props") {
                    project.wanted.push(one);
                }
            }
            _ => {}
        }
    }
    (Some(project), Vec::new())
}

fn version(item: &xml::Element) -> String {
    let inline = ["VersionOverride", "Version"].iter().find_map(|name| item.attribute(name));
    inline.unwrap_or_else(|| item.value("Version")).to_owned()
}
