//! Any bytes as rpm's database in BerkeleyDB form.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("var/lib/rpm/Packages", data);
});
