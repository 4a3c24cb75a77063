//! Rules of one distribution or another.

use super::*;

#[test]
fn binary_rebuilds_are_the_sources_version() {
    let image =
        inventory("debian 12", vec![package("deb a 1.0-1+b2"), package("deb b 1:1.0-1+b2"), package("deb c 1.0+b")]);
    let rows = |fixed: &str| {
        vec![row("debian:12 a", fixed), row("debian:12 b", &format!("1:{fixed}")), row("debian:12 c", fixed)]
    };
    let feed = segment("debian", &["debian:12"], &[advisory("CVE-2024-0001", rows("1.0-1"))], &[]);
    check(&image, &[feed], &[]);
}

#[test]
fn debian_says_why_there_is_no_fix() {
    let image = inventory("debian 12", vec![package("deb a 1")]);
    let with =
        |id: &str, status| advisory(id, vec![Affected { status: State::Said(status), ..row("debian:12 a", "") }]);
    let feed = segment(
        "debian",
        &["debian:12"],
        &[with("CVE-2024-0001", FixStatus::WillNotFix), with("CVE-2024-0002", FixStatus::Deferred)],
        &[],
    );
    let assessment = check(&image, &[feed], &["CVE-2024-0001 a", "CVE-2024-0002 a"]);
    let states: Vec<_> = assessment.findings.iter().map(|finding| finding.status).collect();
    assert_eq!(states, [FixStatus::WillNotFix, FixStatus::Deferred]);
}

#[test]
fn the_vendors_feed_beats_osv_for_an_os() {
    let image = inventory("debian 12", vec![package("deb a 2")]);
    let native = segment("debian", &["debian:12"], &[advisory("CVE-2024-0001", vec![row("debian:12 a", "2")])], &[]);
    let osv = segment("osv", &["debian:12"], &[advisory("CVE-2024-0001", vec![row("debian:12 a", "3")])], &[]);
    check(&image, &[native, osv.clone()], &[]);
    check(&image, &[osv], &["CVE-2024-0001 a 3"]);
}

#[test]
fn an_erratum_is_a_finding_per_cve() {
    let image = inventory("rocky 9", vec![with_source(package("rpm curl 7.1-1.el9"), "curl", "7.1-1.el9")]);
    let erratum = Advisory {
        aliases: vec!["CVE-2024-0001".into(), "CVE-2024-0002".into()],
        kind: Kind::Erratum,
        ..advisory("RLSA-2024:1", vec![row("rocky:9 curl", "7.1-5.el9")])
    };
    let feed = segment("osv", &["rocky:9"], &[erratum], &[]);
    let assessment = check(&image, &[feed], &["CVE-2024-0001 curl 7.1-5.el9", "CVE-2024-0002 curl 7.1-5.el9"]);
    assert!(
        assessment.findings.iter().all(|finding| finding.aliases.is_empty() && finding.because.record == "RLSA-2024:1")
    );
}

#[test]
fn a_later_erratum_decides_about_its_own_cves_only() {
    let erratum = |id: &str, cves: &[&str], fixed: &str| Advisory {
        aliases: cves.iter().map(|cve| (*cve).to_owned()).collect(),
        kind: Kind::Erratum,
        ..advisory(id, vec![row("alma:9 curl", fixed)])
    };
    let feed = segment(
        "osv",
        &["alma:9"],
        &[
            erratum("ALSA-2024:1", &["CVE-2024-0001", "CVE-2024-0002"], "7.1-5.el9"),
            erratum("ALSA-2024:2", &["CVE-2024-0001", "CVE-2024-0003"], "7.1-9.el9"),
        ],
        &[],
    );
    let image = |version: &str| {
        inventory("almalinux 9.4", vec![with_source(package(&format!("rpm curl {version}")), "curl", version)])
    };
    check(
        &image("7.1-1.el9"),
        std::slice::from_ref(&feed),
        &["CVE-2024-0001 curl 7.1-9.el9", "CVE-2024-0002 curl 7.1-5.el9", "CVE-2024-0003 curl 7.1-9.el9"],
    );
    check(&image("7.1-5.el9"), &[feed], &["CVE-2024-0001 curl 7.1-9.el9", "CVE-2024-0003 curl 7.1-9.el9"]);
}

