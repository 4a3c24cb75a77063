//! Feeds: what is imported becomes a segment that opens and reads.

use vuln::Segment;
use vuln::import::{self, Sink};

fn reference() -> model::SegmentRef {
    model::SegmentRef { name: String::new(), date: model::Timestamp::default(), hash: String::new() }
}

/// Imports a file and builds the segment.
pub(crate) fn run(import: fn(&[u8], &mut Sink), data: &[u8]) {
    let mut sink = Sink::new();
    import(data, &mut sink);
    if let Ok((bytes, _)) = sink.builder.finish(vuln::segment::Meta::default()) {
        let segment = Segment::open(&bytes, reference());
        let read = segment.map(|segment| segment.each_row(|_, _, _| {}));
        assert!(matches!(read, Ok(Ok(()))), "what we built opens and reads");
    }
}

/// Any bytes as a segment: an error or one that answers.
pub(crate) fn segment(data: &[u8]) {
    let Ok(segment) = Segment::open(data, reference()) else { return };
    drop(segment.rows("pypi", "a"));
    drop(segment.note("CVE-2021-44228"));
    drop(segment.source_of("debian:12", "libssl3"));
    drop(segment.find("CVE-2021-44228"));
    drop(segment.each_row(|_, _, row| {
        drop((row.advisory(), row.data().and_then(|data| data.tags.imports.decode())));
    }));
}

/// The list of segments of a database.
pub(crate) fn manifest(data: &[u8]) {
    drop(feeds::Manifest::parse(data, "manifest.json"));
}

/// Lists of changes: what they name lies below their folder.
pub(crate) fn changes(data: &[u8]) {
    let (since, now) = (model::Timestamp::default(), model::Timestamp::from_seconds(1_790_000_000));
    for kind in [feeds::addresses::Changes::Osv, feeds::addresses::Changes::RedHat] {
        for change in feeds::fuzzing::changes(kind, &text(data), "fuzz", since, now).unwrap_or_default() {
            let mut parts = std::path::Path::new(&change.path).components();
            assert!(parts.all(|part| matches!(part, std::path::Component::Normal(_))), "{change:?}");
        }
    }
}

/// Microsoft's list of months.
pub(crate) fn months(data: &[u8]) {
    drop(feeds::fuzzing::months(data));
}

/// The lists and indexes of a yum repository, and files that name others.
pub(crate) fn repository(data: &[u8]) {
    let text = text(data);
    feeds::fuzzing::mirror(&text);
    let errata = feeds::fuzzing::errata(&text);
    assert!(errata.is_none_or(|path| path.split('/').all(|part| !part.is_empty() && part != "..")), "{errata:?}");
    feeds::fuzzing::day_in(feeds::fuzzing::plain_name(&text).unwrap_or_else(|other| other));
}

/// An archive of documents.
pub(crate) fn tar(data: &[u8]) {
    drop(feeds::tar::each_file(data, 1 << 20, |_, _| {}));
}

fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

pub(crate) fn alas(data: &[u8], sink: &mut Sink) {
    import::updateinfo::amazon_page(&text(data), "x", sink);
}

pub(crate) fn csaf(data: &[u8], sink: &mut Sink) {
    import::csaf::csaf(data, "x", sink);
}

pub(crate) fn cvrf(data: &[u8], sink: &mut Sink) {
    import::cvrf::month(data, "x", sink);
    drop(import::cvrf::ids(data));
}

pub(crate) fn debian_list(data: &[u8], sink: &mut Sink) {
    drop(import::debian::list(data, "x", sink));
}

pub(crate) fn debian_tracker(data: &[u8], sink: &mut Sink) {
    drop(import::debian::tracker(data, "x", sink));
}

pub(crate) fn epss(data: &[u8], sink: &mut Sink) {
    drop(import::enrich::epss(data, "x", sink));
}

pub(crate) fn hydra(data: &[u8], sink: &mut Sink) {
    import::csaf::hydra(data, "x", sink);
}

pub(crate) fn kev(data: &[u8], sink: &mut Sink) {
    import::enrich::kev(data, "x", sink);
}

pub(crate) fn lifecycle(data: &[u8], sink: &mut Sink) {
    import::enrich::lifecycle(data, "x", sink);
}

pub(crate) fn nvd(data: &[u8], sink: &mut Sink) {
    import::enrich::nvd(data, "x", sink);
}

pub(crate) fn osv(data: &[u8], sink: &mut Sink) {
    import::osv::record(data, "x", "", sink);
    drop(import::osv::families(data));
}

pub(crate) fn oval(data: &[u8], sink: &mut Sink) {
    drop(import::oval::file(data, "x-3.0", sink));
}

pub(crate) fn photon(data: &[u8], sink: &mut Sink) {
    import::photon::list(data, "cve_data_photon4.0.json", sink);
}

pub(crate) fn repositories(data: &[u8], sink: &mut Sink) {
    import::csaf::repositories(data, "x", sink);
}

pub(crate) fn rubysec(data: &[u8], sink: &mut Sink) {
    drop(import::rubysec::lines(data, "x", sink));
}

pub(crate) fn secdb(data: &[u8], sink: &mut Sink) {
    import::secdb::json(data, "x", sink);
}

pub(crate) fn secdb_yaml(data: &[u8], sink: &mut Sink) {
    import::secdb::yaml(&text(data), "x", sink);
}

pub(crate) fn updateinfo(data: &[u8], sink: &mut Sink) {
    drop(import::updateinfo::updateinfo(data, "amazon-2023", sink));
}
