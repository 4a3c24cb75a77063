//! Opens by fanotify(7), notification only: `FAN_CLASS_NOTIF` stops nobody, whatever happens to its reader.
//! What it is not: a watcher of network file systems of others, or of mounts that no root directory is on.

use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use model::OpenFlags;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

/// File systems that are watched; a node has some hundred containers.
const MAX_WATCHED: usize = 4096;
/// Reads in one go, each of up to some hundred events.
const MAX_READS: usize = 64;

/// The kernel gives no fanotify.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch files by fanotify ({call})")]
pub struct FilesError {
    call: &'static str,
    #[source]
    source: nix::errno::Errno,
}

/// A group that watches file systems.
#[derive(Debug)]
pub struct Files {
    group: Fanotify,
    watched: BTreeSet<u64>,
    own: u32,
    /// How often the queue was full.
    pub lost: u64,
}

impl Files {
    /// Begins to watch the file system of the root directory.
    pub fn open() -> Result<Self, FilesError> {
        let error = |call| move |source| FilesError { call, source };
        let flags = InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK;
        let group = Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC | EventFFlags::O_LARGEFILE)
            .map_err(error("fanotify_init"))?;
        let mut files = Self { group, watched: BTreeSet::new(), own: std::process::id(), lost: 0 };
        files.watch(Path::new("/")).map_err(error("fanotify_mark"))?;
        Ok(files)
    }

    /// Readable when something happened.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }

    /// Watches the file system of a process's root directory. One that is gone by now needs none.
    pub fn watch_root_of(&mut self, pid: u32) {
        if let Err(error) = self.watch(&Path::new("/proc").join(pid.to_string()).join("root")) {
            tracing::debug!("the root of process {pid} is not watched: {error}");
        }
    }

    fn watch(&mut self, root: &Path) -> Result<(), nix::errno::Errno> {
        // Followed by the slash: the link itself is on procfs.
        let root = root.join(".");
        let Ok(found) = std::fs::metadata(&root) else { return Ok(()) };
        if self.watched.len() >= MAX_WATCHED || !self.watched.insert(found.dev()) {
            return Ok(());
        }
        let mask = MaskFlags::FAN_OPEN | MaskFlags::FAN_CLOSE_WRITE;
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        self.group.mark(flags, mask, nix::fcntl::AT_FDCWD, Some(&root))
    }

    /// Hands on opens: who, which file, and flags as far as they are known.
    pub fn read(&mut self, mut take: impl FnMut(u32, &[u8], u32)) {
        for _ in 0..MAX_READS {
            let Ok(events) = self.group.read_events() else { return };
            if events.is_empty() {
                return;
            }
            for event in events {
                let Some(fd) = event.fd() else {
                    self.lost += u64::from(event.mask().contains(MaskFlags::FAN_Q_OVERFLOW));
                    continue;
                };
                let Some(pid) = u32::try_from(event.pid()).ok().filter(|pid| *pid != self.own) else { continue };
                let Ok(path) = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())) else { continue };
                if event.mask().contains(MaskFlags::FAN_OPEN) {
                    take(pid, path.as_os_str().as_bytes(), 0);
                }
                if event.mask().contains(MaskFlags::FAN_CLOSE_WRITE) {
                    take(pid, path.as_os_str().as_bytes(), OpenFlags::WRONLY);
                }
            }
        }
    }
}