#[test]
fn ubuntu_pro_fixes_count_only_with_pro() {
    let with = |id: &str, rows| advisory(id, rows);
    let feed = segment(
        "osv",
        &["ubuntu:22.04", "ubuntu-pro:22.04"],
        &[
            with("CVE-2024-0001", vec![row("ubuntu-pro:22.04 a", "1.0-1ubuntu1+esm1")]),
            with("CVE-2024-0002", vec![row("ubuntu:22.04 a", ""), row("ubuntu-pro:22.04 a", "1.0-1ubuntu1+esm1")]),
            with("CVE-2024-0003", vec![row("ubuntu:22.04 a", "1.0-1"), row("ubuntu-pro:22.04 a", "1.0-1ubuntu1+esm1")]),
        ],
        &[],
    );
    let free = inventory("ubuntu 22.04", vec![package("deb a 1.0-1")]);
    let assessment = check(&free, std::slice::from_ref(&feed), &["CVE-2024-0001 a", "CVE-2024-0002 a"]);
    let first = assessment.findings.iter().find(|finding| finding.id == "CVE-2024-0001").unwrap();
    assert_eq!(first.status, FixStatus::Affected);
    assert!(first.because.rule.ends_with("; fix available with Ubuntu Pro"), "{}", first.because.rule);
    let pro = inventory("ubuntu 22.04", vec![package("deb a 1.0-1"), package("deb b 2+esm1")]);
    check(
        &pro,
        std::slice::from_ref(&feed),
        &[
            "CVE-2024-0001 a 1.0-1ubuntu1+esm1",
            "CVE-2024-0002 a 1.0-1ubuntu1+esm1",
            "CVE-2024-0003 a 1.0-1ubuntu1+esm1",
        ],
    );
    let patched = inventory("ubuntu 22.04", vec![package("deb a 1.0-1ubuntu1+esm1")]);
    check(&patched, &[feed], &[]);
}

fn binary(text: &str, fixed: &str) -> Affected {
    Affected { target: Target::Binary, ..row(text, fixed) }
}

#[test]
fn red_hat_judges_by_binary_module_minor_and_stream() {
    let module = |mut affected: Affected, label: &str| {
        label.clone_into(&mut affected.module);
        affected
    };
    let product = |mut affected: Affected, product: &str| {
        affected.products.push(product.into());
        affected
    };
    let feed = segment(
        "csaf",
        &["rhel:9"],
        &[
            advisory(
                "CVE-2024-0001",
                vec![binary("rhel:9 python3", "3.9.18-3.el9_4.5"), binary("rhel:9 python3", "3.9.19-8.el9")],
            ),
            advisory("CVE-2024-0002", vec![module(binary("rhel:9 nodejs", "1:18.19-1.module+el9"), "nodejs:18")]),
            advisory(
                "CVE-2024-0003",
                vec![product(binary("rhel:9 python3", "9-1.el9_4"), "redhat:rhel_eus:9.4::appstream")],
            ),
            advisory(
                "CVE-2024-0004",
                vec![Affected { status: State::Said(FixStatus::WillNotFix), ..row("rhel:9 python3.9", "") }],
            ),
        ],
        &[],
    );
    let python = |version: &str| with_source(package(&format!("rpm python3 {version}")), "python3.9", version);
    let node = |stream: &str| {
        with_property(package("rpm nodejs 1:18.1-1.module+el9"), "modularity_label", &format!("nodejs:{stream}:9:x"))
    };
    let image = |packages| inventory("rhel 9.4", packages);
    let feed = std::slice::from_ref(&feed);
    check(&image(vec![python("3.9.18-3.el9_4.5")]), feed, &["CVE-2024-0004 python3"]);
    let assessment = check(
        &image(vec![python("3.9.18-3.el9_4.4")]),
        feed,
        &["CVE-2024-0001 python3 3.9.18-3.el9_4.5", "CVE-2024-0004 python3"],
    );
    assert_eq!(assessment.findings.iter().find(|f| f.id == "CVE-2024-0004").unwrap().status, FixStatus::WillNotFix);
    check(&image(vec![node("18")]), feed, &["CVE-2024-0002 nodejs 1:18.19-1.module+el9"]);
    check(&image(vec![node("20")]), feed, &[]);
    check(&image(vec![package("rpm nodejs 1:18.1-1.el9")]), feed, &[]);
    let unlabelled = check(&image(vec![package("rpm nodejs 1:18.1-1.module+el9")]), feed, &[]);
    assert!(unlabelled.coverage.iter().any(|c| c.signal == "module" && c.state == CoverageState::Unseen));
    let eus = with_property(python("3.9.19-9.el9"), "content_sets", "rhel-9-for-x86_64-appstream-eus-rpms");
    check(&image(vec![eus]), feed, &["CVE-2024-0003 python3 9-1.el9_4", "CVE-2024-0004 python3"]);
}

