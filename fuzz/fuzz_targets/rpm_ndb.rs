//! Any bytes as rpm's database in NDB form.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("usr/lib/sysimage/rpm/Packages.db", data);
});
