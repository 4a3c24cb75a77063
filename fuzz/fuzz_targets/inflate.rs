//! Any bytes as a compressed stream: ends within its caps.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let caps = limits::inflate::Caps { plain_bytes: 1 << 20, ratio: 1_100, ratio_free_bytes: 1 << 16 };
    if let Ok(mut inflater) = limits::inflate::Inflater::new(data, caps) {
        drop(std::io::copy(&mut inflater, &mut std::io::sink()));
    }
});
