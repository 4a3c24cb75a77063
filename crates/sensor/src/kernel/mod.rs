//! Loading of our BPF programs: the maps that all share, then the programs, together or each alone.
//!
//! What is wanted is loaded together first ([`Kernel::prepare`]), without what the kernel refuses. What is not among it
//! is loaded alone when it is started, so that a kernel which refuses one program costs exactly that one, and says why.
//! What it is not: it does not choose, see [`crate::provider`].

use std::cell::Cell;
use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;

use libbpf_rs::{
    Iter, Link, MapCore as _, MapFlags, MapHandle, MapType, Object, ObjectBuilder, OpenObject, ProgramMut,
};

use detect::opens::Judge;
use model::Loss;

use crate::signal::Signal;

pub mod compat;
pub mod functions;
mod group;
pub mod opens;
pub mod programs;
mod ring;

pub use opens::Judgement;
pub use programs::{Attach, Program};
pub use ring::Reader;

/// Size of the ring, as `RING_SIZE` in `common.h`. Eight megabytes hold most of a second of 50,000 opens; half of it overflowed on a machine whose
/// processors were all busy.
pub const RING_BYTES: u32 = 8 << 20;
/// As `SIGNALS` in `common.h`.
const SIGNALS: u32 = 32;
/// As `MATCHED` in `common.h`.
const MATCHED: u32 = 1024;
/// As `SYSCALLS` in `common.h`.
const SYSCALLS: u32 = 512;
/// Where the slot of 32-bit calls is in an entry of `syscalls`.
const COMPAT_SHIFT: u32 = 8;
/// A snapshot: some hundred bytes per process, four kilobytes with long arguments.
const MAX_SNAPSHOT_BYTES: u64 = 256 << 20;
/// Length of `struct settings`.
const SETTINGS_BYTES: u32 = 16;
/// Length of `struct loss`.
const LOSS_BYTES: usize = 16;

