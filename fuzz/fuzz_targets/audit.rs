//! Any bytes as a delivery of Kubernetes audit events.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let delivery = cluster::audit::Delivery { cluster: "fuzz", first_seq: 1, received: model::Timestamp::default() };
    drop(cluster::audit::parse(data, delivery, cluster::audit::AuditLimits::DEFAULT));
});
