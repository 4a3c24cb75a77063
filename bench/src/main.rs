//! Benchmarks against named peers.

fn main() {}