/// Why something in the kernel could not be done.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel gave no map.
    #[error("cannot create the map {name}")]
    Map {
        /// Its name.
        name: &'static str,
        /// The kernel's answer.
        #[source]
        source: libbpf_rs::Error,
    },
    /// The object file is not what this program expects.
    #[error("cannot open the object file of {name}")]
    Open {
        /// The program.
        name: &'static str,
        /// What was wrong.
        #[source]
        source: libbpf_rs::Error,
    },
    /// The kernel refused the program.
    #[error("the kernel refuses to load {name}")]
    Load {
        /// The program.
        name: &'static str,
        /// The kernel's answer.
        #[source]
        source: libbpf_rs::Error,
    },
    /// The kernel loaded the program, but has no such hook.
    #[error("the kernel refuses to attach {name}")]
    Attach {
        /// The program.
        name: &'static str,
        /// The kernel's answer.
        #[source]
        source: libbpf_rs::Error,
    },
    /// A map could not be written or read.
    #[error("cannot use the map {name}")]
    Access {
        /// Its name.
        name: &'static str,
        /// The kernel's answer.
        #[source]
        source: libbpf_rs::Error,
    },
    /// An iterator gave nothing usable.
    #[error("cannot read the iterator {name}")]
    Iterate {
        /// The program.
        name: &'static str,
        /// Why.
        #[source]
        source: limits::ReadError,
    },
    /// A record could be overwritten while it is put together.
    #[error("programs are not attached to functions: {0}")]
    Preemption(&'static str),
    /// No unified hierarchy.
    #[error("no cgroup2 file system is mounted")]
    NoCgroup,
    /// The cgroup's folder could not be opened.
    #[error("cannot open {}", path.display())]
    Cgroup {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What the programs are told, `struct settings` of `common.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// The sensor itself, which is not reported.
    pub own_pid: u32,
    /// `SETTING_*`.
    pub flags: u32,
    /// `FIELD_*`.
    pub fields: u32,
}

/// `SETTING_CONNECT_BY_SYSCALL`.
pub const CONNECT_BY_SYSCALL: u32 = 1;
/// `SETTING_SEND_ALL`.
pub const SEND_ALL: u32 = 2;
/// `FIELD_ENV`.
pub const FIELD_ENV: u32 = 1;

impl Settings {
    fn to_bytes(self) -> [u8; SETTINGS_BYTES as usize] {
        let mut bytes = [0; SETTINGS_BYTES as usize];
        bytes[0..4].copy_from_slice(&self.own_pid.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.flags.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.fields.to_ne_bytes());
        bytes
    }
}

/// The maps that all programs share, and the links of those that run. Dropping it takes every hook away.
#[derive(Debug)]
pub struct Kernel {
    events: MapHandle,
    losses: MapHandle,
    settings: MapHandle,
    syscalls: MapHandle,
    compat_calls: MapHandle,
    handlers: MapHandle,
    matched: MapHandle,
    filter: MapHandle,
    judged: MapHandle,
    /// Counts changes after which no judgement of opens counts any more; 0 while all opens are sent.
    generation: Cell<u32>,
    group: Option<Object>,
    functions: Vec<functions::Functions>,
    links: Vec<Link>,
    cgroup: Option<PathBuf>,
}

fn find<'a>(object: &'a Object, name: &'static str) -> Result<ProgramMut<'a>, KernelError> {
    let missing = || libbpf_rs::Error::from(std::io::Error::from(std::io::ErrorKind::NotFound));
    object
        .progs_mut()
        .find(|candidate| candidate.name() == name)
        .ok_or_else(|| KernelError::Open { name, source: missing() })
}

fn is_loaded(object: &Object, name: &'static str) -> bool {
    find(object, name).is_ok_and(|found| found.autoload())
}

/// Lengths of our structures are far below 2^32.
fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn put(map: &MapHandle, name: &'static str, key: u32, value: u32) -> Result<(), KernelError> {
    map.update(&key.to_ne_bytes(), &value.to_ne_bytes(), MapFlags::ANY)
        .map_err(|source| KernelError::Access { name, source })
}

fn create(kind: MapType, name: &'static str, key: u32, value: u32, entries: u32) -> Result<MapHandle, KernelError> {
    let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_rs::libbpf_sys::bpf_map_create_opts>() as libbpf_rs::libbpf_sys::size_t,
        ..Default::default()
    };
    MapHandle::create(kind, Some(name), key, value, entries, &options)
        .map_err(|source| KernelError::Map { name, source })
}

impl Kernel {
    /// Creates the shared maps. Where bpf(2) is not allowed at all, this is what fails.
    pub fn new(settings: Settings) -> Result<Self, KernelError> {
        libbpf_rs::set_print(Some((libbpf_rs::PrintLevel::Debug, group::log)));
        let kernel = Self {
            events: create(MapType::RingBuf, "events", 0, 0, RING_BYTES)?,
            losses: create(MapType::PercpuArray, "losses", 4, 16, SIGNALS)?,
            settings: create(MapType::Array, "settings", 4, SETTINGS_BYTES, 1)?,
            syscalls: create(MapType::Array, "syscalls", 4, 4, SYSCALLS)?,
            compat_calls: create(MapType::Array, "compat_calls", 4, 4, SYSCALLS)?,
            handlers: create(MapType::ProgArray, "handlers", 4, 4, SIGNALS)?,
            matched: create(MapType::LruHash, "matched", 4, 1, MATCHED)?,
            filter: create(MapType::Array, "filter", 4, size(opens::FILTER_BYTES), 1)?,
            judged: create(MapType::LruHash, "judged", 4, size(opens::JUDGEMENT_BYTES), opens::JUDGED)?,
            generation: Cell::new(0),
            group: None,
            functions: Vec::new(),
            links: Vec::new(),
            cgroup: unified_hierarchy(),
        };
        kernel.set(settings)?;
        for (number, call, _) in compat::CALLS {
            put(&kernel.compat_calls, "compat_calls", *number, *call)?;
        }
        Ok(kernel)
    }

    /// Tells the programs what to do.
    pub fn set(&self, settings: Settings) -> Result<(), KernelError> {
        self.settings
            .update(&0u32.to_ne_bytes(), &settings.to_bytes(), MapFlags::ANY)
            .map_err(|source| KernelError::Access { name: "settings", source })
    }

    /// From now on all opens and changes of files of a process are sent, also those that repeat one: a rule matched it.
    pub fn send_all_of(&self, pid: u32) -> Result<(), KernelError> {
        self.matched
            .update(&pid.to_ne_bytes(), &[1], MapFlags::ANY)
            .map_err(|source| KernelError::Access { name: "matched", source })
    }

    /// From now on only such opens are sent as a rule may want. Judgements so far are forgotten.
    pub fn filter_opens(&self, judge: &Judge) -> Result<(), KernelError> {
        let generation = self.generation.get().wrapping_add(1).max(1);
        self.generation.set(generation);
        self.filter
            .update(&0u32.to_ne_bytes(), &opens::filter(judge, generation), MapFlags::ANY)
            .map_err(|source| KernelError::Access { name: "filter", source })
    }

    /// Which opens of a process are wanted, as long as it is as it was judged.
    pub fn judge(&self, judgement: Judgement) -> Result<(), KernelError> {
        self.judged
            .update(&judgement.header.pid.to_ne_bytes(), &judgement.to_bytes(self.generation.get()), MapFlags::ANY)
            .map_err(|source| KernelError::Access { name: "judged", source })
    }

    /// Loads programs together, those that the kernel does not refuse. Starting one of them then only attaches it.
    pub fn prepare(&mut self, programs: &[&'static Program]) {
        let names: BTreeSet<&'static str> = programs.iter().map(|program| program.name).collect();
        let group = group::load(&names, |names| {
            let mut object = self.open(programs::OBJECT, "all programs").ok()?;
            for mut program in object.progs_mut() {
                let wanted = program.name().to_str().is_some_and(|name| names.contains(name));
                program.set_autoload(wanted);
            }
            self.aim(&mut object, programs);
            object.load().ok()
        });
        self.group = group;
    }

    /// No more programs are started: lets go what was only needed for that.
    pub fn prepared(&mut self) {
        self.group = None;
    }

    /// Attaches one program, which is loaded alone unless it was loaded with others. On failure nothing of it stays.
    pub fn start(&mut self, program: &Program) -> Result<(), KernelError> {
        let group = self.group.take();
        // What was loaded with others and by functions is not what the hook on all calls jumps to.
        let by_functions = self.enters_by_functions() && !program.calls().is_empty();
        let result = match &group {
            Some(object) if is_loaded(object, program.name) && !by_functions => self.attach(program, object),
            _ => self.load(program).and_then(|object| self.attach(program, &object)),
        };
        self.group = group;
        result
    }

    fn attach(&mut self, program: &Program, loaded: &Object) -> Result<(), KernelError> {
        let name = program.name;
        let found = find(loaded, name)?;
        let attach_error = |source| KernelError::Attach { name, source };
        match program.attach {
            Attach::Iterator => {}
            Attach::Trace => self.links.push(found.attach_trace().map_err(attach_error)?),
            Attach::Cgroup => {
                let path = self.cgroup.clone().ok_or(KernelError::NoCgroup)?;
                let folder =
                    std::fs::File::open(&path).map_err(|source| KernelError::Cgroup { path: path.clone(), source })?;
                self.links.push(found.attach_cgroup(folder.as_raw_fd()).map_err(attach_error)?);
            }
            Attach::Syscalls(numbers) => {
                let slot = program.signal as u32;
                let fd = found.as_fd().as_raw_fd();
                self.handlers.update(&slot.to_ne_bytes(), &fd.to_ne_bytes(), MapFlags::ANY).map_err(attach_error)?;
                for call in numbers {
                    self.hook(*call, slot + 1)?;
                }
                self.hook_compat(program)?;
            }
        }
        Ok(())
    }

    /// Lets the hook on all system calls jump at this number, too.
    fn hook(&self, number: u32, slots: u32) -> Result<(), KernelError> {
        let name = "syscalls";
        let known = self
            .syscalls
            .lookup(&number.to_ne_bytes(), MapFlags::ANY)
            .map_err(|source| KernelError::Access { name, source })?;
        let known = known.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
        put(&self.syscalls, name, number, known | slots)
    }

    /// Notes that 32-bit calls come to a handler: the hook on all calls jumps by it, others ask it.
    fn hook_compat(&self, program: &Program) -> Result<(), KernelError> {
        let slot = program.signal as u32 + 1;
        let mut numbers = program.calls().iter().flat_map(|call| compat::numbers(*call));
        numbers.try_for_each(|number| self.hook(number, slot << COMPAT_SHIFT))
    }

    /// Runs an iterator once and gives what it wrote.
    pub fn iterate(&self, program: &Program) -> Result<Vec<u8>, KernelError> {
        let name = program.name;
        let loaded = self.load(program)?;
        let attach_error = |source| KernelError::Attach { name, source };
        let link = find(&loaded, name)?.attach().map_err(attach_error)?;
        let iterator = Iter::new(&link).map_err(attach_error)?;
        limits::read_capped(iterator, MAX_SNAPSHOT_BYTES, name).map_err(|source| KernelError::Iterate { name, source })
    }

    fn load(&self, program: &Program) -> Result<Object, KernelError> {
        self.load_with(program, |_| {})
    }

    /// Loads a program alone, after a last change of what is loaded.
    fn load_with(&self, program: &Program, change: impl FnOnce(&mut OpenObject)) -> Result<Object, KernelError> {
        let name = program.name;
        let mut object = self.open(program.object, name)?;
        for mut other in object.progs_mut() {
            let wanted = other.name() == name;
            other.set_autoload(wanted);
        }
        change(&mut object);
        object.load().map_err(|source| KernelError::Load { name, source })
    }

    /// An object file with our maps in the place of its own.
    fn open(&self, object: &[u8], name: &'static str) -> Result<OpenObject, KernelError> {
        let open_error = |source| KernelError::Open { name, source };
        let mut object = ObjectBuilder::default().open_memory(object).map_err(open_error)?;
        for mut map in object.maps_mut() {
            let shared = match map.name().to_str() {
                Some("events") => &self.events,
                Some("losses") => &self.losses,
                Some("settings") => &self.settings,
                Some("syscalls") => &self.syscalls,
                Some("compat_calls") => &self.compat_calls,
                Some("handlers") => &self.handlers,
                Some("matched") => &self.matched,
                Some("filter") => &self.filter,
                Some("judged") => &self.judged,
                _ => continue,
            };
            map.reuse_fd(shared.as_fd()).map_err(open_error)?;
        }
        Ok(object)
    }

    /// A reader of the ring that hands each record to `take`.
    pub fn reader<F: FnMut(&[u8])>(&self, take: F) -> Result<Reader<'_, F>, KernelError> {
        Reader::new(self.events.as_fd(), RING_BYTES as usize, take)
            .map_err(|source| KernelError::Access { name: "events", source: source.into() })
    }

    /// The programs' counters, by signal, over all processors.
    pub fn losses(&self) -> Result<Vec<(Signal, Loss)>, KernelError> {
        let mut all = Vec::new();
        for signal in Signal::ALL {
            let per_cpu = self
                .losses
                .lookup_percpu(&(signal as u32).to_ne_bytes(), MapFlags::ANY)
                .map_err(|source| KernelError::Access { name: "losses", source })?;
            let mut loss = Loss::default();
            for value in per_cpu.into_iter().flatten() {
                let number = |at: usize| {
                    value.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
                };
                if value.len() >= LOSS_BYTES {
                    loss.add(Loss { lost: number(0), filtered: number(8), ..Loss::default() });
                }
            }
            all.push((signal, loss));
        }
        Ok(all)
    }
}

/// Where the unified hierarchy is mounted: `/sys/fs/cgroup` where it is the only one, beside the others elsewhere.
pub fn unified_hierarchy() -> Option<PathBuf> {
    // Mounts of a busy node run to thousands of lines of some hundred bytes.
    const MAX_MOUNTS_BYTES: u64 = 16 << 20;
    let mounts = limits::read_text("/proc/self/mounts", MAX_MOUNTS_BYTES).ok()?;
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    })
}
