//! Importers, each on a small hand-made document of its shape.

use model::{SegmentRef, Timestamp};

use super::{Sink, csaf, cvrf, debian, enrich, osv, photon, rubysec, secdb, updateinfo};
use crate::advisory::State;
use crate::segment::row::EndRef;
use crate::segment::{Meta, RowData, Segment};

/// Builds a segment by an importer and lists its rows: `ecosystem name: id aliases | ranges | extras`.
fn rows(import: impl FnOnce(&mut Sink)) -> Vec<String> {
    let mut sink = Sink::new();
    import(&mut sink);
    assert!(sink.report.diagnostics.is_empty(), "{:?}", sink.report.diagnostics);
    let (bytes, _) = sink.builder.finish(Meta::default()).unwrap();
    let segment = Segment::open(&bytes, reference()).unwrap();
    let mut rows = Vec::new();
    let visited = segment.each_row(|ecosystem, name, row| {
        let (advisory, data) = (row.advisory().unwrap(), row.data().unwrap());
        let mut ids = vec![advisory.id];
        ids.extend(advisory.aliases);
        rows.push(format!("{ecosystem} {name}: {} | {}{}", ids.join(" "), ranges(&data), extras(&data)));
    });
    visited.unwrap();
    rows.sort();
    rows
}

fn reference() -> SegmentRef {
    SegmentRef { name: "test".into(), date: Timestamp::default(), hash: String::new() }
}

fn ranges(data: &RowData<'_>) -> String {
    let mut texts: Vec<String> = data
        .ranges
        .iter()
        .map(|range| {
            let from =
                if range.exclusive { format!("({}", range.introduced) } else { format!("[{}", range.introduced) };
            match range.end {
                EndRef::Open => format!("{from},)"),
                EndRef::Fixed(end) => format!("{from},{end})"),
                EndRef::Last(end) => format!("{from},{end}]"),
                EndRef::Before(end) => format!("{from},{end}) no fix"),
            }
        })
        .collect();
    texts.extend(data.versions.iter().map(|version| format!("={version}")));
    texts.join(" ")
}

fn extras(data: &RowData<'_>) -> String {
    let mut words = Vec::new();
    if let State::Said(status) = data.state {
        words.push(format!(" {status:?}"));
    }
    words.extend(data.tags.severity.map(|severity| format!(" {severity}")));
    let texts = [data.tags.module, data.tags.note].into_iter().chain(data.tags.products.iter().copied());
    words.extend(texts.filter(|text| !text.is_empty()).map(|text| format!(" <{text}>")));
    words.extend(
        data.tags
            .imports
            .decode()
            .unwrap()
            .iter()
            .map(|import| format!(" {}:{}", import.path, import.symbols.join(","))),
    );
    words.concat()
}

