//! What a test needs, said and counted (DESIGN §7).
//!
//! `need!(root)` returns from the test when the need is not there, after recording the skip where `cargo xtask test`
//! counts it. With `CI=true` a missing need is a failure. What it is not: a mock of anything.

pub mod commands;
pub mod documents;
pub mod image;
pub mod registry;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the needs")]
pub enum Need {
    Data,
    Root,
    Bpf,
    Cri,
    Registry,
    Kube,
    Chromium,
    Node,
    Go,
    NewGo,
    Python,
    Pip,
    Ruby,
    Gem,
    Php,
    Composer,
    Mono,
    R,
    Maven,
    Debootstrap,
    Skopeo,
    Rpm,
    Rpmbuild,
    Jdk,
    Dpkg,
}

impl Need {
    /// `Ok` when it is there, else why not.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::Data => data_dir().map(|_| ()).ok_or_else(|| "SEAWALL_TEST_DATA names no folder".into()),
            Self::Root => is_root().then_some(()).ok_or_else(|| "not root".into()),
            Self::Bpf => {
                Self::Root.check()?;
                Path::new("/sys/kernel/btf/vmlinux").exists().then_some(()).ok_or_else(|| "no kernel BTF".into())
            }
            Self::Cri => Self::Root.check().and_then(|()| programs(&["containerd", "runc", "ctr"])),
            Self::Registry => programs(&["docker-registry"]),
            Self::Kube => {
                let program = std::env::var_os("SEAWALL_KUBE").map(PathBuf::from);
                program.filter(|path| path.exists()).map(drop).ok_or_else(|| "SEAWALL_KUBE names no program".into())
            }
            Self::Chromium => programs(&["chromium"]),
            Self::Node => programs(&["node", "npm"]),
            Self::Go => programs(&["go"]),
            Self::NewGo => new_go(),
            Self::Python => programs(&["python3"]),
            Self::Pip => packaging_python().map(|_| ()),
            Self::Gem => programs(&["ruby", "gem"]),
            Self::Ruby => programs(&["ruby"]),
            Self::Php => programs(&["php"]),
            Self::Composer => {
                let library = Path::new("/usr/share/php/Composer/Semver/autoload.php");
                library.exists().then_some(()).ok_or_else(|| "no php-composer-semver".into())
            }
            Self::Mono => programs(&["mono", "mcs"]),
            Self::R => programs(&["Rscript"]),
            Self::Maven => programs(&["java", "mvn"]),
            Self::Debootstrap => Self::Root.check().and_then(|()| programs(&["debootstrap"])),
            Self::Skopeo => programs(&["skopeo"]),
            Self::Rpm => programs(&["rpm"]),
            Self::Rpmbuild => programs(&["rpm", "rpmbuild"]),
            Self::Jdk => programs(&["javac", "jar"]),
            Self::Dpkg => programs(&["dpkg"]),
        }
    }

    /// Records a skip, or fails the test where nothing may be skipped. Returns whether the test can go on.
    ///
    /// # Panics
    /// With `CI=true`, when the need is missing.
    pub fn or_skip(self, test: &str) -> bool {
        let Err(reason) = self.check() else { return true };
        assert!(
            std::env::var_os("CI").is_none_or(|v| v != "true"),
            "{test} needs {self:?}: {reason} (CI skips nothing)"
        );
        eprintln!("skipped {test}: needs {self:?}: {reason}");
        if let Some(file) = std::env::var_os("SEAWALL_SKIPS")
            && let Ok(mut file) = fs::OpenOptions::new().append(true).create(true).open(file)
        {
            // A lost line only makes the count of skips too low on a machine whose disk is full.
            drop(writeln!(file, "{test}: needs {self:?}: {reason}"));
        }
        false
    }
}