#[test]
fn what_others_built_is_not_covered() {
    let feed = segment("csaf", &["rhel:9"], &[advisory("CVE-2024-0001", vec![binary("rhel:9 a", "2-1.el9")])], &[]);
    let foreign = Package { vendor: Some("Example Corp".into()), ..package("rpm a 1-1.el9") };
    let assessment = check(&inventory("rhel 9.4", vec![foreign]), &[feed], &[]);
    assert!(assessment.coverage.iter().any(|c| c.signal == "third_party" && c.state == CoverageState::Unseen));
}

#[test]
fn ksplice_builds_are_compared_among_themselves() {
    let feed = segment(
        "oval",
        &["oracle:8"],
        &[advisory("CVE-2024-0001", vec![binary("oracle:8 glibc", "2:2.28-9.ksplice1.el8")])],
        &[],
    );
    check(&inventory("ol 8.9", vec![package("rpm glibc 2.28-1.el8")]), std::slice::from_ref(&feed), &[]);
    check(
        &inventory("ol 8.9", vec![package("rpm glibc 2:2.28-1.ksplice1.el8")]),
        &[feed],
        &["CVE-2024-0001 glibc 2:2.28-9.ksplice1.el8"],
    );
}

/// The map of repositories as Red Hat lays it out: the minor of an extended stream counts.
#[test]
fn red_hats_map_tells_what_a_repository_brings() {
    let mut sink = crate::import::Sink::new();
    let map = br#"{"data": {
        "rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2": {"cpes": ["cpe:/a:redhat:rhel_eus:9.2::appstream"], "repo_relative_urls": []},
        "rhel-9-for-x86_64-appstream-rpms": {"cpes": ["cpe:/a:redhat:enterprise_linux:9::appstream"]},
        "rhocp-4.12-for-rhel-9-x86_64-rpms": {"cpes": ["cpe:/a:redhat:openshift:4.12::el9"]},
        "of-nobody": {"cpes": ["cpe:/a:redhat"]}}}"#;
    crate::import::csaf::repositories(map, "map", &mut sink);
    assert_eq!((sink.report.read, sink.report.left_out, sink.report.failed), (4, 1, 0));
    crate::import::csaf::repositories(b"{", "map", &mut sink);
    assert_eq!(sink.report.diagnostics[0].code, "redhat/repositories");
    let map = sink.builder.finish(Meta { name: "rhel-repositories".into(), ..Meta::default() }).unwrap().0;
    let eus = |minor: &str| Affected {
        products: vec![format!("redhat:rhel_eus:{minor}::appstream")],
        ..binary("rhel:9 python3", &format!("9-1.el9_{}", minor.trim_start_matches("9.")))
    };
    let feed = segment(
        "csaf",
        &["rhel:9"],
        &[advisory("CVE-2024-0002", vec![eus("9.2")]), advisory("CVE-2024-0004", vec![eus("9.4")])],
        &[],
    );
    let image =
        |sets: &str| inventory("rhel 9.2", vec![with_property(package("rpm python3 3-1.el9"), "content_sets", sets)]);
    let check_with = |sets: &str, expected: &[&str]| check(&image(sets), &[map.clone(), feed.clone()], expected);
    check_with("rhel-9-for-x86_64-appstream-rpms", &[]);
    check_with("rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2", &["CVE-2024-0002 python3 9-1.el9_2"]);

    let product = |rows: Affected, product: &str| Affected { products: vec![product.into()], ..rows };
    let feed = segment(
        "csaf",
        &["rhel", "rhel:9"],
        &[
            advisory(
                "CVE-2024-0005",
                vec![product(binary("rhel:9 openshift-clients", "4.12.9-1.el9"), "redhat:openshift:4.12::el9")],
            ),
            advisory("CVE-2024-0006", vec![product(row("rhel openshift-clients", ""), "redhat:openshift:4")]),
            advisory("CVE-2024-0007", vec![product(row("rhel openshift-clients", ""), "redhat:openshift:3")]),
            advisory("CVE-2024-0008", vec![product(binary("rhel:9 zlib", "9-1.el9"), "redhat:openshift:4.12::el9")]),
            advisory("CVE-2024-0009", vec![binary("rhel:9 zlib", "2-1.el9")]),
        ],
        &[],
    );
    let packages = || vec![package("rpm openshift-clients 4.12.1-1.el9"), package("rpm zlib 3-1.el9")];
    let enabled =
        packages().into_iter().map(|one| with_property(one, "content_sets", "rhocp-4.12-for-rhel-9-x86_64-rpms"));
    let expected = ["CVE-2024-0005 openshift-clients 4.12.9-1.el9", "CVE-2024-0006 openshift-clients"];
    check(&inventory("rhel 9.2", enabled.collect()), &[map, feed.clone()], &expected);
    // The label of the image says the same; without either it is said that nothing is known.
    let mut labelled = inventory("rhel 9.2", packages());
    labelled.artifact.labels.insert("cpe".into(), "cpe:/a:redhat:openshift:4.12::el9".into());
    check(&labelled, std::slice::from_ref(&feed), &expected);
    let unknown = check(&inventory("rhel 9.2", packages()), &[feed], &[]);
    let gap = unknown.coverage.iter().find(|statement| statement.signal == "product").unwrap();
    assert!(gap.reason.contains("openshift-clients (openshift:3)") && gap.state == CoverageState::Unseen, "{gap:?}");
}

