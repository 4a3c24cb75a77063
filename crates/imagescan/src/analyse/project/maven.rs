//! `pom.xml` (Maven's "POM Reference"). Not read: profiles and plugins, which are no part of what is built by default.

use model::Diagnostic;

use crate::analyse::{unreadable, xml};
use crate::record::{Project, ProjectParent, Wanted};

/// Reads a project.
pub fn project(path: &str, bytes: &[u8]) -> (Option<Project>, Vec<Diagnostic>) {
    let root = match xml::parse(bytes) {
        Ok(root) if root.name == "project" => root,
        Ok(_) => return (None, Vec::new()),
        Err(error) => return (None, vec![unreadable("maven/project", path, &error)]),
    };
    let parent = root.element("parent");
    let inherited = |name: &str| match (root.value(name), parent) {
        ("", Some(parent)) => parent.value(name).to_owned(),
        (own, _) => own.to_owned(),
    };
    let (group, version) = (inherited("groupId"), inherited("version"));
    let mut project = Project {
        r#type: "maven".to_owned(),
        name: format!("{group}:{}", root.value("artifactId")),
        version: version.clone(),
        parent: parent.map(|parent| ProjectParent {
            name: format!("{}:{}", parent.value("groupId"), parent.value("artifactId")),
            // Without the element it is the folder above; an empty one says that it is not on disk.
            path: match parent.element("relativePath") {
                None => "../pom.xml".to_owned(),
                Some(path) => path.text.trim().to_owned(),
            },
        }),
        ..Project::default()
    };
    let builtin = [("project.groupId", &group), ("project.version", &version)];
    project.properties.extend(builtin.map(|(name, value)| (name.to_owned(), value.clone())));
    if let Some(parent) = parent {
        project.properties.insert("project.parent.version".to_owned(), parent.value("version").to_owned());
    }
    let properties = root.element("properties").into_iter().flat_map(|properties| &properties.elements);
    project.properties.extend(properties.map(|one| (one.name.clone(), one.text.trim().to_owned())));
    let managed = root.element("dependencyManagement").and_then(|managed| managed.element("dependencies"));
    for one in managed.into_iter().flat_map(|list| list.named("dependency")).map(dependency) {
        if one.scope == "import" {
            project.imports.push(one.name);
        } else if !one.version.is_empty() {
            project.managed.insert(one.name, one.version);
        }
    }
    let wanted = root.element("dependencies").into_iter().flat_map(|list| list.named("dependency")).map(dependency);
    project.wanted.extend(wanted.filter(|one| one.scope != "test"));
    (Some(project), Vec::new())
}

fn dependency(element: &xml::Element) -> Wanted {
    Wanted {
        name: format!("{}:{}", element.value("groupId"), element.value("artifactId")),
        version: element.value("version").to_owned(),
        scope: element.value("scope").to_owned(),
    }
}
