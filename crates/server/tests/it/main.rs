//! The hub from outside: the real server on ports of its own, real HTTP, real mutual TLS.

mod access;
mod api;
mod audit;
mod config;
mod crash;
mod images;
mod live;
mod support;
mod wire_routes;