#[test]
fn builds_of_a_product_are_compared_among_themselves() {
    let product =
        |fix: &str| Affected { products: vec!["redhat:openshift:4.12::el8".into()], ..binary("rhel:8 cri-o", fix) };
    let feed = segment(
        "csaf",
        &["rhel:8"],
        &[advisory(
            "CVE-2024-0001",
            vec![product("1.25.1-5.rhaos4.12.git1.el8"), product("1.26.1-5.rhaos4.13.git1.el8")],
        )],
        &[],
    );
    let image = |version: &str| inventory("rhel 8.6", vec![package(&format!("rpm cri-o {version}"))]);
    let feed = std::slice::from_ref(&feed);
    check(&image("1.25.1-4.rhaos4.12.git0.el8"), feed, &["CVE-2024-0001 cri-o 1.25.1-5.rhaos4.12.git1.el8"]);
    check(&image("1.25.1-5.rhaos4.12.git1.el8"), feed, &[]);
    check(&image("1.26.1-5.rhaos4.13.git0.el8"), feed, &["CVE-2024-0001 cri-o 1.26.1-5.rhaos4.13.git1.el8"]);
}

#[test]
fn extended_life_is_said_and_does_not_count() {
    let els = |affected: Affected| Affected { products: vec!["redhat:rhel_els:7".into()], ..affected };
    let rows = vec![els(binary("rhel:7 openssl", "1:1.0.2k-27.el7_9"))];
    let unfixed = Affected { status: State::Said(FixStatus::WillNotFix), ..els(row("rhel:7 openssl", "")) };
    let again = vec![binary("rhel:7 openssl", "1:1.0.2k-26.el7_9"), els(binary("rhel:7 openssl", "1:1.0.2k-28.el7_9"))];
    let feed = segment(
        "csaf",
        &["rhel:7"],
        &[advisory("CVE-2024-0001", rows), advisory("CVE-2024-0002", vec![unfixed]), advisory("CVE-2024-0003", again)],
        &[],
    );
    let image = inventory("rhel 7.9", vec![package("rpm openssl 1:1.0.2k-26.el7_9")]);
    let assessment = check(&image, std::slice::from_ref(&feed), &["CVE-2024-0001 openssl", "CVE-2024-0002 openssl"]);
    let first = assessment.findings.iter().find(|finding| finding.id == "CVE-2024-0001").unwrap();
    assert_eq!(first.status, FixStatus::Affected);
    assert!(first.because.rule.ends_with("; fix available with Extended Life Cycle Support"), "{}", first.because.rule);
    let enabled = with_property(package("rpm openssl 1:1.0.2k-26.el7_9"), "content_sets", "rhel-7-server-els-rpms");
    check(
        &inventory("rhel 7.9", vec![enabled]),
        &[feed],
        &[
            "CVE-2024-0001 openssl 1:1.0.2k-27.el7_9",
            "CVE-2024-0002 openssl",
            "CVE-2024-0003 openssl 1:1.0.2k-28.el7_9",
        ],
    );
}

