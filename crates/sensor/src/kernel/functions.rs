//! System calls by the kernel's own functions of them (`fexit`), where a kernel lets programs be attached to functions.
//!
//! A handler is the same code there as behind the hook on all system calls; only what calls it differs, and calls that
//! nobody asked for pay nothing. What it is not: a way around system calls, so that it sees what that hook sees.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, AsRawFd as _};

use libbpf_rs::btf::types::Func;
use libbpf_rs::btf::{ReferencesType as _, TypeId};
use libbpf_rs::{Btf, Link, MapCore as _, MapFlags, Object, OpenObject, ProgramAttachType};

use super::programs::{Attach, ENTRIES, Program};
use super::{Kernel, KernelError, find};

/// The name of such providers in coverage: one function for each call.
pub const PROVIDER: &str = "fexit/__x64_sys_*";
/// The kernel's version, as uname(2) gives it, and a list of words: each some hundred bytes.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// The system calls whose functions can be entered: number and name, as in `syscall_64.tbl`. The entry of each is
/// `at_NAME` of `src/bpf/entries.bpf.c`.
const CALLS: &[(u32, &str)] = &[
    (2, "open"),
    (16, "ioctl"),
    (32, "dup"),
    (33, "dup2"),
    (41, "socket"),
    (42, "connect"),
    (43, "accept"),
    (49, "bind"),
    (50, "listen"),
    (76, "truncate"),
    (77, "ftruncate"),
    (82, "rename"),
    (83, "mkdir"),
    (84, "rmdir"),
    (85, "creat"),
    (86, "link"),
    (87, "unlink"),
    (88, "symlink"),
    (90, "chmod"),
    (91, "fchmod"),
    (92, "chown"),
    (93, "fchown"),
    (94, "lchown"),
    (101, "ptrace"),
    (105, "setuid"),
    (106, "setgid"),
    (113, "setreuid"),
    (114, "setregid"),
    (117, "setresuid"),
    (119, "setresgid"),
    (122, "setfsuid"),
    (123, "setfsgid"),
    (132, "utime"),
    (155, "pivot_root"),
    (165, "mount"),
    (166, "umount"),
    (175, "init_module"),
    (235, "utimes"),
    (257, "openat"),
    (258, "mkdirat"),
    (260, "fchownat"),
    (261, "futimesat"),
    (263, "unlinkat"),
    (264, "renameat"),
    (265, "linkat"),
    (266, "symlinkat"),
    (268, "fchmodat"),
    (272, "unshare"),
    (280, "utimensat"),
    (288, "accept4"),
    (292, "dup3"),
    (308, "setns"),
    (313, "finit_module"),
    (316, "renameat2"),
    (319, "memfd_create"),
    (321, "bpf"),
    (323, "userfaultfd"),
    (425, "io_uring_setup"),
    (427, "io_uring_register"),
    (428, "open_tree"),
    (429, "move_mount"),
    (432, "fsmount"),
    (437, "openat2"),
    (452, "fchmodat2"),
];

