//! Any bytes as an SBOM; what was read is written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(inventory) = imagescan::sbom::read(data, "fuzz") {
        let made = imagescan::sbom::Made { time: None, version: "fuzz" };
        for document in [imagescan::sbom::cyclonedx(&inventory, None, &made), imagescan::sbom::spdx(&inventory, &made)]
        {
            let bytes = serde_json::to_vec(&document).expect("JSON is written");
            drop(imagescan::sbom::read(&bytes, "again"));
        }
    }
});
