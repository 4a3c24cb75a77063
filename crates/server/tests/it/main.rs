//! The hub from outside: the real server on ports of its own, real HTTP, real mutual TLS.

#![expect(clippy::unwrap_used, reason = "tests fail loudly; that is their job")]

mod access;
mod api;
mod audit;
mod config;
mod crash;
mod full_disk;
mod images;
mod live;
mod process;
mod support;
mod wire_routes;
