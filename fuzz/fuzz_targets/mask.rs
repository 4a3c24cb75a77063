//! Any texts as a command line: masking keeps what it masked once.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let masker = detect::mask::Masker::new([7; 16], &[]);
    let mut args: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let count = args.len();
    masker.args(&mut args);
    assert_eq!(args.len(), count);
    drop(masker.text(text));
});
