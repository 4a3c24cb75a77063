//! What goes in comes out; what is damaged is an error.

use model::{SegmentRef, Severity, Timestamp};

use super::{Builder, Meta, Segment, SegmentError};
use crate::advisory::{Advisory, Affected, End, GoImport, Kind, Note, Range, Rating, State, Target};

fn reference() -> SegmentRef {
    SegmentRef { name: "test".into(), date: Timestamp::from_seconds(0), hash: String::new() }
}

fn full() -> Advisory {
    Advisory {
        id: "GHSA-xxcw-2q8h-4v7m".into(),
        aliases: vec!["CVE-2021-1".into(), "CVE-2021-44228".into()],
        title: "Something".into(),
        ratings: vec![Rating { source: "nvd".into(), severity: Severity::High, vector: "CVSS:3.1/AV:N".into() }],
        published: "2021-12-10".into(),
        kind: Kind::Erratum,
        affected: vec![
            Affected {
                ecosystem: "golang".into(),
                name: "example.org/x".into(),
                target: Target::Either,
                ranges: vec![
                    Range { end: End::Fixed("1.2".into()), ..Range::default() },
                    Range { introduced: "2".into(), end: End::Last("2.3".into()), ..Range::default() },
                    Range { introduced: "3".into(), end: End::Before("3.1".into()), ..Range::default() },
                    Range { introduced: "4".into(), end: End::Open, ..Range::default() },
                ],
                versions: vec!["9.9".into()],
                status: State::Said(model::FixStatus::WillNotFix),
                severity: Some(Severity::Low),
                module: "nodejs:18".into(),
                architectures: vec!["x86_64".into()],
                products: vec!["cpe:/o:x".into()],
                imports: vec![GoImport {
                    path: "example.org/x/y".into(),
                    symbols: vec!["T.M".into(), "F".into()],
                    systems: vec!["windows".into()],
                    architectures: vec!["arm64".into()],
                }],
                binaries: vec!["libx1".into()],
                note: "with a subscription".into(),
            },
            Affected {
                ecosystem: "golang".into(),
                name: "example.org/z".into(),
                ranges: vec![Range { end: End::Fixed("1.2".into()), ..Range::default() }],
                ..Affected::default()
            },
        ],
    }
}

fn sample() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.add(&full());
    builder.add(&Advisory { id: "X-1".into(), affected: vec![full().affected[1].clone()], ..Advisory::default() });
    builder.add_source("debian:12", "libssl3", "openssl");
    builder.add_fact("eol", "debian:12", "2028-06-30");
    builder.add_note(&Note {
        id: "CVE-2021-44228".into(),
        ratings: full().ratings,
        kev: Some(model::image::Kev { date_added: "2021-12-10".into(), ransomware: true }),
        epss: Some(model::image::Epss { score: 0.943_58, percentile: 0.999_61, date: "2025-02-20".into() }),
    });
    let meta = Meta { name: "test".into(), ecosystems: builder.ecosystems(), ..Meta::default() };
    builder.finish(meta).unwrap().0
}

#[test]
fn everything_reads_back() {
    let bytes = sample();
    let segment = Segment::open(&bytes, reference()).unwrap();
    assert_eq!(segment.meta().ecosystems, ["golang"]);
    assert_eq!((segment.meta().records, segment.meta().rows), (4, 3));
    assert!(segment.covers("golang") && !segment.covers("pypi"));
    let expected = full();
    let rows = segment.rows("golang", "example.org/x").unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].advisory().unwrap(), Advisory { affected: Vec::new(), ..expected.clone() });
    let data = rows[0].data().unwrap();
    let wanted = &expected.affected[0];
    assert_eq!((data.state, data.target, data.tags.severity), (wanted.status, wanted.target, wanted.severity));
    assert_eq!(data.ranges.len(), 4);
    assert_eq!(data.ranges[1].introduced, "2");
    assert_eq!(
        (data.versions.as_slice(), data.tags.module, data.tags.note),
        (&["9.9"][..], "nodejs:18", "with a subscription")
    );
    let imports = data.tags.imports.decode().unwrap();
    assert_eq!((imports[0].path, imports[0].symbols.as_slice()), ("example.org/x/y", &["T.M", "F"][..]));
    assert_eq!(
        (imports[0].systems.as_slice(), imports[0].architectures.as_slice()),
        (&["windows"][..], &["arm64"][..])
    );
    assert_eq!(data.tags.binaries, ["libx1"]);
    assert_eq!(segment.rows("golang", "example.org/z").unwrap().len(), 2);
    assert!(segment.rows("golang", "example.org/none").unwrap().is_empty());
    assert_eq!(segment.source_of("debian:12", "libssl3").unwrap(), Some("openssl"));
    assert_eq!(segment.fact("eol", "debian:12").unwrap(), Some("2028-06-30"));
    let note = segment.note("CVE-2021-44228").unwrap().unwrap();
    assert_eq!((note.kev.unwrap().ransomware, note.epss.unwrap().score.to_string()), (true, "0.94358".into()));
    assert_eq!(segment.find("cve-2021-44228").unwrap().len(), 2);
}

