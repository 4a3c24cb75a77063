//! Cases of `java`: inputs and what must come of them.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use super::*;

fn jar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn pom(group: &str, artifact: &str, version: &str) -> (String, Vec<u8>) {
    let path = format!("META-INF/maven/{group}/{artifact}/pom.properties");
    (path, format!("#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n").into_bytes())
}

/// What is in an archive that is held in memory.
fn archive(path: &str, bytes: &[u8]) -> Packages {
    super::archive(path, Held::of(bytes, bytes.len() as u64, None).unwrap(), None)
}

/// `name version inner`, with a `?` when the confidence is low.
fn check(path: &str, bytes: &[u8], expected: &[&str]) {
    let (found, notes) = archive(path, bytes);
    assert!(notes.is_empty(), "{notes:?}");
    let line = |found: &Found| {
        let doubt = if found.properties.contains_key("confidence") { "?" } else { "" };
        format!("{}{doubt} {} {}", found.name, found.version, found.inner)
    };
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected);
}

#[test]
fn maven_files_name_the_archive_and_what_is_shaded_into_it() {
    let (own, own_text) = pom("org.example", "app", "1.0");
    let (shaded, shaded_text) = pom("org.apache.logging.log4j", "log4j-core", "2.14.1");
    check(
        "opt/app-1.0.jar",
        &jar(&[(&own, &own_text), (&shaded, &shaded_text)]),
        &[
            "org.example:app 1.0 META-INF/maven/org.example/app/pom.properties",
            "org.apache.logging.log4j:log4j-core 2.14.1 META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties",
        ],
    );
}

#[test]
fn archives_in_archives_in_archives() {
    let (place, text) = pom("g", "deep", "3");
    let inner = jar(&[(&place, &text)]);
    let war = jar(&[("WEB-INF/lib/deep-3.jar", &inner)]);
    let ear = jar(&[("web-1.war", &war)]);
    check(
        "opt/all-1.ear",
        &ear,
        &["all? 1 ", "web? 1 web-1.war", &format!("g:deep 3 web-1.war!/WEB-INF/lib/deep-3.jar!/{place}")],
    );
}

#[test]
fn groups_are_stated_by_the_table_or_not_at_all() {
    check(
        "l/spring-beans-5.3.9.jar",
        &jar(&[("org/springframework/beans/Bean.class", b"")]),
        &["org.springframework:spring-beans 5.3.9 "],
    );
    check("l/spring-beans-5.3.9.jar", &jar(&[("com/evil/Bean.class", b"")]), &["spring-beans? 5.3.9 "]);
    check("l/unknown-thing-2.0.jar", &jar(&[("com/acme/thing/A.class", b"")]), &["unknown-thing? 2.0 "]);
}

#[test]
fn manifests_give_versions_and_groups_that_the_classes_agree_with() {
    let manifest =
        b"Manifest-Version: 1.0\nImplementation-Version: 4.5\nBundle-SymbolicName: com.acme.thing;singleton:=true\n";
    let classes: (&str, &[u8]) = ("com/acme/thing/A.class", b"");
    check("l/thing.jar", &jar(&[("META-INF/MANIFEST.MF", manifest), classes]), &["com.acme:thing? 4.5 "]);
    check("l/thing.jar", &jar(&[("META-INF/MANIFEST.MF", manifest)]), &["thing? 4.5 "]);
    check("l/thing.jar", &jar(&[classes]), &[]);
}

/// An archive of one class and a manifest of these lines.
fn built(class: &str, manifest: &str) -> Vec<u8> {
    let manifest = format!("Manifest-Version: 1.0\n{manifest}");
    jar(&[("META-INF/MANIFEST.MF", manifest.as_bytes()), (class, b"")])
}

#[test]
fn archives_of_other_build_tools_are_named_by_what_is_in_them() {
    for (path, class, manifest, expected) in [
        // Starters have no classes at all.
        (
            "spring-boot-starter-web-2.7.18.jar",
            "META-INF/LICENSE.txt",
            "Automatic-Module-Name: spring.boot.starter.web\n",
            "org.springframework.boot:spring-boot-starter-web 2.7.18 ",
        ),
        (
            "tomcat-embed-core-9.0.83.jar",
            "org/apache/catalina/A.class",
            "Implementation-Title: Apache Tomcat\nBundle-SymbolicName: org.apache.tomcat-embed-core\n",
            "org.apache.tomcat.embed:tomcat-embed-core 9.0.83 ",
        ),
        // As Tomcat's own distribution names its files.
        (
            "catalina.jar",
            "org/apache/catalina/A.class",
            "Implementation-Title: Apache Tomcat\nImplementation-Version: 10.1.20\n",
            "org.apache.tomcat:tomcat-catalina 10.1.20 ",
        ),
        ("hibernate-core-5.6.15.Final.jar", "org/hibernate/A.class", "", "org.hibernate:hibernate-core 5.6.15.Final "),
        (
            "hibernate-core-6.2.0.Final.jar",
            "org/hibernate/A.class",
            "",
            "org.hibernate.orm:hibernate-core 6.2.0.Final ",
        ),
        ("lz4-java-1.8.0.jar", "net/jpountz/lz4/A.class", "Bundle-SymbolicName: lz4-java\n", "org.lz4:lz4-java 1.8.0 "),
        // Of the dashes before digits, the one that the manifest's version follows.
        ("acme-1.2-api-2.17.1.jar", "a/A.class", "Implementation-Version: 2.17.1\n", "acme-1.2-api? 2.17.1 "),
        ("acme-native-4.1.1.Final-linux-x86_64.jar", "a/A.class", "", "acme-native? 4.1.1.Final "),
        // The vendor's id is the group only where the classes agree; an umbrella organisation is no group.
        ("thing-1.jar", "org/acme/A.class", "Implementation-Vendor-Id: org.acme\n", "org.acme:thing? 1 "),
        ("thing-1.jar", "org/apache/A.class", "Implementation-Vendor-Id: org.apache\n", "thing? 1 "),
        ("thing-1.jar", "org/apache/A.class", "Bundle-SymbolicName: org.apache.thing\n", "thing? 1 "),
        // The bundle's name is more exact than the vendor's id.
        (
            "thing-1.jar",
            "org/acme/A.class",
            "Implementation-Vendor-Id: org.acme\nBundle-SymbolicName: org.acme.tools.thing\n",
            "org.acme.tools:thing? 1 ",
        ),
    ] {
        check(&format!("l/{path}"), &built(class, manifest), &[expected]);
    }
}

