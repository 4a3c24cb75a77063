//! Bursts: many different things of one sort within a short time below one root.

use model::event::{FileChange, FileOperation};
use model::{Body, CausalRoot, Event, OpenFlags, Process, ProcessKey};

use super::connected::key_of;
use super::window::Windows;
use super::{Detector, Hit};
use crate::alert::causal_root;

const MINUTE_MS: i64 = 60_000;

/// `recon-burst`: five different commands that tell about host, accounts, processes or network within a minute.
#[derive(Debug)]
pub struct Recon(Windows<CausalRoot>);

impl Default for Recon {
    fn default() -> Self {
        Self(Windows::new(MINUTE_MS, 5))
    }
}

const RECON: [&str; 30] = [
    "whoami",
    "id",
    "uname",
    "hostname",
    "w",
    "who",
    "last",
    "lastlog",
    "ps",
    "pstree",
    "netstat",
    "ss",
    "ifconfig",
    "ip",
    "arp",
    "route",
    "lscpu",
    "lsblk",
    "lspci",
    "lsmod",
    "groups",
    "finger",
    "uptime",
    "getent",
    "lsof",
    "dmesg",
    "capsh",
    "findmnt",
    "lsb_release",
    "nslookup",
];

/// Files that are read to learn about the host.
const RECON_FILES: [&str; 10] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/os-release",
    "/etc/issue",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc/version",
    "/proc/cpuinfo",
    "/proc/1/cgroup",
    "/proc/self/status",
];

/// The command of a process: of busybox the applet.
fn command(process: &Process) -> &str {
    match process.args.get(1) {
        Some(applet) if process.name == "busybox" => applet,
        _ => &process.name,
    }
}

fn recon_item(process: &Process) -> Option<String> {
    let command = command(process);
    if RECON.contains(&command) {
        return Some(command.to_owned());
    }
    let file = process.args.iter().find(|arg| RECON_FILES.contains(&arg.as_str()))?;
    matches!(command, "cat" | "head" | "less" | "more" | "grep").then(|| format!("{command} {file}"))
}

impl Detector for Recon {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let (Body::Exec(exec), Some(process)) = (&event.body, &event.process) else { return None };
        let item = recon_item(process).filter(|_| exec.result >= 0)?;
        let (items, earlier) = self.0.add(causal_root(event), item, event)?;
        let output = format!("{} different discovery commands within a minute: {}", items.len(), items.join(", "));
        Some(Hit { detector: "recon-burst", output, earlier })
    }
}

/// `log-burst`: five different files below `/var/log` removed or emptied within a minute, not by what rotates logs.
#[derive(Debug)]
pub struct Logs(Windows<CausalRoot>);

impl Default for Logs {
    fn default() -> Self {
        Self(Windows::new(MINUTE_MS, 5))
    }
}

const LOG_KEEPERS: [&str; 9] =
    ["logrotate", "rsyslogd", "syslogd", "syslog-ng", "systemd-journal", "savelog", "auditd", "dpkg", "apt-get"];

/// Where logs are.
pub const LOG_FOLDER: &str = "/var/log/";

fn removed_log(event: &Event) -> Option<&str> {
    let path = match &event.body {
        Body::FileChange(change)
            if change.result >= 0 && matches!(change.operation, FileOperation::Unlink | FileOperation::Truncate) =>
        {
            &change.path
        }
        Body::FileOpen(open) if open.result >= 0 && open.flags.writes() && open.flags.0 & OpenFlags::TRUNC != 0 => {
            &open.path
        }
        _ => return None,
    };
    path.starts_with(LOG_FOLDER).then_some(path)
}

impl Detector for Logs {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let path = removed_log(event)?;
        let process = event.process.as_ref()?;
        let keeper = |name: &str| LOG_KEEPERS.contains(&name);
        if keeper(&process.name) || process.ancestors.iter().any(|ancestor| keeper(&ancestor.name)) {
            return None;
        }
        let (items, earlier) = self.0.add(causal_root(event), path.to_owned(), event)?;
        let output = format!("{} log files removed or emptied within a minute: {}", items.len(), items.join(", "));
        Some(Hit { detector: "log-burst", output, earlier })
    }
}

