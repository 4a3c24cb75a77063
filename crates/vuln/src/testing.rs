//! What the tests of this crate share.

use limits::inflate::{Caps, Inflater};

/// Inflates a gzip fixture.
pub(crate) fn gunzip(bytes: &[u8]) -> String {
    let inflater = Inflater::new(bytes, Caps::LAYER).expect("the fixture begins well");
    let bytes = limits::read_capped(inflater, 1 << 30, "fixture").expect("the fixture is gzip");
    String::from_utf8(bytes).expect("the fixture is UTF-8")
}
