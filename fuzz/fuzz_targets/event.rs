//! Any bytes as an event: what is read is written and read again unchanged.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(event) = serde_json::from_slice::<model::Event>(data)
        && let Ok(text) = serde_json::to_vec(&event)
    {
        let again: model::Event = serde_json::from_slice(&text).expect("what we wrote reads back");
        assert_eq!(again, event);
    }
});
