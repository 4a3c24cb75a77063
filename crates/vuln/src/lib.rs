//! Advisory segments, version order and matching.
