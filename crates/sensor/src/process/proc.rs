//! One process from /proc (proc(5)): for processes that no record told of, and for the snapshot where BPF iterators
//! are refused.

use std::path::Path;

/// A stat line: a name of at most 64 bytes and 52 numbers.
const MAX_STAT_BYTES: u64 = 4096;
/// Arguments: as much as exec records carry.
const MAX_CMDLINE_BYTES: usize = 4096;

/// What /proc says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// Name.
    pub name: String,
    /// Parent.
    pub ppid: u32,
    /// Process group.
    pub pgid: i32,
    /// Session.
    pub sid: i32,
    /// Terminal's device number.
    pub tty: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Executable file; empty for a kernel thread.
    pub exe: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Working directory.
    pub cwd: String,
}

/// Reads a process, or nothing when another one has its pid by now.
pub fn read(pid: u32, start_ticks: u64) -> Option<Read> {
    read_in(Path::new("/proc"), pid).filter(|read| read.start_ticks == start_ticks)
}

/// Reads a process below a given /proc.
pub fn read_in(proc: &Path, pid: u32) -> Option<Read> {
    let dir = proc.join(pid.to_string());
    let mut read = parse_stat(&limits::read_text(dir.join("stat"), MAX_STAT_BYTES).ok()?)?;
    let link = |name: &str| std::fs::read_link(dir.join(name)).map(|path| path.to_string_lossy().into_owned());
    read.exe = link("exe").unwrap_or_default();
    read.exe = read.exe.strip_suffix(" (deleted)").unwrap_or(&read.exe).to_owned();
    read.cwd = link("cwd").unwrap_or_default();
    read.args = command_line(&dir.join("cmdline"));
    Some(read)
}

/// What the stat line alone says, which is much less work.
pub fn read_stat(pid: u32) -> Option<Read> {
    parse_stat(&limits::read_text(format!("/proc/{pid}/stat"), MAX_STAT_BYTES).ok()?)
}

fn command_line(path: &Path) -> Vec<String> {
    use std::io::Read as _;
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    let mut bytes = vec![0; MAX_CMDLINE_BYTES];
    let mut filled = 0;
    let mut file = file;
    while let Ok(count) = file.read(&mut bytes[filled..]) {
        if count == 0 {
            break;
        }
        filled += count;
    }
    crate::record::strings(&bytes[..filled])
}

/// Parses /proc/PID/stat. The name is in parentheses and may contain any byte, also parentheses: the last one ends it.
pub fn parse_stat(line: &str) -> Option<Read> {
    let (_, rest) = line.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let numbers: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| numbers.get(index).and_then(|text| text.parse::<i64>().ok());
    Some(Read {
        name: name.to_owned(),
        ppid: u32::try_from(number(1)?).ok()?,
        pgid: i32::try_from(number(2)?).ok()?,
        sid: i32::try_from(number(3)?).ok()?,
        tty: u32::try_from(number(4)?).unwrap_or(0),
        start_ticks: u64::try_from(number(19)?).ok()?,
        ..Read::default()
    })
}

/// Path of a process's cgroup in the unified hierarchy.
pub fn cgroup_path(pid: u32) -> Option<String> {
    // Twelve controllers, each with a path of at most PATH_MAX.
    const MAX_CGROUP_BYTES: u64 = 64 << 10;
    let text = limits::read_text(format!("/proc/{pid}/cgroup"), MAX_CGROUP_BYTES).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// All pids below a /proc, in no order.
pub fn pids(proc: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(proc) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_with_hostile_names_are_read() {
        let rest = "S 7 8 9 34816 8 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 1 2";
        for name in ["sh", "a) S 1 1 1 (b", "", "with space"] {
            let read = parse_stat(&format!("42 ({name}) {rest}")).unwrap();
            assert_eq!((read.name.as_str(), read.ppid, read.tty, read.start_ticks), (name, 7, 34816, 123_456));
        }
        assert_eq!(parse_stat("42 (sh"), None);
        assert_eq!(parse_stat("42 (sh) S 1"), None);
    }

    #[test]
    fn this_process_is_read() {
        let pid = std::process::id();
        let read = read_in(Path::new("/proc"), pid).unwrap();
        assert_eq!(read.exe, std::env::current_exe().unwrap().to_string_lossy());
        assert_eq!(read.args.len(), std::env::args_os().count());
        assert!(pids(Path::new("/proc")).contains(&pid));
        assert!(super::read(pid, read.start_ticks).is_some());
        assert_eq!(super::read(pid, read.start_ticks + 1), None, "another process with this pid");
    }
}
