//! The sensor's program against this machine's kernel, Debian's containerd and runc.

mod attribution;
mod cri;
mod denied;
mod kernel;
mod program;
