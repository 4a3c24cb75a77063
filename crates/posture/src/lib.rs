//! Hardening controls over snapshots of facts.
