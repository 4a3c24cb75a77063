//! Images from source to assessment: real registry, damaged layers, bombs, directories, a database built from records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_layers;
mod cached;
mod support;
mod whole;
