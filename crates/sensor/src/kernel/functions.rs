//! System calls by the kernel's own functions of them (`fexit`), where a kernel lets programs be attached to functions.
//!
//! A handler is the same code there as behind the hook on all system calls; only what calls it differs, and calls that
//! nobody asked for pay nothing. What it is not: a way around system calls, so that it sees what that hook sees.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, AsRawFd as _};

use libbpf_rs::btf::types::Func;
use libbpf_rs::btf::{ReferencesType as _, TypeId};
use libbpf_rs::{Btf, Link, MapCore as _, MapFlags, Object, OpenObject, ProgramAttachType};

use super::programs::{Attach, ENTRIES, Program};
use super::{Kernel, KernelError, compat, find};

/// The name of such providers in coverage: one function for each call.
pub const PROVIDER: &str = "fexit/__x64_sys_*";
/// What they do not see where the functions of 32-bit calls are there and cannot be entered.
pub const BLIND_SPOT: &str = "not by programs that make 32-bit system calls";
/// The kernel's version, as uname(2) gives it, and a list of words: each some hundred bytes.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// The system calls whose functions can be entered: number and name, as in `syscall_64.tbl`. Those of 32-bit calls are in
/// [`compat::CALLS`].
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
    (116, "setgroups"),
    (117, "setresuid"),
    (119, "setresgid"),
    (122, "setfsuid"),
    (123, "setfsgid"),
    (132, "utime"),
    (155, "pivot_root"),
    (161, "chroot"),
    (165, "mount"),
    (166, "umount"),
    (175, "init_module"),
    (176, "delete_module"),
    (235, "utimes"),
    (246, "kexec_load"),
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
    (304, "open_by_handle_at"),
    (308, "setns"),
    (310, "process_vm_readv"),
    (311, "process_vm_writev"),
    (313, "finit_module"),
    (316, "renameat2"),
    (319, "memfd_create"),
    (320, "kexec_file_load"),
    (321, "bpf"),
    (323, "userfaultfd"),
    (425, "io_uring_setup"),
    (427, "io_uring_register"),
    (428, "open_tree"),
    (429, "move_mount"),
    (430, "fsopen"),
    (432, "fsmount"),
    (437, "openat2"),
    (438, "pidfd_getfd"),
    (442, "mount_setattr"),
    (452, "fchmodat2"),
];

/// A function of the kernel that does a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    /// The call's number, of a 32-bit call the one of the 64-bit call that does the same.
    number: u32,
    /// The function's name without the underscores in front: `x64_sys_open`, `ia32_compat_sys_open`. Its entry is
    /// `at_NAME` of `src/bpf/entries.bpf.c`.
    name: String,
}

impl Function {
    /// All that have an entry.
    fn all() -> impl Iterator<Item = Self> {
        let native = CALLS.iter().map(|(number, name)| Self { number: *number, name: format!("x64_sys_{name}") });
        let compat = compat::CALLS.iter().chain([&compat::SOCKETS_BY_ONE]);
        native.chain(compat.map(|(_, number, name)| Self { number: *number, name: format!("ia32_{name}") }))
    }

    /// Whether it does a 32-bit call.
    fn is_compat(&self) -> bool {
        self.name.starts_with("ia32_")
    }

    fn entry(&self) -> String {
        format!("at_{}", self.name)
    }

    fn target(&self) -> String {
        format!("__{}", self.name)
    }
}

/// Functions of calls that this kernel has, by the type that they have in its types: a program may jump only to one that
/// is made for the same type, and the kernel's own declarations differ.
type ByType = BTreeMap<TypeId, Vec<Function>>;

/// Entries of functions of one type that are loaded.
#[derive(Debug)]
pub struct Functions {
    entries: Object,
    functions: Vec<Function>,
}

/// Those of some calls that this kernel has functions of; it lacks those of calls that it lacks.
fn present(wanted: &[u32]) -> Result<ByType, libbpf_rs::Error> {
    let types = Btf::from_vmlinux()?;
    let mut left: BTreeMap<String, Function> = Function::all()
        .filter(|function| wanted.contains(&function.number))
        .map(|function| (function.target(), function))
        .collect();
    let mut present = ByType::new();
    for id in (1..).map(TypeId::from).take(types.len()) {
        let Some(function) = types.type_by_id::<Func<'_>>(id) else { continue };
        let name = function.name().and_then(|name| name.to_str());
        // Some are there twice, with another type each; the loader takes the first of a name.
        if let Some(known) = name.and_then(|name| left.remove(name)) {
            present.entry(function.referenced_type().type_id()).or_default().push(known);
        }
    }
    Ok(present)
}

