//! The hub: API, ingestion, incidents, console.

fn main() {}
