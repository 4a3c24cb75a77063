//! Layer bytes to packages: the pure image engine.
