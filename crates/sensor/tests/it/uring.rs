//! What is opened through an `io_uring` is told with its path, although no system call has it.

use std::process::Command;

use testkit::need;

use crate::kernel::NEEDY;
use crate::program::{Sensor, text};

/// Asks a ring for one `IORING_OP_OPENAT` and waits for its end. Layout: `include/uapi/linux/io_uring.h`.
const SCRIPT: &str = r#"
import ctypes, mmap, os, struct
libc = ctypes.CDLL(None, use_errno=True)
params = ctypes.create_string_buffer(120)
ring = libc.syscall(425, 4, params)
sq = struct.unpack_from("<30I", params.raw)[10:20]
places = mmap.mmap(ring, sq[6] + 4 * 4, offset=0)
entries = mmap.mmap(ring, 64 * 4, offset=0x10000000)
path = ctypes.create_string_buffer(b"under/the ring")
entries[0:64] = struct.pack("<BBHiQQIIQ24x", 18, 0, 0, -100, 0, ctypes.addressof(path), 0o600, os.O_RDWR | os.O_CREAT, 1)
struct.pack_into("<I", places, sq[6], 0)
tail, = struct.unpack_from("<I", places, sq[1])
struct.pack_into("<I", places, sq[1], tail + 1)
libc.syscall(426, ring, 1, 1, 1, None, 0)
"#;

#[test]
fn an_open_through_a_ring_has_its_path() {
    need!(root, bpf);
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("under")).unwrap();
    let rules = dir.path().join("rules.yaml");
    std::fs::write(&rules, NEEDY).unwrap();
    let mut sensor = Sensor::start(&["--print", "events", "--no-own-rules", "--rules", rules.to_str().unwrap()]);
    assert!(Command::new("python3").args(["-c", SCRIPT]).current_dir(dir.path()).status().unwrap().success());
    let path = dir.path().join("under/the ring");
    assert!(path.exists(), "the ring opened it");
    let open = sensor.wait_for("the open", |event| text(event, "/path") == path.to_str().unwrap());
    assert_eq!((text(&open, "/kind"), text(&open, "/path_source")), ("file_open", "user"));
    assert_eq!((text(&open, "/provider"), &open["result"]), ("tp_btf/io_uring_submit_req", &0.into()));
    assert_eq!(open["flags"], serde_json::json!(["O_RDWR", "O_CREAT"]));
    assert_eq!(text(&open, "/process/name"), "python3");
}
