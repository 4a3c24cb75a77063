//! Field names of events, so that unknown fields can be told from known ones without a second parse.
//!
//! `tests/it` proves that these lists are exactly what the types write.

/// Fields of the envelope, sorted.
pub const ENVELOPE: &[&str] = &["attribution", "process", "provider", "scope", "seq", "time", "v"];

/// Fields of all bodies and the tag, sorted.
pub const BODY: &[&str] = &[
    "answers", "args", "argv_truncated", "audit", "call", "capabilities", "capability", "child", "code", "direction",
    "duration_ms", "flags", "granted", "hits", "host_namespaces", "inode", "kind", "labels", "line", "local", "mode",
    "mounts", "new_path", "operation", "partial", "path", "path_source", "phase", "privileged", "protocol", "question",
    "raw_path", "rcode", "remote", "result", "runtime", "script", "server", "sha256_after", "sha256_before", "signal",
    "skipped_too_big", "stdio", "stream", "type", "window_ms",
];
