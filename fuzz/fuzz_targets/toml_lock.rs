//! Any bytes as a lock in TOML.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("srv/Cargo.lock", data);
});