/// Returns from the calling test when something is missing: `need!(root, bpf)`.
#[macro_export]
macro_rules! need {
    ($($need:ident),+ $(,)?) => {
        $(if !$crate::need!(@one $need).or_skip(concat!(module_path!(), ":", line!())) { return $crate::Skipped::skipped(); })+
    };
    (@one data) => { $crate::Need::Data };
    (@one root) => { $crate::Need::Root };
    (@one bpf) => { $crate::Need::Bpf };
    (@one cri) => { $crate::Need::Cri };
    (@one registry) => { $crate::Need::Registry };
    (@one kube) => { $crate::Need::Kube };
    (@one chromium) => { $crate::Need::Chromium };
    (@one node) => { $crate::Need::Node };
    (@one go) => { $crate::Need::Go };
    (@one new_go) => { $crate::Need::NewGo };
    (@one python) => { $crate::Need::Python };
    (@one pip) => { $crate::Need::Pip };
    (@one gem) => { $crate::Need::Gem };
    (@one ruby) => { $crate::Need::Ruby };
    (@one php) => { $crate::Need::Php };
    (@one composer) => { $crate::Need::Composer };
    (@one mono) => { $crate::Need::Mono };
    (@one r) => { $crate::Need::R };
    (@one maven) => { $crate::Need::Maven };
    (@one debootstrap) => { $crate::Need::Debootstrap };
    (@one skopeo) => { $crate::Need::Skopeo };
    (@one rpm) => { $crate::Need::Rpm };
    (@one rpmbuild) => { $crate::Need::Rpmbuild };
    (@one jdk) => { $crate::Need::Jdk };
    (@one dpkg) => { $crate::Need::Dpkg };
}

/// A Go that fetches the version that a module asks for: 1.21 and later do. Debian 12's is older.
fn new_go() -> Result<(), String> {
    let output = Command::new("go").args(["env", "GOVERSION"]).output().map_err(|error| format!("no go: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor >= 21) { Ok(()) } else { Err(format!("Go is {version}, 1.21 is needed")) }
}

/// What a test returns when it was skipped.
pub trait Skipped {
    /// The value that lets the test end.
    fn skipped() -> Self;
}

impl Skipped for () {
    fn skipped() {}
}

impl<E> Skipped for Result<(), E> {
    fn skipped() -> Self {
        Ok(())
    }
}

/// The root of this repository.
pub fn repository() -> PathBuf {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into()));
    here.ancestors().find(|dir| dir.join("Cargo.lock").exists()).map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The folder of the shared test data: `SEAWALL_TEST_DATA`, by default `../shared/data` beside the repository.
pub fn data_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("SEAWALL_TEST_DATA").map_or_else(|| repository().join("../shared/data"), PathBuf::from);
    dir.is_dir().then_some(dir)
}

/// A path in the shared test data. Only after `need!(data)`.
///
/// # Panics
/// Without the data, or when the set that was given has no such file: the test asked for what is not there.
pub fn data(path: &str) -> PathBuf {
    let found = data_dir().expect("need!(data) comes first").join(path);
    assert!(found.exists(), "the test data has no {}", found.display());
    found
}

/// The bytes of a fixture.
///
/// # Panics
/// When it cannot be read.
#[expect(clippy::disallowed_methods, reason = "fixtures are ours and small")]
pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a fixture.
///
/// # Panics
/// When it cannot be read or is not UTF-8.
pub fn read_text(path: impl AsRef<Path>) -> String {
    String::from_utf8(read(path)).expect("the fixture is UTF-8")
}

/// Compares a text with a committed golden file; with `SEAWALL_BLESS=1` writes it instead.
///
/// # Panics
/// When they differ.
pub fn golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    if std::env::var_os("SEAWALL_BLESS").is_some() {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).expect("the golden folder can be made");
        }
        fs::write(path, actual).expect("the golden file can be written");
        return;
    }
    let expected = if path.exists() { read_text(path) } else { String::new() };
    assert_eq!(actual, expected, "{} differs (SEAWALL_BLESS=1 accepts the new text)", path.display());
}

fn is_root() -> bool {
    // The effective user id is the second number of the line, see proc(5); no dependency is worth this one test.
    let status = read("/proc/self/status");
    String::from_utf8_lossy(&status)
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        .is_some_and(|effective| effective == "0")
}

/// The Python that can build and install packages: the first on the path often cannot, Debian's can with three packages.
pub fn packaging_python() -> Result<&'static str, String> {
    const MODULES: &str = "import setuptools, wheel, pip";
    let works =
        |python: &&str| Command::new(python).args(["-c", MODULES]).output().is_ok_and(|output| output.status.success());
    ["python3", "/usr/bin/python3"].into_iter().find(works).ok_or_else(|| format!("no python3 can `{MODULES}`"))
}

fn programs(names: &[&str]) -> Result<(), String> {
    for name in names {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", name]).output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err(format!("no {name} on the path"));
        }
    }
    Ok(())
}
