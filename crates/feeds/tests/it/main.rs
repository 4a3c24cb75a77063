//! Databases built from real feeds, judged on real inventories.

#![expect(clippy::unwrap_used, reason = "a test fails loudly; that is its job")]

mod archive;
mod build;
mod delta;
mod inventories;
mod mariner;
mod months;
mod update;
