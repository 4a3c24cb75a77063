//! What comes over a wire, from the kernel, or packed.

use std::io::{Cursor, Write as _};
use std::path::Path;

/// A compressed stream ends within its caps.
pub(crate) fn inflate(data: &[u8]) {
    let caps = limits::inflate::Caps { plain_bytes: 1 << 20, ratio: 1_100, ratio_free_bytes: 1 << 16 };
    if let Ok(mut inflater) = limits::inflate::Inflater::new(data, caps) {
        drop(std::io::copy(&mut inflater, &mut std::io::sink()));
    }
}

/// A tar archive of whatever files.
pub(crate) fn layer(data: &[u8]) {
    drop(imagescan::LayerScanner::new(&imagescan::Options::default()).scan(data));
}

/// A ZIP archive ends within its limits.
pub(crate) fn zip(data: &[u8]) {
    let limits = limits::zip::ZipLimits { entries: 1_000, entry_bytes: 1 << 20, total_bytes: 4 << 20 };
    if let Ok(mut archive) = limits::zip::Archive::open(Cursor::new(data), limits) {
        for index in 0..archive.len() {
            drop(archive.read(index));
        }
    }
}

/// An SBOM: what was read is written and read again.
pub(crate) fn sbom(data: &[u8]) {
    let Ok(inventory) = imagescan::sbom::read(data, "fuzz") else { return };
    let made = imagescan::sbom::Made { time: None, version: "fuzz" };
    let cyclonedx = serde_json::to_vec(&imagescan::sbom::cyclonedx(&inventory, None, &made));
    let spdx = serde_json::to_vec(&imagescan::sbom::spdx(&inventory, &made));
    for bytes in [cyclonedx, spdx] {
        drop(bytes.map(|bytes| imagescan::sbom::read(&bytes, "again")));
    }
}

/// A delivery of Kubernetes audit events.
pub(crate) fn audit(data: &[u8]) {
    let delivery = cluster::audit::Delivery { cluster: "fuzz", first_seq: 1, received: model::Timestamp::default() };
    drop(cluster::audit::parse(data, delivery, cluster::audit::AuditLimits::DEFAULT));
}

/// A batch of our own wire, packed and plain.
pub(crate) fn batch(data: &[u8]) {
    let limits = wire::server::BatchLimits::default();
    for body in [data.to_vec(), zstd::encode_all(data, 1).unwrap_or_default()] {
        if let Ok(batch) = wire::server::decode_batch(&body, &limits) {
            for record in &batch.records {
                drop(record.read::<model::Alert>());
                drop(record.read::<model::Event>());
            }
        }
    }
}

/// A container's `config.json` and runc's state of it.
pub(crate) fn bundle(data: &[u8]) {
    drop(sensor::container::bundle::parse(data));
    drop(sensor::container::bundle::parse_state(data));
}

pub(crate) fn certificate(data: &[u8]) {
    drop(wire::x509::facts(data));
}

/// A message of the kernel's process connector.
pub(crate) fn connector(data: &[u8]) {
    let _ = sensor::without_bpf::connector::parse(data);
}

/// containerd's database of images. It is read from a file, as there.
pub(crate) fn containerd(data: &[u8]) {
    let file = tempfile::tempfile().and_then(|mut file| file.write_all(data).map(|()| file));
    assert!(file.is_ok(), "a temporary file: {file:?}");
    drop(file.map(|file| images::containerd::images(&file, Path::new("fuzz"))));
}

pub(crate) fn dns(data: &[u8]) {
    drop(sensor::dns::parse(data));
}

/// An event: what is read is written and read again unchanged.
pub(crate) fn event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<model::Event>(data)
        && let Ok(text) = serde_json::to_vec(&event)
    {
        assert_eq!(serde_json::from_slice::<model::Event>(&text).ok(), Some(event), "what we wrote reads back");
    }
}

/// An answer of containerd as it comes, before its messages.
pub(crate) fn grpc(data: &[u8]) {
    sensor::container::grpc::messages(data).for_each(protobuf);
}

/// The record of a layer from the cache, merged as if it were our own.
pub(crate) fn kept_layer(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<imagescan::LayerRecord>(data) else { return };
    crate::files::merge_one(record, data.len() as u64);
}

/// Packages from the cache: what is read is written and read again.
pub(crate) fn kept_packages(data: &[u8]) {
    if let Some(packages) = assess::fuzzing::decode(data) {
        assert_eq!(assess::fuzzing::decode(&assess::fuzzing::encode(&packages)).as_ref(), Some(&packages));
    }
}

/// Docker's configuration file, and a credential helper's answer.
pub(crate) fn logins(data: &[u8]) {
    for registry in ["r.example", "docker.io"] {
        drop(images::credentials::held(data, Path::new("fuzz"), registry, "team/app"));
    }
    drop(images::credentials::answered(data));
}

/// A registry's manifest, index or image configuration.
pub(crate) fn manifest(data: &[u8]) {
    drop(images::manifest::parse_document(data, None));
    if let Ok(config) = images::manifest::ImageConfig::parse(data) {
        config.platform();
        config.created();
        for layer in 0..config.layer_count().min(1_000) {
            config.claimed_diff_id(layer);
            config.created_by(layer);
        }
    }
}

/// An answer of containerd.
pub(crate) fn protobuf(data: &[u8]) {
    let inner = sensor::container::protobuf::bytes(data, 1);
    sensor::container::protobuf::string(inner, 1);
    sensor::container::protobuf::map(inner, 2).for_each(drop);
}

/// Records of our programs in the kernel.
pub(crate) fn record(data: &[u8]) {
    for record in sensor::record::split(data) {
        drop(sensor::record::decode(record));
    }
    drop(sensor::record::decode(data));
}
