//! Any JSON as a Gatekeeper template, or its Rego alone.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        drop(policy::gatekeeper::Template::parse(&value));
        drop(policy::gatekeeper::Review::parse(&value));
        policy::pss::evaluate(&value, "", policy::pss::Level::Restricted, policy::pss::Version::LATEST);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let module = policy::rego::Module { name: "fuzz", text };
        drop(policy::rego::Program::compile(module, &[], "violation", policy::rego::Dialect::V0));
    }
});
