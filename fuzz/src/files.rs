//! A file of an image: read by its analyser and merged.

use imagescan::{LayerScanner, Options, merge};

/// Reads `content` as the file `path` of a layer, then merges the layer.
pub(crate) fn run(path: &str, content: &[u8]) {
    let mut tree = LayerScanner::new(&Options::default()).tree();
    // An error is a limit that was hit: a right answer.
    drop(tree.file(path, content.len() as u64, 0o755, content));
    merge_one(tree.finish(), content.len() as u64);
}

/// Merges an image of one layer.
pub(crate) fn merge_one(record: imagescan::LayerRecord, size_bytes: u64) {
    let layer =
        model::Layer { digest: String::new(), diff_id: String::new(), size_bytes, created_by: None, complete: true };
    drop(merge(vec![(layer, record)], model::Artifact::default()));
}
