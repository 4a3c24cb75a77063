//! Any text as a CVSS vector: a score is one of the scale.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let score = vuln::cvss::score(text).unwrap_or_default();
        assert!((0.0..=10.0).contains(&score), "{text} scored {score}");
        vuln::cvss::severity(text);
    }
});
