//! Kubernetes API adapters: the audit receiver.
