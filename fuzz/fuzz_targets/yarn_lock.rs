//! Any bytes as a yarn.lock.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("srv/yarn.lock", data);
});
