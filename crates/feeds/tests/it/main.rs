//! Databases built from real feeds, judged on real inventories.

mod build;
mod inventories;
mod mariner;
