//! Limits on everything that comes from outside: sizes, ratios, depths, entries.
//!
//! What it is: the capped readers, decompressors and loaders that the other crates must use instead of the standard
//! library's open-ended ones (`clippy.toml` bans those). Each cap is a named constant or a field with its reason, and
//! has a test that hits it.
//! What it is not: a parser of any particular file, or a policy of what is acceptable; callers choose the numbers.

pub mod budget;
pub mod inflate;
pub mod json;
pub mod read;
pub mod yaml;
pub mod zip;
pub mod zlib;

pub use budget::Budget;
pub use read::{
    CappedReader, LimitExceeded, MAX_FOLDER_FILES, ReadError, read_capped, read_file, read_text, yaml_files,
};
