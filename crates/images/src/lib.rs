//! Where images come from: registries, OCI layouts, directories.
