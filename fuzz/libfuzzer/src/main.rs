//! libFuzzer's loop around the target that `SEAWALL_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<&fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("SEAWALL_FUZZ").unwrap_or_default();
    let known = fuzz::TARGETS.iter().find(|target| target.name == name);
    known.unwrap_or_else(|| panic!("SEAWALL_FUZZ={name:?} is no target; `cargo xtask fuzz` lists them"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.run(data));