#[test]
fn a_flipped_byte_never_panics() {
    let good = sample();
    for at in 0..good.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            walk(&bytes);
        }
    }
}

#[test]
fn a_cut_file_is_an_error() {
    let good = sample();
    for end in 0..good.len() {
        walk(&good[..end]);
    }
    assert!(matches!(Segment::open(b"PK\x03\x04", reference()), Err(SegmentError::Magic)));
    let mut newer = good;
    newer[8] = 9;
    assert!(matches!(Segment::open(&newer, reference()), Err(SegmentError::Format { found: 9 })));
}

/// Touches everything that can be touched.
fn walk(bytes: &[u8]) {
    let Ok(segment) = Segment::open(bytes, reference()) else { return };
    for name in ["example.org/x", "example.org/z"] {
        for row in segment.rows("golang", name).unwrap_or_default() {
            let _ = (row.advisory(), row.data().and_then(|data| data.tags.imports.decode()));
        }
    }
    let _ = segment.source_of("debian:12", "libssl3");
    let _ = segment.note("CVE-2021-44228");
    let _ = segment.find("X-1");
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let mut builder = Builder::new();
    let title = "é".repeat(super::builder::TEXT_MAX_BYTES);
    builder.add(&Advisory { title, ..full() });
    let (bytes, _) = builder.finish(Meta::default()).unwrap();
    let segment = Segment::open(&bytes, reference()).unwrap();
    let row = segment.rows("golang", "example.org/z").unwrap().remove(0);
    assert_eq!(row.advisory().unwrap().title.len(), super::builder::TEXT_MAX_BYTES);
}

#[test]
fn an_old_segment_and_what_changed_make_a_new_one() {
    let old = sample();
    let old = Segment::open(&old, reference()).unwrap();
    let same = |replaced: &dyn Fn(&str) -> bool, new: &[Advisory]| {
        let mut builder = Builder::new();
        for advisory in new {
            builder.add(advisory);
        }
        builder.add_source("debian:12", "libssl3", "openssl3");
        builder.add_note(&Note { id: "CVE-2021-44228".into(), kev: None, ..Note::default() });
        builder.keep(&old, replaced).unwrap();
        let meta = Meta { ecosystems: builder.ecosystems(), ..Meta::default() };
        builder.finish(meta).unwrap()
    };
    let ids = |bytes: &[u8], name: &str| -> Vec<(String, usize)> {
        let segment = Segment::open(bytes, reference()).unwrap();
        let rows = segment.rows("golang", name).unwrap();
        rows.iter().map(|row| (row.advisory().unwrap().id, row.data().unwrap().ranges.len())).collect()
    };
    // Nothing replaced: all of it, to the last tag.
    let (bytes, meta) = same(&|_| false, &[]);
    assert_eq!((meta.records, meta.rows), (4, 3));
    let kept = Segment::open(&bytes, reference()).unwrap();
    for name in ["example.org/x", "example.org/z"] {
        let decoded = |segment: &Segment<'_>| format!("{:?}", segment.rows("golang", name).unwrap()[0].advisory());
        assert_eq!(decoded(&kept), decoded(&old));
    }
    let tags = |segment: &Segment<'_>| {
        let data = segment.rows("golang", "example.org/x").unwrap()[0].data().unwrap();
        (
            data.tags.imports.decode().unwrap()[0].symbols.len(),
            data.tags.module.to_owned(),
            data.ranges.len(),
            data.state,
        )
    };
    assert_eq!(tags(&kept), tags(&old));
    // What is newer stays before what was kept.
    assert_eq!(kept.source_of("debian:12", "libssl3").unwrap(), Some("openssl3"));
    assert_eq!(kept.fact("eol", "debian:12").unwrap(), Some("2028-06-30"));
    assert!(kept.note("CVE-2021-44228").unwrap().unwrap().kev.is_none());
    // One record replaced by a newer one, one gone.
    let newer = Advisory { id: "X-1".into(), affected: vec![full().affected[0].clone()], ..Advisory::default() };
    let (bytes, _) = same(&|id| id == "X-1" || id.starts_with("GHSA-"), &[newer]);
    assert_eq!((ids(&bytes, "example.org/x"), ids(&bytes, "example.org/z")), (vec![("X-1".into(), 4)], vec![]));
}
