//! The analysers: which paths they ask for, how much of a file they read, and what they make of it.
//!
//! Each lives in a module of its own as a constant [`Analyser`]: a pure function of a file's bytes. [`choose`] runs for
//! every entry of every layer and looks at the path only. To add one: a module, and a line in [`choose`].

mod apk;
mod assembly;
mod beam;
pub mod binary;
mod choose;
mod conan;
mod conda;
mod dart;
mod dotnet;
mod dpkg;
mod embedded;
mod facts;
mod fields;
mod golang;
mod haskell;
mod java;
mod known;
mod node;
mod os_release;
mod owned;
mod pacman;
mod php;
mod pieces;
mod placed;
mod project;
mod python;
mod rpm;
mod ruby;
mod rust;
mod spdx;
mod statistics;
mod swift;
mod toml;
mod xml;

use std::sync::Arc;

use model::{Diagnostic, Level};

use crate::record::{Content, Found, Manager, OsRelease, OwnedBy, Project};
use crate::room::{Held, Room};

pub use choose::{choose, is_way_to_known_file};
pub use owned::{can_be_package, owned};

/// How much of a file an analyser reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All of it; a file of more bytes is not analysed and says so.
    Whole(u64),
    /// Its first bytes: the rest can not matter.
    Start(u64),
    /// All of it, and read here and there; a file of more bytes is not analysed and says so.
    Held(u64),
    /// All of it in pieces, none of which is kept ([`binary::Program`]).
    Pieces,
}

/// What came out of a file, and what could not be read.
pub type Packages = (Vec<Found>, Vec<Diagnostic>);

/// What a project's file says, and what could not be read.
type ProjectFile = (Option<Project>, Vec<Diagnostic>);

/// What an analyser does with the path and the bytes of a file.
#[derive(Debug, Clone, Copy)]
enum Run {
    Os(fn(&[u8]) -> Option<OsRelease>),
    Database(Manager, fn(&str, &[u8]) -> Packages),
    Owned(fn(&str, &[u8]) -> OwnedBy),
    Packages(fn(&str, &[u8]) -> Packages),
    Facts(fn(&str, &[u8]) -> facts::Facts),
    Project(fn(&str, &[u8]) -> ProjectFile),
    Archive(fn(&str, Held, Option<&Arc<dyn Room>>) -> Packages),
    HeldDatabase(Manager, fn(&str, Held) -> Packages),
    /// The pieces were looked at already.
    Program,
}

/// One of the analysers.
#[derive(Debug, Clone, Copy)]
pub struct Analyser {
    take: Take,
    run: Run,
}

impl Analyser {
    const fn packages(take: Take, run: fn(&str, &[u8]) -> Packages) -> Self {
        Self { take, run: Run::Packages(run) }
    }

    const fn database(manager: Manager, take: Take, run: fn(&str, &[u8]) -> Packages) -> Self {
        Self { take, run: Run::Database(manager, run) }
    }

    const fn archive(limit: u64, run: fn(&str, Held, Option<&Arc<dyn Room>>) -> Packages) -> Self {
        Self { take: Take::Held(limit), run: Run::Archive(run) }
    }

    const fn held_database(manager: Manager, limit: u64, run: fn(&str, Held) -> Packages) -> Self {
        Self { take: Take::Held(limit), run: Run::HeldDatabase(manager, run) }
    }

    /// How much it reads.
    pub const fn take(&self) -> Take {
        self.take
    }

    /// What it finds in a file.
    pub fn run(&self, path: &str, bytes: &[u8]) -> (Option<Content>, Vec<Diagnostic>) {
        match self.run {
            Run::Os(parse) => (parse(bytes).map(Content::Os), Vec::new()),
            Run::Database(manager, parse) => database(manager, parse(path, bytes)),
            Run::Owned(parse) => (Some(Content::Owned(parse(path, bytes))), Vec::new()),
            Run::Packages(parse) => content(parse(path, bytes)),
            Run::Facts(parse) => {
                let facts = parse(path, bytes);
                ((!facts.is_empty()).then_some(Content::Facts(facts)), Vec::new())
            }
            Run::Project(parse) => {
                let (project, notes) = parse(path, bytes);
                (project.map(Content::Project), notes)
            }
            Run::Archive(_) | Run::HeldDatabase(..) | Run::Program => (None, Vec::new()),
        }
    }

    /// What it finds in a file that is read here and there.
    pub fn run_held(&self, path: &str, held: Held, room: Option<&Arc<dyn Room>>) -> (Option<Content>, Vec<Diagnostic>) {
        match self.run {
            Run::Archive(parse) => content(parse(path, held, room)),
            Run::HeldDatabase(manager, parse) => database(manager, parse(path, held)),
            _ => (None, Vec::new()),
        }
    }
}

/// A database is told also when it is empty: that it is there says who owns the files.
fn database(manager: Manager, (found, diagnostics): Packages) -> (Option<Content>, Vec<Diagnostic>) {
    (Some(Content::Database(manager, found)), diagnostics)
}

fn content((found, diagnostics): Packages) -> (Option<Content>, Vec<Diagnostic>) {
    ((!found.is_empty()).then_some(Content::Packages(found)), diagnostics)
}

/// A diagnostic about a file that is not what its name says.
fn unreadable(code: &str, path: &str, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(code, Level::Warning, path, format!("not readable as its name says: {error}"))
}
