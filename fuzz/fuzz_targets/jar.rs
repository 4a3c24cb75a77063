//! Any bytes as a Java archive.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("srv/app.jar", data);
});
