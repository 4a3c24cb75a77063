//! Images from real places: Debian's registry, layouts on disk; and registries with bad days.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archives;
mod bad_days;
mod distribution;
mod layout;
mod registry;
mod support;
