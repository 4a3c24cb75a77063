//! Any text as a join string: what is read is written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(join) = text.parse::<wire::JoinString>()
    {
        assert!(join.to_string().parse::<wire::JoinString>().is_ok());
    }
});
