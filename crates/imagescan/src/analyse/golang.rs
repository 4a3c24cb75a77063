//! Go programs: the modules that they were built from, the toolchain, and the functions that are linked.
//!
//! Formats: `debug/buildinfo` and `runtime/debug` of Go's standard library for the build information (in every program
//! since 1.13), `cmd/link` for the marks around it, `debug/gosym` and `internal/abi` for the function table (since 1.16;
//! before, its names are not in one place and nothing is said about symbols). All of it survives stripping.

mod elf;
mod functions;
mod ldflags;
mod linked;
pub mod module_file;
mod modules;

use rustc_hash::FxHashMap;

use super::pieces::{Capture, Mark, View};
use crate::record::Found;
use elf::Segments;
use functions::Functions;
use linked::Linked;

/// Marks around the module list, `runtime.modinfo`.
const LIST_START: [u8; 16] = *b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const LIST_END: [u8; 16] = *b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// First bytes of the build information.
const BUILD_INFO: &[u8] = b"\xff Go buildinf:";
/// Bytes of its header; inline strings follow.
const HEADER: usize = 32;
/// Header and an inline version: `go1.22.3 X:experiments` stays far below.
const HEADER_AND_VERSION: usize = HEADER + 256;
/// Bytes of a module list; one of 1,000 modules has about 100 KB.
const MAX_LIST: usize = 4 << 20;
/// Module lists and headers in one program. There is one of each or two; a hostile file may show more.
const MAX_MARKS: usize = 8;
/// Texts that may be the version (`go1.…`), which programs of Go before 1.18 only point to.
const MAX_VERSIONS: usize = 4096;
/// Bytes kept of each.
const VERSION: usize = 32;

/// Looks for everything that a Go program has.
#[derive(Debug)]
pub struct Search {
    list_mark: Mark,
    info_mark: Mark,
    version_mark: Mark,
    lists: Vec<Capture>,
    infos: Vec<Capture>,
    /// The string headers that build information of the older form points to.
    pointers: Vec<Capture>,
    versions: FxHashMap<u64, [u8; VERSION]>,
    functions: Functions,
    segments: Segments,
    linked: Linked,
}

impl Search {
    pub fn new() -> Self {
        Self {
            list_mark: Mark::new(&LIST_START, LIST_START.len()),
            info_mark: Mark::new(BUILD_INFO, HEADER_AND_VERSION),
            version_mark: Mark::new(b"go1.", linked::NEAR),
            lists: Vec::new(),
            infos: Vec::new(),
            pointers: Vec::new(),
            versions: FxHashMap::default(),
            functions: Functions::new(),
            segments: Segments::default(),
            linked: Linked::default(),
        }
    }

    pub fn look(&mut self, view: &View<'_>) {
        if view.start == 0 {
            self.segments = Segments::parse(view.bytes);
        }
        self.functions.look(view);
        let lists = &mut self.lists;
        self.list_mark.search(view, |at| {
            if lists.len() < MAX_MARKS {
                lists.push(Capture::new(at + LIST_START.len() as u64, MAX_LIST));
            }
        });
        for list in lists.iter_mut().filter(|list| !list.is_full()) {
            let before = list.bytes().len().saturating_sub(LIST_END.len());
            list.feed(view);
            if memchr::memmem::find(&list.bytes()[before..], &LIST_END).is_some() {
                list.close();
            }
        }
        let (versions, linked) = (&mut self.versions, &mut self.linked);
        self.version_mark.search(view, |at| {
            linked.look(view, at);
            if versions.len() < MAX_VERSIONS {
                let text = view.from(at);
                let mut kept = [0; VERSION];
                let length = text.len().min(VERSION);
                kept[..length].copy_from_slice(&text[..length]);
                versions.insert(at, kept);
            }
        });
        self.look_for_info(view);
    }

    fn look_for_info(&mut self, view: &View<'_>) {
        let (infos, pointers, segments) = (&mut self.infos, &mut self.pointers, &self.segments);
        self.info_mark.search(view, |at| {
            if infos.len() < MAX_MARKS {
                let mut info = Capture::new(at, HEADER_AND_VERSION);
                info.feed(view);
                if let Some(place) = older_version_pointer(info.bytes()).and_then(|address| segments.offset(address)) {
                    pointers.push(Capture::new(place, 16));
                }
                infos.push(info);
            }
        });
        self.pointers.iter_mut().for_each(|pointer| pointer.feed(view));
    }

    /// The version of the toolchain without `go` in front: `1.22.3`.
    fn version(&self) -> Option<String> {
        let inline = self.infos.iter().find_map(|info| inline_version(info.bytes()));
        let pointed = || {
            let place = self.pointers.iter().find_map(|pointer| elf::string_at(pointer.bytes(), &self.segments))?;
            let text = self.versions.get(&place.0)?;
            Some(String::from_utf8_lossy(text.get(..place.1)?).into_owned())
        };
        let version = inline.or_else(pointed)?;
        // `go1.22.3 X:boringcrypto`, `go1.24.1-X:synctest`, `go1.21.9 (Red Hat 1.21.9-1)`.
        let version = version.strip_prefix("go")?.split([' ', '\t']).next()?.split("-X:").next()?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
    }

    pub fn finish(self) -> Vec<Found> {
        let version = self.version();
        let list = self.lists.iter().find_map(|list| {
            let end = memchr::memmem::find(list.bytes(), &LIST_END)?;
            Some((list.at(), String::from_utf8_lossy(&list.bytes()[..end]).into_owned()))
        });
        // Without either it is no Go program, whatever else looked like one.
        if list.is_none() && self.infos.is_empty() {
            return Vec::new();
        }
        let offset = list.as_ref().map(|(offset, _)| *offset).or_else(|| self.infos.first().map(Capture::at));
        let text = list.map_or(String::new(), |(_, text)| text);
        let mut found = modules::packages(&text, version.as_deref(), offset, self.functions);
        let main = found.iter_mut().find(|found| found.properties.contains_key("main"));
        if let Some(main) = main.filter(|main| main.version == modules::DEVELOPMENT) {
            self.linked.state_version(main);
        }
        found
    }
}

/// The version that follows the header since Go 1.18: a length and the text.
fn inline_version(info: &[u8]) -> Option<String> {
    if info.get(15)? & 2 == 0 {
        return None;
    }
    // A variable-length number; versions are shorter than 128 bytes, so it is one byte.
    let length = usize::from(*info.get(HEADER)?);
    let text = info.get(HEADER + 1..HEADER + 1 + length)?;
    (length < 0x80).then(|| String::from_utf8_lossy(text).into_owned())
}

/// The address of the version's string header in build information of Go 1.13 to 1.17 (64 bits, little-endian).
fn older_version_pointer(info: &[u8]) -> Option<u64> {
    let (pointer_size, flags) = (*info.get(14)?, *info.get(15)?);
    if flags != 0 || pointer_size != 8 {
        return None;
    }
    crate::bytes::le64(info, 16)
}

#[cfg(test)]
mod tests;
