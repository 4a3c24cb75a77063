//! Capped readers, budgets, YAML and JSON with limits.
