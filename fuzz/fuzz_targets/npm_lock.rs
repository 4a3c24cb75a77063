//! Any bytes as a package-lock.json.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("srv/package-lock.json", data);
});
