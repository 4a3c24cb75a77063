//! Any texts as a command line: masking keeps what it masked once.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Its patterns take longer to compile than a line to mask.
    static MASKER: std::sync::LazyLock<detect::mask::Masker> =
        std::sync::LazyLock::new(|| detect::mask::Masker::new([7; 16], &[]));
    let mut args: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let count = args.len();
    MASKER.args(&mut args);
    assert_eq!(args.len(), count);
    drop(MASKER.text(text));
});
