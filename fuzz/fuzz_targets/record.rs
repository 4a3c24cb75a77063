//! Any bytes as records of the kernel's programs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for record in sensor::record::split(data) {
        drop(sensor::record::decode(record));
    }
    drop(sensor::record::decode(data));
});
