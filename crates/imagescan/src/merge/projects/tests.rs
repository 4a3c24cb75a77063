//! Cases of `projects`: trees of project files and what must come of them.

use crate::testing::{Archive, image};

fn check(files: &[(&str, &str)], expected: &[&str], unresolved: &[&str]) {
    let archive = files.iter().fold(Archive::default(), |archive, (path, text)| archive.file(path, text));
    let inventory = image(vec![archive]);
    let purls: Vec<&str> = inventory.packages.iter().map(|package| package.purl.as_str()).collect();
    assert_eq!(purls, expected);
    let notes = inventory.diagnostics.iter().filter(|note| note.code == "project/unresolved");
    let notes: Vec<&str> = notes.map(|note| note.message.as_str()).collect();
    assert_eq!(notes.len(), unresolved.len(), "{notes:?}");
    for (note, names) in notes.iter().zip(unresolved) {
        assert!(note.ends_with(&format!("tell: {names}")), "{note}");
    }
}

fn pom(content: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>{content}</project>"
    )
}

fn dependency(group: &str, artifact: &str, rest: &str) -> String {
    format!("<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>{rest}</dependency>")
}

#[test]
fn versions_come_from_properties_parents_and_lists() {
    let parent = pom(&format!(
        "<groupId>org.example</groupId><artifactId>parent</artifactId><version>2.0</version><packaging>pom</packaging>\
         <properties><guava.version>31.1-jre</guava.version><slf4j>1.7.36</slf4j></properties>\
         <dependencyManagement><dependencies>{}{}</dependencies></dependencyManagement>\
         <dependencies>{}</dependencies>",
        dependency("com.google.guava", "guava", "<version>${guava.version}</version>"),
        dependency("${project.groupId}", "shared", "<version>${project.version}</version>"),
        dependency("org.slf4j", "slf4j-api", "<version>${slf4j}</version>"),
    ));
    let child = pom(&format!(
        "<parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>2.0</version></parent>\
         <artifactId>app</artifactId><properties><guava.version>32.0-jre</guava.version></properties>\
         <dependencies>{}{}{}{}{}{}</dependencies>",
        dependency("com.google.guava", "guava", ""),
        dependency("org.example", "shared", ""),
        dependency("junit", "junit", "<version>4.12</version><scope>test</scope>"),
        dependency("javax.servlet", "servlet-api", "<version>2.5</version><scope>provided</scope>"),
        dependency("org.ranged", "a", "<version>[1.0,2.0)</version>"),
        dependency("org.pinned", "b", "<version>[1.5]</version>"),
    ));
    check(
        &[("src/pom.xml", &parent), ("src/app/pom.xml", &child)],
        &[
            "pkg:maven/com.google.guava/guava@32.0-jre",
            "pkg:maven/javax.servlet/servlet-api@2.5",
            "pkg:maven/org.example/app@2.0",
            "pkg:maven/org.example/parent@2.0",
            "pkg:maven/org.example/shared@2.0",
            "pkg:maven/org.pinned/b@1.5",
            "pkg:maven/org.slf4j/slf4j-api@1.7.36",
        ],
        &["org.ranged:a"],
    );
}

#[test]
fn lists_of_others_are_taken_over_where_they_are_in_the_tree() {
    let bom = pom(&format!(
        "<groupId>g</groupId><artifactId>bom</artifactId><version>1</version>\
         <dependencyManagement><dependencies>{}</dependencies></dependencyManagement>",
        dependency("io.x", "x", "<version>4.1</version>")
    ));
    let imports = ["bom", "elsewhere"]
        .map(|name| dependency("g", name, "<version>1</version><type>pom</type><scope>import</scope>"))
        .concat();
    let app = pom(&format!(
        "<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId>\
         <version>3.2.0</version><relativePath/></parent><groupId>g</groupId><artifactId>app</artifactId>\
         <dependencyManagement><dependencies>{imports}</dependencies></dependencyManagement><dependencies>{}{}{}</dependencies>",
        dependency("io.x", "x", ""),
        dependency("org.springframework.boot", "spring-boot-starter-web", ""),
        dependency("a", "b", "<version>${unknown}</version>"),
    ));
    check(
        &[("bom/pom.xml", &bom), ("app/pom.xml", &app)],
        &["pkg:maven/g/app@3.2.0", "pkg:maven/g/bom@1", "pkg:maven/io.x/x@4.1"],
        &["org.springframework.boot:spring-boot-starter-web, a:b"],
    );
}

#[test]
fn circles_end() {
    let own = |name: &str, parent: &str| {
        pom(&format!(
            "<parent><groupId>g</groupId><artifactId>{parent}</artifactId><version>1</version></parent><artifactId>{name}</artifactId>\
             <properties><a>${{b}}</a><b>${{a}}</b></properties><dependencies>{}</dependencies>",
            dependency("x", "y", "<version>${a}</version>")
        ))
    };
    check(
        &[("a/pom.xml", &own("a", "b")), ("b/pom.xml", &own("b", "a"))],
        &["pkg:maven/g/a@1", "pkg:maven/g/b@1"],
        &["x:y", "x:y"],
    );
    check(&[("pom.xml", "<html/>")], &[], &[]);
}

#[test]
fn central_lists_of_nuget() {
    let list = "<Project><PropertyGroup><Json>13.0.1</Json></PropertyGroup><ItemGroup>\
        <PackageVersion Include=\"Newtonsoft.Json\" Version=\"$(Json)\" /><PackageVersion Include='Unused' Version='1.0'/></ItemGroup></Project>";
    let app = "<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup><PackageReference Include=\"newtonsoft.json\" />\
        <PackageReference Include=\"Serilog\"><Version>[2.10.0]</Version></PackageReference>\
        <PackageReference Include=\"Floating\" Version=\"1.*\" /><PackageReference Include='Analyzers' Version='1.0' PrivateAssets='all'/>\
        </ItemGroup></Project>";
    check(
        &[("src/Directory.Packages.props", list), ("src/app/App.csproj", app)],
        &[
            "pkg:nuget/Newtonsoft.Json@13.0.1",
            "pkg:nuget/Serilog@2.10.0",
            "pkg:nuget/Unused@1.0",
            "pkg:nuget/newtonsoft.json@13.0.1",
        ],
        &["Floating"],
    );
}
