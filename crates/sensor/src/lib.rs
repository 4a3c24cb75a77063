//! The node sensor: eBPF providers, container attribution, rules.