#[test]
fn rebuilds_repeat_what_red_hat_will_not_fix() {
    let unfixed =
        |id: &str, status| advisory(id, vec![Affected { status: State::Said(status), ..row("rhel:9 curl", "") }]);
    let rhel = segment(
        "csaf",
        &["rhel:9"],
        &[
            unfixed("CVE-2024-0001", FixStatus::WillNotFix),
            unfixed("CVE-2024-0002", FixStatus::Affected),
            // Red Hat's own errata are not those of its rebuilds.
            advisory("CVE-2024-0003", vec![binary("rhel:9 curl", "9-1.el9")]),
        ],
        &[],
    );
    let erratum = Advisory {
        aliases: vec!["CVE-2024-0002".into()],
        kind: Kind::Erratum,
        ..advisory("ALSA-2024:1", vec![row("alma:9 curl", "7-0.el9")])
    };
    let alma = segment("osv", &["alma:9"], &[erratum], &[]);
    let curl = || with_source(package("rpm curl 7-1.el9"), "curl", "7-1.el9");
    let image = inventory("almalinux 9.4", vec![curl()]);
    assert!(super::super::ecosystems(&image).contains("rhel:9"));
    let assessment = check(&image, &[alma, rhel.clone()], &["CVE-2024-0001 curl"]);
    let finding = &assessment.findings[0];
    assert_eq!((finding.status, finding.confidence), (FixStatus::WillNotFix, Confidence::Low));
    assert!(
        finding.because.rule.ends_with("; Red Hat's statement, this distribution has none"),
        "{}",
        finding.because.rule
    );
    // Without a feed of its own the distribution is not covered, whatever Red Hat says.
    let assessment = judge(&inventory("rocky 9.4", vec![curl()]), &[rhel]);
    assert!(assessment.coverage.iter().any(|c| c.signal == "rocky:9" && c.state == CoverageState::Unseen));
}

#[test]
fn a_kernel_flavour_is_judged_by_its_own_source() {
    let feed = segment(
        "osv",
        &["ubuntu:22.04"],
        &[
            advisory("CVE-2024-0001", vec![row("ubuntu:22.04 linux", "5.15.0-99.1")]),
            advisory("CVE-2024-0002", vec![row("ubuntu:22.04 linux-azure", "5.15.0-1099.1")]),
        ],
        &[],
    );
    let kernel =
        with_source(package("deb linux-image-5.15.0-1001-azure 5.15.0-1001.1"), "linux-azure", "5.15.0-1001.1");
    let image = inventory("ubuntu 22.04", vec![kernel]);
    check(&image, std::slice::from_ref(&feed), &["CVE-2024-0002 linux-image-5.15.0-1001-azure 5.15.0-1099.1"]);
    let signed = package("deb linux-image-5.15.0-1001-azure 5.15.0-1001.1");
    let image = inventory("ubuntu 22.04", vec![with_source(signed, "linux-signed-azure", "5.15.0-1001.1")]);
    check(&image, &[feed], &["CVE-2024-0002 linux-image-5.15.0-1001-azure 5.15.0-1099.1"]);

    let debian =
        segment("debian", &["debian:12"], &[advisory("CVE-2024-0003", vec![row("debian:12 linux", "6.1.76-1")])], &[]);
    let image = |version: &str| {
        let kernel = package("deb linux-image-6.1.0-18-amd64 6.1.76-1");
        inventory("debian 12", vec![with_source(kernel, "linux-signed-amd64", version)])
    };
    check(&image("6.1.69+1"), std::slice::from_ref(&debian), &["CVE-2024-0003 linux-image-6.1.0-18-amd64 6.1.76-1"]);
    check(&image("6.1.76+1"), &[debian], &[]);
}

