//! End-to-end tests of the installed programs.

fn main() {}