#[test]
fn what_is_shaded_into_an_archive_is_not_the_archive() {
    let (place, text) = pom("com.google.guava", "guava", "31.0");
    let shaded = format!("com.google.guava:guava 31.0 {place}");
    let bytes = jar(&[(&place, &text), ("okhttp3/A.class", b"")]);
    check("l/okhttp-4.9.0.jar", &bytes, &["com.squareup.okhttp3:okhttp 4.9.0 ", &shaded]);
    check("l/guava-31.0.jar", &bytes, &[&shaded]);
    check("l/renamed.jar", &bytes, &[&shaded]);
}

#[test]
fn projects_without_properties_give_their_own_or_their_parents_version() {
    let place = "META-INF/maven/g/a/pom.xml";
    let own = b"<project><parent><version>9</version></parent><artifactId>a</artifactId><version>1.2</version><dependencies><dependency><version>7</version></dependency></dependencies></project>";
    check("l/a.jar", &jar(&[(place, own)]), &["g:a 1.2 META-INF/maven/g/a/pom.xml"]);
    let parents = b"<project><parent><groupId>g</groupId><version>9</version></parent><dependencies><dependency><version>7</version></dependency></dependencies></project>";
    check("l/a.jar", &jar(&[(place, parents)]), &["g:a 9 META-INF/maven/g/a/pom.xml"]);
    let reference = b"<project><version>${revision}</version></project>";
    check("l/a.jar", &jar(&[(place, reference)]), &[]);
}

#[test]
fn what_is_no_archive_or_too_deep_is_a_diagnostic() {
    let (found, notes) = archive("l/broken.jar", b"PK nothing");
    assert_eq!(
        (found, notes[0].code.as_str(), notes[0].span.source.as_str()),
        (vec![], "java/archive", "l/broken.jar")
    );
    let mut bytes = jar(&[("A.class", b"")]);
    for _ in 0..MAX_DEPTH {
        bytes = jar(&[("x.jar", &bytes), ("y.jar", &bytes)]);
    }
    let (_, notes) = archive("l/deep.jar", &bytes);
    assert_eq!(notes.iter().map(|note| note.code.as_str()).collect::<Vec<_>>(), ["java/too-deep"]);
    let inner = jar(&[("x/broken.jar", b"PK")]);
    assert_eq!(archive("o.jar", &inner).1[0].span.source, "o.jar!/x/broken.jar");
}

proptest! {
    #[test]
    fn mutated_archives_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let (place, text) = pom("g", "deep", "3");
        let inner = jar(&[(&place, &text), ("META-INF/MANIFEST.MF", b"A: b\n"), ("META-INF/maven/g/a/pom.xml", b"<version>1</version>")]);
        let mut bytes = jar(&[("lib/deep-3.jar", &inner), (&place, &text)]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        archive("a-1.jar", &bytes);
    }
}

#[test]
fn archives_that_do_not_fit_into_memory_are_read_aside() {
    use crate::room::tests::Small;

    let (place, text) = pom("g", "deep", "3");
    // Incompressible, so that it is as large inside as out.
    let mut filling = vec![0_u8; 2 << 20];
    filling.iter_mut().fold(1_u32, |state, byte| {
        *byte = (state >> 24) as u8;
        state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
    });
    let inner = jar(&[("filling", &filling), (&place, &text)]);
    let war = jar(&[("WEB-INF/lib/deep-3.jar", &inner), ("META-INF/MANIFEST.MF", b"Implementation-Version: 7\n")]);
    let names = |bytes: u64| {
        let small = Small::of(bytes);
        let room: Arc<dyn Room> = small.clone();
        let held = Held::of(war.as_slice(), war.len() as u64, Some(&room)).unwrap();
        let (found, notes) = super::archive("web.war", held, Some(&room));
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(*small.left.lock().unwrap(), bytes, "all of it is given back");
        let names: Vec<String> = found.iter().map(|found| format!("{} {}", found.name, found.version)).collect();
        (names, *small.files.lock().unwrap())
    };
    let expected = vec!["web 7".to_owned(), "g:deep 3".to_owned()];
    assert_eq!(names(8 << 20), (expected.clone(), 0));
    assert_eq!(names(3 << 20), (expected.clone(), 1));
    assert_eq!(names(0), (expected, 2));
}
