//! Any bytes as dpkg's status file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("var/lib/dpkg/status", data);
});