/// The diagnostics of a failed import.
fn failure(import: impl FnOnce(&mut Sink)) -> String {
    let mut sink = Sink::new();
    import(&mut sink);
    assert!(sink.report.failed > 0);
    sink.report.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn osv_rows(affected: &str) -> Vec<String> {
    let record = format!(r#"{{"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[{affected}]}}"#);
    rows(|sink| osv::record(record.as_bytes(), "x", "", sink))
}

#[test]
fn osv_events_become_ranges_whatever_their_order() {
    let with = |events: &str| {
        format!(
            r#"{{"package":{{"ecosystem":"npm","name":"@a/b"}},"ranges":[{{"type":"SEMVER","events":[{events}]}}]}}"#
        )
    };
    let check =
        |events: &str, expected: &str| assert_eq!(osv_rows(&with(events)), [format!("npm @a/b: X-1 | {expected}")]);
    check(r#"{"introduced":"0"},{"fixed":"1.2.0"}"#, "[,1.2.0)");
    check(r#"{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"introduced":"0"},{"fixed":"2.0.5"}"#, "[,1.2.0) [2.0.0,2.0.5)");
    check(r#"{"introduced":"1.0.0"},{"last_affected":"1.9.0"}"#, "[1.0.0,1.9.0]");
    check(r#"{"introduced":"0"},{"fixed":"1.0.0"},{"fixed":"2.0.0"}"#, "[,1.0.0)");
    check(r#"{"introduced":"1.0.0"},{"limit":"2.0.0"}"#, "[1.0.0,2.0.0) no fix");
    check(r#"{"introduced":"10.0.0"},{"fixed":"9.0.0"}"#, "[10.0.0,)");
    check(r#"{"introduced":"2.0.0"},{"fixed":"2.0.0"},{"introduced":"1.0.0"}"#, "[1.0.0,2.0.0) [2.0.0,)");
}

#[test]
fn osv_keeps_only_what_ranges_do_not_say() {
    let package = r#""package":{"ecosystem":"PyPI","name":"A.B"}"#;
    assert_eq!(
        osv_rows(&format!(
            r#"{{{package},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2"}}]}}],"versions":["1.0","3.0"]}}"#
        )),
        ["pypi a-b: X-1 | [,2) =3.0"]
    );
    assert_eq!(
        osv_rows(&format!(
            r#"{{{package},"ranges":[{{"type":"GIT","repo":"r","events":[{{"introduced":"0"}}]}}],"versions":["1.0"]}}"#
        )),
        ["pypi a-b: X-1 | =1.0"]
    );
    assert!(
        osv_rows(&format!(r#"{{{package},"ranges":[{{"type":"GIT","repo":"r","events":[{{"introduced":"0"}}]}}]}}"#))
            .is_empty()
    );
    let known = r#"{"package":{"ecosystem":"Maven","name":"g:a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1"}]}],"database_specific":{"last_known_affected_version_range":"<= 1.9"}}"#;
    assert_eq!(osv_rows(known), ["maven g:a: X-1 | [1,1.9]"]);
}

#[test]
fn osv_has_what_only_some_ecosystems_say() {
    let go = r#"{"package":{"ecosystem":"Go","name":"example.org/X"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"ecosystem_specific":{"imports":[{"path":"example.org/X/y","symbols":["F","T.M"]}],"custom_ranges":[{}]}}"#;
    assert_eq!(
        osv_rows(go),
        [format!("golang example.org/x: X-1 | [,) <{}> example.org/X/y:F,T.M", osv::NOT_MODULE_VERSIONS)]
    );
    let pro = r#"{"package":{"ecosystem":"Ubuntu:Pro:14.04:LTS","name":"unzip"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"6"}]}],"ecosystem_specific":{"availability":"Available with Ubuntu Pro: https://ubuntu.com/pro","binaries":[{"binary_name":"unzip","binary_version":"6"}]}}"#;
    assert_eq!(osv_rows(pro), ["ubuntu-pro:14.04 unzip: X-1 | [,6) <fix available with Ubuntu Pro>"]);
    let debian = r#"{"package":{"ecosystem":"Debian:12","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"ecosystem_specific":{"urgency":"unimportant"}}"#;
    assert_eq!(osv_rows(debian), ["debian:12 a: X-1 | [,) Informational"]);
}

#[test]
fn osv_leaves_out_withdrawn_and_foreign_records() {
    let record = |extra: &str| {
        format!(
            r#"{{"id":"X-1",{extra}"affected":[{{"package":{{"ecosystem":"npm","name":"a"}},"versions":["1.0.0"]}}]}}"#
        )
    };
    assert!(
        rows(|sink| osv::record(record(r#""withdrawn":"2024-01-01T00:00:00Z","#).as_bytes(), "x", "", sink)).is_empty()
    );
    assert!(rows(|sink| osv::record(record("").as_bytes(), "x", "pypi", sink)).is_empty());
    assert_eq!(rows(|sink| osv::record(record("").as_bytes(), "x", "npm", sink)).len(), 1);
    assert_eq!(osv::families(record("").as_bytes()), ["npm".to_owned()].into());
    assert!(failure(|sink| osv::record(b"{\"id\":1}", "a.zip:x.json", "", sink)).contains("a.zip:x.json"));
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(99), "]".repeat(99));
    assert!(failure(|sink| osv::record(deep.as_bytes(), "x", "", sink)).contains("levels of JSON"));
}

#[test]
fn debian_tracker_states() {
    let tracker = r#"{"a":{"CVE-2024-0001":{"releases":{
        "bookworm":{"status":"resolved","fixed_version":"1.2-1","urgency":"high**"},
        "bullseye":{"status":"open","urgency":"unimportant"},
        "buster":{"status":"open","urgency":"not yet assigned","nodsa":"Minor issue","nodsa_reason":"ignored"},
        "stretch":{"status":"open","urgency":"end-of-life"},
        "jessie":{"status":"open","urgency":"low","nodsa":"later","nodsa_reason":"postponed"},
        "trixie":{"status":"resolved","fixed_version":"0","urgency":"unimportant"},
        "sid":{"status":"undetermined","urgency":"not yet assigned"},
        "potato":{"status":"open","urgency":"low"}}}},
        "b":{"CVE-2024-0002":{"releases":[]}}}"#;
    assert_eq!(
        rows(|sink| debian::tracker(tracker.as_bytes(), "x", sink).unwrap()),
        [
            "debian:10 a: CVE-2024-0001 | [,) WillNotFix",
            "debian:11 a: CVE-2024-0001 | [,) Affected Informational",
            "debian:12 a: CVE-2024-0001 | [,1.2-1) High",
            "debian:8 a: CVE-2024-0001 | [,) Deferred Low",
            "debian:9 a: CVE-2024-0001 | [,) EndOfLife",
        ]
    );
    let bad = r#"{"a":{"CVE-1":7},"b":{"CVE-2024-0002":{"releases":{"sid":{"status":"open"}}}}}"#;
    let mut sink = Sink::new();
    debian::tracker(bad.as_bytes(), "x", &mut sink).unwrap();
    assert_eq!((sink.report.failed, sink.builder.records()), (1, 1), "one bad package costs only itself");
    for cut in ["{\"a\":", "{} x", "[]"] {
        assert!(debian::tracker(cut.as_bytes(), "x", &mut Sink::new()).is_err(), "{cut}");
    }
}

#[test]
fn debian_list_of_updates() {
    let list = "[31 Jul 2025] DSA-5970-1 sope - security update\n\t{CVE-2025-0001 CVE-2025-0002}\n\t[bookworm] - sope 5.8.0-1+deb12u1\n\
                [18 Apr 2018] DSA-4205-1 jessie end-of-life\n\tNOTE: end of security support\n";
    assert_eq!(
        rows(|sink| debian::list(list.as_bytes(), "x", sink).unwrap()),
        ["debian:12 sope: DSA-5970-1 CVE-2025-0001 CVE-2025-0002 | [,5.8.0-1+deb12u1)"]
    );
}

#[test]
fn secdb_in_both_forms() {
    let json = r#"{"distroversion":"v3.18","reponame":"main","urlprefix":"u","packages":[{"pkg":{"name":"xz","secfixes":{"5.2.5-r1":["CVE-2022-0001 XSA-1"],"0":["CVE-2022-0002"]}}},{"pkg":{"name":"n","secfixes":{}}}]}"#;
    let expected = ["alpine:3.18 xz: CVE-2022-0001 XSA-1 | [,5.2.5-r1)"];
    assert_eq!(rows(|sink| secdb::json(json.as_bytes(), "x", sink)), expected);
    let yaml = "distroversion: v3.18\nreponame: main\npackages:\n- pkg:\n    name: xz\n    secfixes:\n      5.2.5-r1:\n      - XSA-1 CVE-2022-0001\n";
    assert_eq!(rows(|sink| secdb::yaml(yaml, "x", sink)), expected);
    let wolfi = r#"{"reponame":"os","urlprefix":"https://packages.wolfi.dev","packages":[{"pkg":{"name":"a","secfixes":{"1-r0":["GHSA-xxcw-2q8h-4v7m"]}}}]}"#;
    assert_eq!(rows(|sink| secdb::json(wolfi.as_bytes(), "x", sink)), ["wolfi a: GHSA-xxcw-2q8h-4v7m | [,1-r0)"]);
    let minimal = wolfi.replace("packages.wolfi.dev", "packages.mini.dev");
    assert_eq!(rows(|sink| secdb::json(minimal.as_bytes(), "x", sink)), ["minimos a: GHSA-xxcw-2q8h-4v7m | [,1-r0)"]);
    let unknown = wolfi.replace("packages.wolfi.dev", "apk.example.com");
    assert!(failure(|sink| secdb::json(unknown.as_bytes(), "f", sink)).contains("which distribution"));
    assert!(failure(|sink| secdb::json(br#"{"packages":[]}"#, "f", sink)).contains("which distribution"));
    assert!(failure(|sink| secdb::yaml("a: [", "f", sink)).contains("f:"));
}

const VEX: &str = r#"{"document":{"category":"csaf_vex","csaf_version":"2.0","title":"t","tracking":{"id":"CVE-2024-0001","current_release_date":"2024-02-02T00:00:00Z"}},
 "product_tree":{"branches":[{"branches":[
   {"product":{"product_id":"B9","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},
   {"product":{"product_id":"red_hat_enterprise_linux_8","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:8"}}},
   {"product":{"product_id":"openshift","product_identification_helper":{"cpe":"cpe:/a:redhat:openshift:4"}}},
   {"product":{"product_id":"p64","product_identification_helper":{"purl":"pkg:rpm/redhat/nodejs@18.1-1.module%2Bel9?arch=x86_64&epoch=1"}}},
   {"product":{"product_id":"parm","product_identification_helper":{"purl":"pkg:rpm/redhat/nodejs@18.1-1.module%2Bel9?arch=aarch64&epoch=1"}}},
   {"product":{"product_id":"mod","product_identification_helper":{"purl":"pkg:rpmmod/redhat/nodejs@18:8090:rhel9"}}},
   {"product":{"product_id":"src","product_identification_helper":{"purl":"pkg:rpm/redhat/nodejs?arch=src"}}}]}],
  "relationships":[
   {"full_product_name":{"product_id":"B9:mod"},"product_reference":"mod","relates_to_product_reference":"B9"},
   {"full_product_name":{"product_id":"B9:mod:p64"},"product_reference":"p64","relates_to_product_reference":"B9:mod"},
   {"full_product_name":{"product_id":"B9:mod:parm"},"product_reference":"parm","relates_to_product_reference":"B9:mod"},
   {"full_product_name":{"product_id":"openshift:p64"},"product_reference":"p64","relates_to_product_reference":"openshift"},
   {"full_product_name":{"product_id":"8:src"},"product_reference":"src","relates_to_product_reference":"red_hat_enterprise_linux_8"}]},
 "vulnerabilities":[{"cve":"CVE-2024-0001","title":"bad",
  "product_status":{"fixed":["B9:mod:p64","B9:mod:parm","openshift:p64"],"known_affected":["8:src"],"known_not_affected":["x"]},
  "remediations":[{"category":"no_fix_planned","details":"Out of support scope","product_ids":["8:src"]}],
  "scores":[{"cvss_v3":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],"threats":[{"category":"impact","details":"Important"}]}]}"#;

/// A remediation tells of products that no status lists, and not of those that one does.
#[test]
fn red_hat_remediations_alone() {
    let without = VEX.replace(
        r#""fixed":["B9:mod:p64","B9:mod:parm","openshift:p64"],"known_affected":["8:src"],"known_not"#,
        r#""known_not"#,
    );
    let rows_with = |category: &str, product: &str| {
        let more = format!(
            r#","product_ids":["8:src"]}},{{"category":"{category}","details":"","product_ids":["{product}"]}}]"#
        );
        let text = without.replace(r#","product_ids":["8:src"]}]"#, &more);
        rows(|sink| csaf::csaf(text.as_bytes(), "x", sink))
    };
    let eight = "rhel:8 nodejs: CVE-2024-0001 | [,) EndOfLife <redhat:enterprise_linux:8>";
    let nine = "rhel:9 nodejs: CVE-2024-0001 | [,1:18.1-1.module+el9) <nodejs:18>";
    let fixed = rows_with("vendor_fix", "B9:mod:p64");
    assert_eq!(fixed[0], eight);
    assert!(fixed.len() == 2 && fixed[1].starts_with(nine), "{fixed:?}");
    assert_eq!(rows_with("workaround", "B9:mod:p64"), [eight]);
    let listed = without.replace(r#""known_not_affected":["x"]"#, r#""known_not_affected":["8:src"]"#);
    assert!(rows(|sink| csaf::csaf(listed.as_bytes(), "x", sink)).is_empty());
}

/// Products of which something else is said than of the first have a severity of their own.
#[test]
fn red_hat_severities_by_product() {
    let two = r#""threats":[{"category":"impact","details":"Important","product_ids":["B9:mod:p64","B9:mod:parm"]},{"category":"impact","details":"Low","product_ids":["8:src"]}]"#;
    let text = VEX.replace(r#""threats":[{"category":"impact","details":"Important"}]"#, two);
    let read = rows(|sink| csaf::csaf(text.as_bytes(), "x", sink));
    let eight = "rhel:8 nodejs: CVE-2024-0001 | [,) EndOfLife Low <redhat:enterprise_linux:8>";
    assert!(read[1] == eight && read[2].starts_with("rhel:9 nodejs") && !read[2].contains("Low"), "{read:?}");
}

#[test]
fn red_hat_vex() {
    assert_eq!(
        rows(|sink| csaf::csaf(VEX.as_bytes(), "x", sink)),
        [
            "rhel nodejs: CVE-2024-0001 | [,1:18.1-1.module+el9) <redhat:openshift:4>",
            "rhel:8 nodejs: CVE-2024-0001 | [,) EndOfLife <redhat:enterprise_linux:8>",
            "rhel:9 nodejs: CVE-2024-0001 | [,1:18.1-1.module+el9) <nodejs:18> <redhat:enterprise_linux:9::baseos>",
        ]
    );
    let cyclic =
        VEX.replace(r#""relates_to_product_reference":"B9:mod"}"#, r#""relates_to_product_reference":"B9:mod:p64"}"#);
    assert_eq!(rows(|sink| csaf::csaf(cyclic.as_bytes(), "x", sink)).len(), 2, "a cycle ends");
    assert!(failure(|sink| csaf::csaf(b"{}", "f", sink)).contains("document"));
}

#[test]
fn red_hat_api() {
    let cve = r#"{"name":"CVE-2024-0001","threat_severity":"Moderate","public_date":"2024-08-22T19:15:09Z",
      "affected_release":{"cpe":"cpe:/o:redhat:enterprise_linux:9","package":"python3.9-0:3.9.18-3.el9_4.5"},
      "package_state":[{"cpe":"cpe:/o:redhat:enterprise_linux:8","package_name":"nodejs:18/nodejs","fix_state":"Will not fix"},
                       {"cpe":"cpe:/o:redhat:enterprise_linux:7","package_name":"python","fix_state":"Not affected"}]}"#;
    assert_eq!(
        rows(|sink| csaf::hydra(cve.as_bytes(), "x", sink)),
        [
            "rhel:8 nodejs: CVE-2024-0001 | [,) WillNotFix <nodejs:18> <redhat:enterprise_linux:8>",
            "rhel:9 python3.9: CVE-2024-0001 | [,3.9.18-3.el9_4.5) <redhat:enterprise_linux:9>",
        ]
    );
}

#[test]
fn microsoft_months() {
    let month = r#"{"DocumentTitle":{"Value":"t"},"DocumentTracking":{"CurrentReleaseDate":"2026-10-13T07:00:00Z"},
      "ProductTree":{"FullProductName":[{"ProductID":"1","Value":"Windows Server 2022"},{"ProductID":"2","Value":"Windows Server 2022 (Server Core installation)"},{"ProductID":"3","Value":"Office"}]},
      "Vulnerability":[{"CVE":"CVE-2026-0001","Title":{"Value":"x"},"Threats":[{"Type":3,"Description":{"Value":"Critical"}},{"Type":1}],"CVSSScoreSets":[{"Vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "Remediations":[{"Type":2,"Description":{"Value":"5044281"},"ProductID":["1","2","3"],"FixedBuild":"10.0.20348.2762"},
                        {"Type":2,"Description":{"Value":"5044288"},"ProductID":["1"],"FixedBuild":"10.0.20348.2700"},
                        {"Type":2,"ProductID":["2"],"FixedBuild":"10.0.25398.1"},{"Type":2,"ProductID":["2"],"FixedBuild":"soon"},{"Type":5,"ProductID":["1"]}]}]}"#;
    assert_eq!(
        rows(|sink| cvrf::month(month.as_bytes(), "x", sink)),
        [
            "windows 10.0.20348: CVE-2026-0001 | [,10.0.20348.2700) <fixed by KB5044288>",
            "windows 10.0.20348:core: CVE-2026-0001 | [,10.0.20348.2762) <fixed by KB5044281>",
        ]
    );
}

#[test]
fn photon_lists() {
    let list = br#"[{"cve_id":"CVE-2023-0001","pkg":"curl","cve_score":9.8,"aff_ver":"x","res_ver":"7.88-4.ph4","status":"Fixed"},
      {"cve_id":"CVE-2023-0002","pkg":"httpd","cve_score":7.5,"aff_ver":"","res_ver":"NA","status":"Not Affected"},
      {"cve_id":"CVE-2023-0003","pkg":"python3","cve_score":null,"aff_ver":"NA","res_ver":"NA","status":"Fixed"}]"#;
    assert_eq!(
        rows(|sink| photon::list(list, "/x/cve_data_photon4.0.json", sink)),
        ["photon:4.0 curl: CVE-2023-0001 | [,7.88-4.ph4)"]
    );
    assert!(failure(|sink| photon::list(list, "/x/list.json", sink)).contains("cve_data_photon4.0.json"));
}

#[test]
fn errata_of_repositories_and_pages() {
    let xml = r#"<updates><update type="security"><id>ALAS2023-2023-126</id><title>t</title><severity>important</severity><issued date="2023-03-07"/>
      <references><reference type="cve" id="CVE-2022-0001"/><reference type="cve" id="CVE-2022-0002"/></references>
      <pkglist><collection><package name="kpartx" epoch="1" version="0.8.7" release="16.amzn2023" arch="x86_64"/><package name="kpartx" epoch="1" version="0.8.7" release="16.amzn2023" arch="src"/></collection></pkglist></update>
      <update><id>ALAS2023-2023-127</id></update></updates>"#;
    assert_eq!(
        rows(|sink| updateinfo::updateinfo(xml.as_bytes(), "x", sink).unwrap()),
        ["amazon:2023 kpartx: ALAS2023-2023-126 CVE-2022-0001 CVE-2022-0002 | [,1:0.8.7-16.amzn2023)"]
    );
    let rocky = xml.replace("ALAS2023-2023", "RLSA");
    assert!(
        rows(|sink| updateinfo::updateinfo(rocky.as_bytes(), "/m/rocky-9/updateinfo.xml", sink).unwrap())[0]
            .starts_with("rocky:9 kpartx")
    );
    assert!(failure(|sink| updateinfo::updateinfo(rocky.as_bytes(), "x", sink).unwrap()).contains("which release"));
    let collection = "<collection short='RL8'><name>Rocky Linux 8</name><module name='nodejs' stream='18'/>";
    let module = rocky.replace("<collection>", collection);
    let read = rows(|sink| updateinfo::updateinfo(module.as_bytes(), "/m/rocky-9/updateinfo.xml", sink).unwrap());
    assert!(read[0].starts_with("rocky:8 kpartx") && read[0].contains("nodejs:18"), "{read:?}");
    let page = "<title>ALAS-2018-939</title><b>Amazon Linux 2 Security Advisory:</b> ALAS-2018-939<br />Severity:</b> Low<br />CVE-2018-0001 \
                <b>New Packages:</b><pre>aarch64:<br />&nbsp; kernel-4.14-1.amzn2.aarch64<br />src:<br />&nbsp; kernel-4.14-1.amzn2.src</pre>";
    assert_eq!(
        rows(|sink| updateinfo::amazon_page(page, "x", sink)),
        ["amazon:2 kernel: ALAS2-2018-939 CVE-2018-0001 | [,4.14-1.amzn2)"]
    );
    assert!(failure(|sink| updateinfo::amazon_page("<p>", "f", sink)).contains("no bulletin id"));
    assert!(
        updateinfo::updateinfo(&b"<a></b>"[..], "x", &mut Sink::new()).unwrap_err().to_string().contains("not XML")
    );
}

#[test]
fn ruby_requirements_become_what_lies_between() {
    let check = |patched: &str, unaffected: &str, expected: &str| {
        let line = format!(
            r#"{{"gem":"g","id":"CVE-2024-0001","ghsa":"xxcw-2q8h-4v7m","cve":"2024-0001","date":"2024-01-01","cvss_v3":7.5,"patched_versions":[{patched}],"unaffected_versions":[{unaffected}]}}"#
        );
        let expected: Vec<String> = if expected.is_empty() {
            Vec::new()
        } else {
            vec![format!("gem g: CVE-2024-0001 GHSA-xxcw-2q8h-4v7m | {expected}")]
        };
        assert_eq!(rows(|sink| rubysec::lines(line.as_bytes(), "x", sink).unwrap()), expected);
    };
    check("", "", "[,)");
    check(r#"">= 4.3.3""#, r#""< 4.0.0""#, "[4.0.0,4.3.3)");
    check(r#""~> 3.2.1", ">= 4.0.2""#, "", "[,3.2.1) [3.3.A,4.0.2)");
    check(r#"">= 2.1.1, < 3", ">= 3.5""#, "", "[,2.1.1) [3,3.5)");
    check(r#""> 1.5""#, r#""<= 1.2""#, "(1.2,1.5]");
    check(r#""= 1.5""#, "", "[,1.5) (1.5,)");
    // Nothing is left: the row has no range, so it must not be there at all.
    check(r#"">= 1""#, r#""< 1""#, "");
    let bad = failure(|sink| {
        rubysec::lines(&b"\n{\"gem\":\"g\",\"id\":\"i\",\"patched_versions\":[\"!= 2\"]}\n"[..], "f", sink).unwrap();
    });
    assert!(bad.contains("f:2:1") && bad.contains("is no requirement"), "{bad}");
}

#[test]
fn enrichment() {
    let mut sink = Sink::new();
    enrich::kev(br#"{"catalogVersion":"1","dateReleased":"2025-08-25T17:04:19Z","vulnerabilities":[{"cveID":"CVE-2024-0001","dateAdded":"2025-08-25","knownRansomwareCampaignUse":"Known"}]}"#, "x", &mut sink);
    let csv = "#model_version:v1,score_date:2025-02-20T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0002,0.00383,0.73075\nnot,a,score\n";
    enrich::epss(csv.as_bytes(), "e.csv", &mut sink).unwrap();
    enrich::nvd(br#"{"format":"NVD_CVE","vulnerabilities":[{"cve":{"id":"CVE-2024-0003","metrics":{"cvssMetricV31":[{"source":"nvd@nist.gov","cvssData":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H","baseSeverity":"HIGH"}},{"source":"a@b","cvssData":{"vectorString":"v","baseSeverity":"LOW"}}]}}},{"cve":{"id":"CVE-2024-0004","vulnStatus":"Rejected"}}]}"#, "x", &mut sink);
    enrich::lifecycle(br#"{"result":[{"name":"debian","releases":[{"name":"9","eolFrom":"2022-06-30"},{"name":"13","eolFrom":null}]}]}"#, "x", &mut sink);
    enrich::lifecycle(br#"{"identifier":"python:3.7","item":{"name":"3.7","eolFrom":"2023-06-27"}}"#, "x", &mut sink);
    assert_eq!((sink.report.failed, sink.report.latest.as_str()), (1, "2025-08-25T17:04:19Z"));
    assert!(sink.report.diagnostics[0].to_string().contains("e.csv:4:1"));
    let (bytes, _) = sink.builder.finish(Meta::default()).unwrap();
    let segment = Segment::open(&bytes, reference()).unwrap();
    let note = |id: &str| segment.note(id).unwrap();
    assert!(note("CVE-2024-0001").unwrap().kev.unwrap().ransomware);
    let epss = note("CVE-2024-0002").unwrap().epss.unwrap();
    assert_eq!(
        (epss.score.to_string(), epss.percentile.to_string(), epss.date.as_str()),
        ("0.00383".into(), "0.73075".into(), "2025-02-20")
    );
    let sources: Vec<String> = note("CVE-2024-0003").unwrap().ratings.into_iter().map(|rating| rating.source).collect();
    assert_eq!(sources, ["nvd", "cna"]);
    assert!(note("CVE-2024-0004").is_none());
    assert_eq!(segment.fact("eol:debian", "9").unwrap(), Some("2022-06-30"));
    assert_eq!(segment.fact("eol:python", "3.7").unwrap(), Some("2023-06-27"));
    let long = format!("CVE-2024-0001,{}", "0".repeat(enrich::EPSS_LINE_MAX_BYTES));
    assert!(enrich::epss(long.as_bytes(), "f", &mut Sink::new()).unwrap_err().to_string().contains("line 1 of f"));
}

/// A fixed-seed mutation pass: whatever happens to a document, an importer returns.
#[test]
fn mutated_documents_never_panic() {
    let tracker = r#"{"a":{"CVE-2024-0001":{"releases":{"bookworm":{"status":"resolved","fixed_version":"1.2-1","urgency":"high"}}}}}"#;
    let osv = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}],"versions":["1.0.0"]}]}"#;
    let secdb = "distroversion: v3.18\npackages:\n- pkg:\n    name: xz\n    secfixes:\n      5.2.5-r1:\n      - CVE-2022-0001\n";
    let ruby = r#"{"gem":"g","id":"i","patched_versions":["~> 1.2.3", ">= 2.a"],"unaffected_versions":["< 1, > 0.5"]}"#;
    let list = "[31 Jul 2025] DSA-5970-1 sope - update\n\t{CVE-2025-0001}\n\t[bookworm] - sope 5.8\n";
    let page = "<title>ALAS-2018-939</title>Amazon Linux 2 <br />CVE-2018-0001 New Packages:<pre>kernel-4.14-1.amzn2.aarch64<br />";
    let errata = "<updates><update><id>ALAS2-1</id><reference id=\"CVE-2022-0001\"/><package name=\"a\" version=\"1\" release=\"2\"/></update></updates>";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0)
    };
    for document in [VEX, tracker, osv, secdb, ruby, list, page, errata] {
        for _ in 0..300 {
            let mut bytes = document.as_bytes().to_vec();
            for _ in 0..=random() % 4 {
                let at = random() % bytes.len();
                match random() % 4 {
                    0 => bytes[at] = u8::try_from(random() % 256).unwrap_or(0),
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.insert(at, b"{}[]\",:<>-."[random() % 11]),
                    _ => {
                        bytes.remove(at);
                        bytes.push(b'}');
                    }
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut sink = Sink::new();
            csaf::csaf(&bytes, "x", &mut sink);
            csaf::hydra(&bytes, "x", &mut sink);
            osv::record(&bytes, "x", "", &mut sink);
            let _ = debian::tracker(bytes.as_slice(), "x", &mut sink);
            secdb::yaml(&text, "x", &mut sink);
            updateinfo::amazon_page(&text, "x", &mut sink);
            let _ = debian::list(bytes.as_slice(), "x", &mut sink);
            let _ = rubysec::lines(bytes.as_slice(), "x", &mut sink);
            let _ = updateinfo::updateinfo(bytes.as_slice(), "x", &mut sink);
            let _ = super::oval::file(bytes.as_slice(), "x", &mut sink);
            sink.builder.finish(Meta::default()).unwrap();
        }
    }
}
