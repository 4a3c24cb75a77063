//! Importers, each on a small hand-made document of its shape and on the given samples.
