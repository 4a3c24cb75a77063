//! The hub from outside: the real server on ports of its own, real HTTP, real mutual TLS.

mod access;
mod api;
mod config;
mod crash;
mod live;
mod support;
mod wire_routes;
