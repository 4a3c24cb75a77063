//! Any bytes as a ZIP archive: ends within its limits.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = limits::zip::ZipLimits { entries: 1_000, entry_bytes: 1 << 20, total_bytes: 4 << 20 };
    if let Ok(mut archive) = limits::zip::Archive::open(std::io::Cursor::new(data), limits) {
        for index in 0..archive.len() {
            drop(archive.read(index));
        }
    }
});
