//! The progress bar of a scan: bytes of layers, with the time that is left.

use assess::{LayerDone, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use model::Artifact;

use crate::ui::counted;

/// A bar on stderr. It disappears when the scan is done.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0);
        let template = "{msg} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message("opening");
        Self(bar)
    }
}

impl Progress for Bar {
    fn opened(&self, artifact: &Artifact, layers: usize, bytes: u64) {
        self.0.set_message(format!("{} ({})", artifact.platform, counted(layers, "layer")));
        self.0.inc_length(bytes);
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn layer(&self, digest: &str, outcome: LayerDone) {
        if outcome == LayerDone::Failed {
            self.0.println(format!("layer {digest} could not be read"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
