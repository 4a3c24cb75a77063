//! Any text as YAML: bounded, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let limits = limits::yaml::YamlLimits { bytes: 1 << 16, depth: 16, nodes: 10_000, documents: 100 };
        drop(limits::yaml::load(text, "fuzz", &limits));
    }
});
