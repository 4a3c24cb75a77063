//! Any bytes as the metadata of an installed Python package.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("usr/lib/python3/site-packages/a-1.dist-info/METADATA", data);
});