/// `rename-burst`: one process, or a loop of `mv`, gives twenty files one new extension within a minute; or twenty files
/// are encrypted one by one ([`Encryptions`]).
///
/// An extension in the place of another counts only when the others were of several sorts: a job that finishes its own
/// files, such as a package manager or a queue, has one sort of them.
#[derive(Debug)]
pub struct Renames(Windows<(ProcessKey, String)>);

impl Default for Renames {
    fn default() -> Self {
        Self(Windows::new(MINUTE_MS, 20))
    }
}

/// Extensions that programs give and take while they write a file.
const TEMPORARY: [&str; 9] = ["tmp", "part", "partial", "crdownload", "swp", "new", "dpkg-new", "lock", "download"];

fn extension_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Whether the renames put an extension in the place of others that were all the same.
fn one_sort(events: &[Event], last: &FileChange) -> bool {
    let changes =
        events.iter().filter_map(|event| if let Body::FileChange(change) = &event.body { Some(change) } else { None });
    let mut renames = changes.chain([last]);
    let sort = extension_of(&last.path);
    renames.all(|change| {
        let appended = change.new_path.as_ref().is_some_and(|new| new.starts_with(&change.path));
        !appended && extension_of(&change.path) == sort
    })
}

/// The extension that a rename gave a file which keeps its name otherwise.
fn new_extension(change: &FileChange) -> Option<&str> {
    let (old, new) = (change.path.as_str(), change.new_path.as_deref()?);
    let (stem, extension) = new.rsplit_once('.')?;
    let old_extension = extension_of(old);
    let appended = stem == old;
    let swapped = old.rsplit_once('.').is_some_and(|(old_stem, _)| old_stem == stem) && old_extension != extension;
    let ordinary = TEMPORARY.contains(&old_extension)
        || TEMPORARY.contains(&extension)
        || matches!(extension, "gz" | "xz" | "zst" | "bz2" | "bak" | "old" | "orig")
        || extension.bytes().all(|byte| byte.is_ascii_digit())
        || extension.contains('/');
    ((appended || swapped) && !ordinary).then_some(extension)
}

impl Detector for Renames {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let Body::FileChange(change) = &event.body else { return None };
        if change.operation != FileOperation::Rename || change.result < 0 {
            return None;
        }
        let extension = new_extension(change)?.to_owned();
        let process = event.process.as_ref()?;
        // A loop of `mv` is one work.
        let by = if command(process) == "mv" { process.ancestors.first().map(|above| key_of(above)) } else { None };
        let by = by.unwrap_or_else(|| process.key());
        let (items, earlier) = self.0.add((by, extension.clone()), change.path.clone(), event)?;
        if one_sort(&earlier, change) {
            return None;
        }
        let output = format!("{} files renamed to `.{extension}` within a minute by {}", items.len(), process.name);
        Some(Hit { detector: "rename-burst", output, earlier })
    }
}

/// The other half of `rename-burst`: one process starts encryption of twenty different files within a minute.
#[derive(Debug)]
pub struct Encryptions(Windows<ProcessKey>);

impl Default for Encryptions {
    fn default() -> Self {
        Self(Windows::new(MINUTE_MS, 20))
    }
}

/// Whether a command encrypts a file with a password or a key.
fn encrypts(process: &Process) -> bool {
    let has = |options: &[&str]| process.args.iter().any(|arg| options.contains(&arg.as_str()));
    match command(process) {
        "openssl" => has(&["enc", "cms", "smime"]) && has(&["-in"]) && !has(&["-d", "-decrypt"]),
        "gpg" | "gpg2" => has(&["-c", "-e", "--symmetric", "--encrypt"]) && !has(&["-d", "--decrypt"]),
        "zip" => has(&["-P", "-e", "--encrypt", "--password"]),
        "7z" | "7za" => process.args.iter().any(|arg| arg.starts_with("-p")),
        "ccrypt" | "ccencrypt" | "age" => !has(&["-d", "--decrypt"]),
        _ => false,
    }
}

impl Detector for Encryptions {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let (Body::Exec(exec), Some(process)) = (&event.body, &event.process) else { return None };
        if exec.result < 0 || !encrypts(process) {
            return None;
        }
        let by = key_of(process.ancestors.first()?);
        let (items, earlier) = self.0.add(by, process.args.join(" "), event)?;
        let output = format!("{} files encrypted one by one within a minute with {}", items.len(), process.name);
        Some(Hit { detector: "rename-burst", output, earlier })
    }
}
