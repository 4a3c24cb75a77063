//! Images from source to assessment: real registry, damaged layers, bombs, directories, a database built from records.

mod bad_layers;
mod cached;
mod support;
mod whole;
