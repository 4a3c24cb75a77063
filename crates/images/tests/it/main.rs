//! Images from real places: Debian's registry, layouts on disk; and registries with bad days.

mod archives;
mod bad_days;
mod layout;
mod registry;
mod support;
