//! Any text as a condition.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(detect::condition::parse(text, &|_, length| detect::condition::Spot {
            source: "fuzz".into(),
            start: model::Position::default(),
            length,
        }));
    }
});
