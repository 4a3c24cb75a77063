//! The node sensor: eBPF providers, container attribution, rules.

fn main() {}
