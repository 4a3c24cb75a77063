//! The hub: API, ingestion, incidents, console.
