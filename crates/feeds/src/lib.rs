//! Advisory databases on disk: build, verify, map.
