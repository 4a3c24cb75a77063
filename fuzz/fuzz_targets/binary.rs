//! Any bytes as a program: Go's build information, Rust's audit data, version strings, .NET resources.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("usr/bin/program", data);
});
