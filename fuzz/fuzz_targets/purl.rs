//! Any text as a package URL: the canonical form reads back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(purl) = text.parse::<model::Purl>()
    {
        assert_eq!(purl.to_string().parse::<model::Purl>().as_ref(), Ok(&purl), "{purl}");
    }
});
