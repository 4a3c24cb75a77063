//! Advisory segments: any bytes are an error or a segment that answers, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::Segment;

fuzz_target!(|bytes: &[u8]| {
    let reference = model::SegmentRef { name: String::new(), date: model::Timestamp::default(), hash: String::new() };
    let Ok(segment) = Segment::open(bytes, reference) else { return };
    let _ = segment.rows("pypi", "a");
    let _ = segment.note("CVE-2021-44228");
    let _ = segment.source_of("debian:12", "libssl3");
    let _ = segment.find("CVE-2021-44228");
    let _ = segment.each_row(|_, _, row| {
        let _ = (row.advisory(), row.data().and_then(|data| data.tags.imports.decode()));
    });
});