/// Functions of calls that this kernel has, by the type that they have in its types: a program may jump only to one that
/// is made for the same type, and the kernel's own declarations differ.
type ByType = BTreeMap<TypeId, Vec<(u32, &'static str)>>;

/// Entries of functions of one type that are loaded.
#[derive(Debug)]
pub struct Functions {
    entries: Object,
    calls: Vec<(u32, &'static str)>,
}

/// The beginning of the names of the kernel's functions of calls.
const PREFIX: &str = "__x64_sys_";

/// The program of a call's entry in the object file.
fn entry(name: &str) -> String {
    format!("at_{name}")
}

/// Those of some calls that this kernel has functions of; it lacks those of calls that it lacks.
fn present(wanted: &[u32]) -> Result<ByType, libbpf_rs::Error> {
    let types = Btf::from_vmlinux()?;
    let mut present = ByType::new();
    // Some are there twice, with another type each; the loader takes the first of a name.
    let mut known = BTreeSet::new();
    for id in (1..).map(TypeId::from).take(types.len()) {
        let Some(function) = types.type_by_id::<Func<'_>>(id) else { continue };
        let name = function.name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
        let call = name.and_then(|name| CALLS.iter().find(|(_, call)| *call == name));
        if let Some(call) = call.filter(|(number, _)| wanted.contains(number) && known.insert(*number)) {
            present.entry(function.referenced_type().type_id()).or_default().push(*call);
        }
    }
    Ok(present)
}

impl Functions {
    /// Those of a program's calls.
    fn of(&self, program: &Program) -> impl Iterator<Item = &'static str> {
        let numbers = program.calls();
        self.calls.iter().filter(move |(number, _)| numbers.contains(number)).map(|(_, name)| *name)
    }

    /// Aims handlers at one of these functions instead of at the hook on all calls.
    fn aim(&self, object: &mut OpenObject, programs: &[&Program]) {
        for mut loaded in object.progs_mut() {
            let program = programs.iter().find(|program| loaded.name() == program.name);
            if let Some(call) = program.and_then(|program| self.of(program).next()) {
                loaded.set_attach_type(ProgramAttachType::TraceFexit);
                // It was there a moment ago; should it be gone, the kernel refuses the program and says so.
                drop(loaded.set_attach_target(0, Some(format!("{PREFIX}{call}"))));
            }
        }
    }

    /// Attaches a handler that was aimed at one of these functions.
    fn attach(&self, program: &Program, loaded: &Object) -> Result<Vec<Link>, KernelError> {
        let name = program.name;
        let attach_error = |source| KernelError::Attach { name, source };
        let missing = || attach_error(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        let handler = find(loaded, name)?.as_fd().as_raw_fd();
        let slots = self.entries.maps().find(|map| map.name() == "functions").ok_or_else(missing)?;
        let slot = (program.signal as u32).to_ne_bytes();
        slots.update(&slot, &handler.to_ne_bytes(), MapFlags::ANY).map_err(attach_error)?;
        let mut links = Vec::new();
        for call in self.of(program) {
            let entry = entry(call);
            let found = self.entries.progs_mut().find(|candidate| candidate.name() == entry.as_str());
            links.push(found.ok_or_else(missing)?.attach_trace().map_err(attach_error)?);
        }
        Ok(links)
    }
}

impl Kernel {
    /// Loads the entries of these programs' calls. From then on their handlers can be started by
    /// [`Self::start_by_functions`]; on failure nothing of it stays.
    pub fn enter_by_functions(&mut self, programs: &[&Program]) -> Result<(), KernelError> {
        let name = PROVIDER;
        may_be_interrupted()?;
        let wanted: Vec<u32> = programs.iter().flat_map(|program| program.calls()).copied().collect();
        let mut all = Vec::new();
        for calls in present(&wanted).map_err(|source| KernelError::Open { name, source })?.into_values() {
            let mut object = self.open(ENTRIES, name)?;
            for mut program in object.progs_mut() {
                let call = calls.iter().find(|(_, call)| program.name() == entry(call).as_str());
                let target = call.map(|(_, call)| format!("{PREFIX}{call}"));
                let aimed = target.is_some_and(|target| program.set_attach_target(0, Some(target)).is_ok());
                program.set_autoload(aimed);
            }
            let entries = object.load().map_err(|source| KernelError::Load { name, source })?;
            all.push(Functions { entries, calls });
        }
        self.functions = all;
        Ok(())
    }

    /// Whether handlers can be started by the kernel's functions.
    pub const fn enters_by_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// Aims handlers that are loaded together, each at functions of the first type that it has.
    pub(super) fn aim(&self, object: &mut OpenObject, programs: &[&Program]) {
        for (index, functions) in self.functions.iter().enumerate() {
            let earlier = &self.functions[..index];
            let is_new = |program: &&&Program| earlier.iter().all(|functions| functions.of(program).next().is_none());
            let programs: Vec<&Program> = programs.iter().filter(is_new).copied().collect();
            functions.aim(object, &programs);
        }
    }

    /// Starts a handler behind the functions of its calls. On failure nothing of it stays.
    pub fn start_by_functions(&mut self, program: &Program) -> Result<(), KernelError> {
        let name = program.name;
        let mut together = self.group.as_ref().filter(|object| super::is_loaded(object, name));
        let mut links = Vec::new();
        for functions in &self.functions {
            if functions.of(program).next().is_none() {
                continue;
            }
            let attached = if let Some(object) = together.take() {
                functions.attach(program, object)
            } else {
                let aimed = self.load_with(program, |object| functions.aim(object, &[program]))?;
                functions.attach(program, &aimed)
            };
            links.extend(attached?);
        }
        if links.is_empty() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound).into();
            return Err(KernelError::Attach { name, source });
        }
        self.links.extend(links);
        Ok(())
    }
}

