//! Small hand-made files of each vendor's shape.

use crate::import::Sink;
use crate::segment::{Meta, Segment};
use model::{SegmentRef, Timestamp};

use super::{MAX_DEPTH, OvalError, file};

const MICROSOFT: &str = r#"<oval_definitions xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5"
 xmlns:linux-def="http://oval.mitre.org/XMLSchema/oval-definitions-5#linux">
 <generator><oval:product_name>CBL-Mariner OVAL Definition Generator</oval:product_name><oval:timestamp>2024-01-22T13:02:00Z</oval:timestamp></generator>
 <definitions><definition class="vulnerability" id="d:1"><metadata><title>CVE-2020-1 affecting package a &lt; 2</title>
  <affected family="unix"><platform>CBL-Mariner</platform></affected>
  <reference ref_id="CVE-2020-1" source="CVE"/><patchable>true</patchable><severity>Critical</severity></metadata>
  <criteria operator="AND"><criterion comment="Package a is earlier than 2" test_ref="t:1"/></criteria></definition>
 <definition id="d:2"><metadata><title>CVE-2020-2</title><reference ref_id="CVE-2020-2" source="CVE"/></metadata>
  <criteria operator="AND"><criterion comment="Package a is 2 or earlier" test_ref="t:2"/></criteria></definition></definitions>
 <tests><linux-def:rpminfo_test id="t:1"><linux-def:object object_ref="o:1"/><linux-def:state state_ref="s:1"/></linux-def:rpminfo_test>
 <linux-def:rpminfo_test id="t:2"><linux-def:object object_ref="o:1"/><linux-def:state state_ref="s:2"/></linux-def:rpminfo_test></tests>
 <objects><linux-def:rpminfo_object id="o:1"><linux-def:name>a</linux-def:name></linux-def:rpminfo_object></objects>
 <states><linux-def:rpminfo_state id="s:1"><linux-def:evr datatype="evr_string" operation="less than">0:2-1.cm2</linux-def:evr></linux-def:rpminfo_state>
 <linux-def:rpminfo_state id="s:2"><linux-def:evr operation="less than or equal">0:2-1.cm2</linux-def:evr></linux-def:rpminfo_state></states>
</oval_definitions>"#;

const ORACLE: &str = r#"<oval_definitions><definitions><definition id="d:1" class="patch"><metadata>
 <title>ELSA-2018-1: bind security update (MODERATE)</title><affected><platform>Oracle Linux 8</platform></affected>
 <reference source="elsa" ref_id="ELSA-2018-1"/><reference source="CVE" ref_id="CVE-2018-1"/><reference source="CVE" ref_id="CVE-2018-2"/></metadata>
 <criteria operator="AND"><criterion test_ref="t:os" comment="Oracle Linux 8 is installed"/>
  <criterion test_ref="t:m" comment="Module nodejs:18 is enabled"/>
  <criteria operator="OR"><criteria operator="AND"><criterion test_ref="t:1" comment="bind is earlier than 30:9-1"/>
   <criterion test_ref="t:sig" comment="bind is signed with the Oracle Linux 8 key"/></criteria></criteria></criteria>
 </definition></definitions><tests><rpminfo_test id="t:1"><object object_ref="o:1"/><state state_ref="s:1"/></rpminfo_test>
 <rpminfo_test id="t:sig"><object object_ref="o:1"/><state state_ref="s:sig"/></rpminfo_test></tests>
 <objects><rpminfo_object id="o:1"><name>bind</name></rpminfo_object></objects>
 <states><rpminfo_state id="s:1"><evr operation="less than">30:9-1.el8</evr></rpminfo_state>
 <rpminfo_state id="s:sig"><signature_keyid operation="equals">1</signature_keyid></rpminfo_state></states></oval_definitions>"#;

/// `ecosystem name: advisory [module] fixed`, sorted.
fn rows(xml: &str, hint: &str) -> Vec<String> {
    let mut sink = Sink::new();
    file(xml.as_bytes(), hint, &mut sink).unwrap();
    let (bytes, _) = sink.builder.finish(Meta::default()).unwrap();
    let reference = SegmentRef { name: String::new(), date: Timestamp::default(), hash: String::new() };
    let segment = Segment::open(&bytes, reference).unwrap();
    let mut rows = Vec::new();
    segment
        .each_row(|ecosystem, name, row| {
            let (advisory, data) = (row.advisory().unwrap(), row.data().unwrap());
            let cves = advisory.aliases.join(",");
            rows.push(format!(
                "{ecosystem} {name}: {} {cves} {:?} [{}] {:?}",
                advisory.id, advisory.ratings[0].severity, data.tags.module, data.ranges[0].end
            ));
        })
        .unwrap();
    rows.sort();
    rows
}

#[test]
fn microsoft_states_bounds_of_sources() {
    let expected = [
        "mariner:2.0 a: CVE-2020-1  Critical [] Fixed(\"2-1.cm2\")",
        "mariner:2.0 a: CVE-2020-2  Unknown [] Last(\"2-1.cm2\")",
    ];
    assert_eq!(rows(MICROSOFT, "cbl-mariner-2.0-oval.xml"), expected);
    assert_eq!(rows(MICROSOFT, "oval.xml"), expected, "without a release in the name, the tags tell");
    assert!(rows(MICROSOFT, "azurelinux-3.0-oval.xml")[0].starts_with("azurelinux:3.0 a"));
}

#[test]
fn oracle_nests_platform_module_and_package() {
    assert_eq!(
        rows(ORACLE, "com.oracle.elsa-all.xml"),
        ["oracle:8 bind: ELSA-2018-1 CVE-2018-1,CVE-2018-2 Medium [nodejs:18] Fixed(\"30:9-1.el8\")"]
    );
}

#[test]
fn bad_files_say_what_is_wrong() {
    let check = |xml: &str| file(xml.as_bytes(), "x", &mut Sink::new());
    assert!(matches!(check("<a><b></a>"), Err(OvalError::Xml { .. })));
    assert!(matches!(
        check("<oval_definitions><definitions><definition id=\"1\"/></definitions></oval_definitions>"),
        Err(OvalError::Release)
    ));
    let deep = format!("<definitions><definition id=\"1\">{}", "<criteria>".repeat(MAX_DEPTH + 1));
    assert!(check(&deep).unwrap_err().to_string().contains("levels of criteria"));
}
