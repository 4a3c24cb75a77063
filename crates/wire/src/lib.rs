//! The wire between our programs.
