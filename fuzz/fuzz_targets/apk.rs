//! Any bytes as apk's database.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("lib/apk/db/installed", data);
});