impl Program {
    /// The numbers of the system calls at whose end it runs.
    pub const fn calls(&self) -> &'static [u32] {
        match self.attach {
            Attach::Syscalls(numbers) => numbers,
            _ => &[],
        }
    }
}

/// Programs at functions run with preemption on, those at tracepoints with it off. A record is put together in memory
/// of the processor: on a kernel that preempts itself two tasks would write into it.
fn may_be_interrupted() -> Result<(), KernelError> {
    let read = |path: &str| limits::read_text(path, MAX_TEXT_BYTES).ok();
    let model = read("/sys/kernel/debug/sched/preempt");
    let version = read("/proc/sys/kernel/version").unwrap_or_default();
    let command_line = read("/proc/cmdline").unwrap_or_default();
    preemption(&version, model.as_deref(), &command_line).map_err(KernelError::Preemption)
}

/// Whether a kernel is known not to preempt itself: by its version's words, by the model in force (`none (voluntary)
/// full`, `debugfs`), by what it was started with. Otherwise why not.
fn preemption(version: &str, model: Option<&str>, command_line: &str) -> Result<(), &'static str> {
    let preempts = "this kernel preempts itself";
    if !version.split_whitespace().any(|word| word.starts_with("PREEMPT")) {
        return Ok(());
    }
    if !version.contains("PREEMPT_DYNAMIC") {
        return Err(preempts);
    }
    let started_with = command_line.split_whitespace().find_map(|word| word.strip_prefix("preempt="));
    let in_force = model.and_then(|model| model.split_once('(')?.1.split(')').next());
    match in_force.or(started_with) {
        Some("none" | "voluntary") => Ok(()),
        Some(_) => Err(preempts),
        None => Err("whether this kernel preempts itself cannot be told: debugfs is not mounted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_of_each_handler_has_an_entry_for_its_signal() {
        let source = include_str!("../bpf/entries.bpf.c");
        for program in super::super::programs::ALL {
            let signal = program.signal.name().to_uppercase();
            for number in program.calls() {
                let (_, name) = CALLS.iter().find(|(known, _)| known == number).expect("a call with a name");
                assert!(source.contains(&format!("ENTRY({name}, SIGNAL_{signal})\n")), "{name} {signal}");
            }
        }
    }

    #[test]
    fn only_kernels_that_do_not_preempt_themselves_are_taken() {
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.1";
        let check = |version, model, line, expected| assert_eq!(preemption(version, model, line).is_ok(), expected);
        check("#45-Ubuntu SMP Thu Jan 1", None, "", true);
        check("#1 SMP PREEMPT Thu", None, "", false);
        check("#1 SMP PREEMPT_RT Thu", Some("(none)"), "", false);
        check(dynamic, Some("none (voluntary) full \n"), "", true);
        check(dynamic, Some("none voluntary (full)"), "preempt=none", false);
        check(dynamic, None, "quiet preempt=voluntary", true);
        check(dynamic, None, "quiet", false);
    }
}
