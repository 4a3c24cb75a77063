//! Any bytes as rpm's database in SQLite form.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    seawall_fuzz::file("var/lib/rpm/rpmdb.sqlite", data);
});
