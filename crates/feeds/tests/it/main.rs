//! Databases built from real feeds, judged on real inventories.

mod archive;
mod build;
mod inventories;
mod mariner;
mod update;
