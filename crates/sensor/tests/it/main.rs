//! The sensor's program against this machine's kernel, Debian's containerd and runc.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod alerts;
mod attribution;
mod changes;
mod compat;
mod cri;
mod denied;
mod filter;
mod kernel;
mod overflow;
mod program;
mod uring;
