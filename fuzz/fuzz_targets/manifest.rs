//! Any bytes as a registry's manifest, index or image configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    drop(images::manifest::parse_document(data, None));
    if let Ok(config) = images::manifest::ImageConfig::parse(data) {
        config.platform();
        config.created();
        for layer in 0..config.layer_count().min(1_000) {
            config.claimed_diff_id(layer);
            config.created_by(layer);
        }
    }
});
