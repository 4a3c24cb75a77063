//! Red Hat's map of repositories to products (`repository-to-cpe.json`).
//!
//! Source: Red Hat's guide for scanner vendors: an image's content manifests name repositories (content sets), this
//! file names the CPEs of the products that a repository belongs to.

use std::collections::BTreeMap;

use limits::json::{self, JsonLimits};
use serde::Deserialize;

use super::release;
use crate::import::Sink;

/// Subject of the facts: repository to products, separated by blanks.
pub const REPOSITORY: &str = "redhat:repository";
/// Largest map; it has 3 MB.
const MAP: JsonLimits = JsonLimits { bytes: 64 << 20, depth: 8 };

#[derive(Deserialize)]
struct Map {
    data: BTreeMap<String, Repository>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    cpes: Vec<String>,
}

/// Adds the map as facts.
pub fn repositories(bytes: &[u8], source: &str, sink: &mut Sink) {
    let map: Map = match json::from_slice(bytes, &MAP) {
        Ok(map) => map,
        Err(error) => return sink.report.fail("redhat/repositories", source, error.to_string()),
    };
    for (name, Repository { cpes }) in map.data {
        sink.report.read += 1;
        let products: Vec<String> = cpes.iter().filter_map(|cpe| release(cpe)).map(|(_, product)| product).collect();
        if products.is_empty() {
            sink.report.left_out += 1;
        } else {
            sink.builder.add_fact(REPOSITORY, &name, &products.join(" "));
        }
    }
}
