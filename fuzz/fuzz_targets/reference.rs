//! Any text as an image reference, a platform, a digest: what is read is written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(text.parse::<images::Reference>());
    drop(text.parse::<images::PlatformFilter>());
    if let Ok(reference) = text.parse::<images::RegistryReference>() {
        assert_eq!(reference.to_string().parse::<images::RegistryReference>().as_ref().ok(), Some(&reference));
    }
    if let Ok(digest) = text.parse::<images::Digest>() {
        assert_eq!(digest.to_string().parse::<images::Digest>().ok(), Some(digest));
    }
});
