//! Any bytes as a layer: a tar of whatever files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    drop(imagescan::LayerScanner::new(&imagescan::Options::default()).scan(data));
});
