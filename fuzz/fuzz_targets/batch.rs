//! Any bytes as a batch of the wire, packed and plain.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = wire::server::BatchLimits::default();
    for body in [data.to_vec(), zstd::encode_all(data, 1).unwrap_or_default()] {
        if let Ok(batch) = wire::server::decode_batch(&body, &limits) {
            for record in &batch.records {
                drop(record.read::<model::Alert>());
                drop(record.read::<model::Event>());
            }
        }
    }
});
