//! What several fuzz targets share: a file of an image, read by its analyser and merged.

use imagescan::{LayerScanner, Options, merge};

/// Reads `content` as the file `path` of a layer, then merges the layer.
pub fn file(path: &str, content: &[u8]) {
    let mut tree = LayerScanner::new(&Options::default()).tree();
    // An error is a limit that was hit: a right answer.
    drop(tree.file(path, content.len() as u64, 0o755, content));
    let layer = model::Layer {
        digest: String::new(),
        diff_id: String::new(),
        size_bytes: content.len() as u64,
        created_by: None,
        complete: true,
    };
    drop(merge(vec![(layer, tree.finish())], model::Artifact::default()));
}

/// What importers collected becomes a segment that opens and reads.
pub fn segment(sink: vuln::import::Sink) {
    if let Ok((bytes, _)) = sink.builder.finish(vuln::segment::Meta::default()) {
        let reference =
            model::SegmentRef { name: String::new(), date: model::Timestamp::default(), hash: String::new() };
        let segment = vuln::Segment::open(&bytes, reference).expect("what we built opens");
        segment.each_row(|_, _, _| {}).expect("what we built reads");
    }
}
