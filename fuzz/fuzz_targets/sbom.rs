//! Any bytes as an SBOM; what was read is written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(inventory) = imagescan::sbom::read(data, "fuzz") {
        let made = imagescan::sbom::Made { time: None, version: "fuzz" };
        let cyclonedx = serde_json::to_vec(&imagescan::sbom::cyclonedx(&inventory, None, &made));
        let spdx = serde_json::to_vec(&imagescan::sbom::spdx(&inventory, &made));
        for bytes in [cyclonedx, spdx] {
            drop(imagescan::sbom::read(&bytes.expect("JSON is written"), "again"));
        }
    }
});