#[test]
fn an_sbom_without_epoch_is_a_guess() {
    let feed = segment("csaf", &["rhel:9"], &[advisory("CVE-2024-0001", vec![binary("rhel:9 a", "1:2-1.el9")])], &[]);
    let confidence = |package: Package| {
        let assessment = judge(&inventory("rhel 9.4", vec![package]), std::slice::from_ref(&feed));
        assessment.findings.first().map(|finding| finding.confidence)
    };
    let a = |version: &str, evidence| Package {
        evidence,
        ..with_source(package(&format!("rpm a {version}")), "a", version)
    };
    assert_eq!(confidence(a("2-0.el9", Evidence::Sbom)), Some(Confidence::Derived));
    assert_eq!(confidence(a("2-1.el9", Evidence::Sbom)), None, "fixed, in the epoch of the feed");
    assert_eq!(confidence(a("0:2-1.el9", Evidence::Sbom)), Some(Confidence::Exact));
    assert_eq!(confidence(a("1:1-1.el9", Evidence::Sbom)), Some(Confidence::Exact));
    assert_eq!(confidence(a("2-0.el9", Evidence::File)), Some(Confidence::Exact));
    assert_eq!(confidence(a("1:2-1.el9", Evidence::Sbom)), None);
}

#[test]
fn alpine_judges_by_origin_and_by_the_branch_of_its_repositories() {
    let never = advisory("CVE-2024-0002", vec![row("alpine:3.20 openssl", "0")]);
    let feed = segment(
        "secdb",
        &["alpine:3.20", "alpine:3.18"],
        &[
            advisory("CVE-2024-0001", vec![row("alpine:3.20 openssl", "3.3.2-r0")]),
            never,
            advisory("CVE-2024-0003", vec![row("alpine:3.18 openssl", "9-r0")]),
        ],
        &[],
    );
    let libssl = || with_source(package("apk libssl3 3.3.1-r0"), "openssl", "3.3.1-r0");
    check(
        &inventory("alpine 3.20.1", vec![libssl()]),
        std::slice::from_ref(&feed),
        &["CVE-2024-0001 libssl3 3.3.2-r0"],
    );
    let moved = with_property(libssl(), "apk_branch", "v3.20");
    check(&inventory("alpine 3.18.0", vec![moved]), &[feed], &["CVE-2024-0001 libssl3 3.3.2-r0"]);
}

#[test]
fn wolfi_names_sources_and_what_they_build() {
    let mut sink = crate::import::Sink::new();
    let secdb = br#"{"reponame":"os","urlprefix":"https://packages.wolfi.dev","packages":[
        {"pkg":{"name":"curl","secfixes":{"8.9.1-r0":["CVE-2024-0001"],"0":["CVE-2024-0002"]}}},
        {"pkg":{"name":"libcurl-openssl4","secfixes":{"8.9.1-r3":["CVE-2024-0003"]}}}]}"#;
    crate::import::secdb::json(secdb, "security.json", &mut sink);
    let ecosystems = sink.builder.ecosystems();
    let meta = Meta { name: "wolfi".into(), feed: "secdb".into(), ecosystems, ..Meta::default() };
    let feed = sink.builder.finish(meta).unwrap().0;
    let image = |version: &str| {
        let library = package(&format!("apk libcurl-openssl4 {version}"));
        inventory("wolfi 20230201", vec![with_source(library, "curl", version)])
    };
    let both = ["CVE-2024-0001 libcurl-openssl4 8.9.1-r0", "CVE-2024-0003 libcurl-openssl4 8.9.1-r3"];
    check(&image("8.9.0-r0"), std::slice::from_ref(&feed), &both);
    check(&image("8.9.1-r1"), std::slice::from_ref(&feed), &both[1..]);
    check(&image("8.9.1-r3"), &[feed], &[]);
}