impl Functions {
    /// Those of a program's calls.
    fn of(&self, program: &Program) -> impl Iterator<Item = &Function> {
        let numbers = program.calls();
        self.functions.iter().filter(move |function| numbers.contains(&function.number))
    }

    /// Aims handlers at one of these functions instead of at the hook on all calls.
    fn aim(&self, object: &mut OpenObject, programs: &[&Program]) {
        for mut loaded in object.progs_mut() {
            let program = programs.iter().find(|program| loaded.name() == program.name);
            if let Some(function) = program.and_then(|program| self.of(program).next()) {
                loaded.set_attach_type(ProgramAttachType::TraceFexit);
                // It was there a moment ago; should it be gone, the kernel refuses the program and says so.
                drop(loaded.set_attach_target(0, Some(function.target())));
            }
        }
    }

    /// Attaches a handler that was aimed at one of these functions. Gives whether 32-bit calls come to it, too.
    fn attach(&self, program: &Program, loaded: &Object, links: &mut Vec<Link>) -> Result<bool, KernelError> {
        let name = program.name;
        let attach_error = |source| KernelError::Attach { name, source };
        let missing = || attach_error(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        let handler = find(loaded, name)?.as_fd().as_raw_fd();
        let slots = self.entries.maps().find(|map| map.name() == "functions").ok_or_else(missing)?;
        let slot = (program.signal as u32).to_ne_bytes();
        slots.update(&slot, &handler.to_ne_bytes(), MapFlags::ANY).map_err(attach_error)?;
        let mut all = true;
        for function in self.of(program) {
            let entry = function.entry();
            let found = self.entries.progs_mut().find(|candidate| candidate.name() == entry.as_str());
            match found.ok_or_else(missing)?.attach_trace() {
                Ok(link) => links.push(link),
                // What few programs do must not cost what all do.
                Err(_) if function.is_compat() => all = false,
                Err(source) => return Err(attach_error(source)),
            }
        }
        Ok(all)
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
        for functions in present(&wanted).map_err(|source| KernelError::Open { name, source })?.into_values() {
            let mut object = self.open(ENTRIES, name)?;
            for mut program in object.progs_mut() {
                let function = functions.iter().find(|function| program.name() == function.entry().as_str());
                let aimed = function.is_some_and(|known| program.set_attach_target(0, Some(known.target())).is_ok());
                program.set_autoload(aimed);
            }
            let entries = object.load().map_err(|source| KernelError::Load { name, source })?;
            all.push(Functions { entries, functions });
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

    /// Starts a handler behind the functions of its calls. On failure nothing of it stays. Gives whether 32-bit calls
    /// come to it, too, where the kernel takes them.
    pub fn start_by_functions(&mut self, program: &Program) -> Result<bool, KernelError> {
        let name = program.name;
        let mut together = self.group.as_ref().filter(|object| super::is_loaded(object, name));
        let (mut links, mut all) = (Vec::new(), true);
        for functions in &self.functions {
            if functions.of(program).next().is_none() {
                continue;
            }
            all &= if let Some(object) = together.take() {
                functions.attach(program, object, &mut links)?
            } else {
                let aimed = self.load_with(program, |object| functions.aim(object, &[program]))?;
                functions.attach(program, &aimed, &mut links)?
            };
        }
        if links.is_empty() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound).into();
            return Err(KernelError::Attach { name, source });
        }
        self.links.extend(links);
        if all {
            self.hook_compat(program)?;
        }
        Ok(all)
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
                let functions = Function::all().filter(|function| function.number == *number);
                let names: Vec<String> = functions.map(|function| function.name).collect();
                assert!(names.iter().any(|name| name.starts_with("x64_")), "{number}");
                for name in names.iter().filter(|name| *name != "ia32_compat_sys_socketcall") {
                    assert!(source.contains(&format!("ENTRY({name}, SIGNAL_{signal})\n")), "{name} {signal}");
                }
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
