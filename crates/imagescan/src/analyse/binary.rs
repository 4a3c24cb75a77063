//! Programs: read once, in pieces, none of which is kept.
//!
//! Each search looks at every piece ([`super::pieces`]). Only programs are read further than their first bytes.

use std::io::{self, Read};

use super::dotnet::bundle;
use super::pieces::{OVERLAP, View};
use super::{Analyser, Packages, Run, Take, assembly, golang, known, rust};
use crate::path::{extension, file_name};
use crate::record::Found;

/// What asks for a program to be read in pieces.
pub const ANALYSER: Analyser = Analyser { take: Take::Pieces, run: Run::Program };
/// Bytes read at once.
const PIECE: usize = 128 << 10;
/// The smallest program that has data of interest; scripts and wrappers are smaller.
const MIN_BYTES: u64 = 8 << 10;

/// Whether a file can be a program: by its permission, or by the name that Windows programs have. Well-known libraries
/// are not executable on every system.
pub fn wants(name: &str, size: u64, mode: u32) -> bool {
    if size < MIN_BYTES {
        return false;
    }
    if mode & 0o111 == 0 {
        return matches!(extension(name), "exe" | "dll") || (name.contains(".so") && known::is_known(name));
    }
    !matches!(
        extension(name),
        "sh" | "py"
            | "pl"
            | "pm"
            | "rb"
            | "js"
            | "mjs"
            | "cjs"
            | "ts"
            | "php"
            | "txt"
            | "md"
            | "json"
            | "html"
            | "css"
            | "xml"
            | "yaml"
            | "yml"
            | "h"
            | "c"
            | "cpp"
            | "hpp"
            | "go"
            | "rs"
            | "java"
            | "png"
            | "svg"
            | "gz"
            | "pyc"
    )
}

/// Whether bytes are the start of a program: ELF, PE, Mach-O (both byte orders, and universal).
fn is_program(start: &[u8]) -> bool {
    matches!(
        start,
        [0x7f, b'E', b'L', b'F', ..]
            | [b'M', b'Z', ..]
            | [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..]
            | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..]
            | [0xca, 0xfe, 0xba, 0xbe, ..]
    )
}

/// Reads a program and gives the packages in it; reads nothing after the first piece of anything else.
pub fn scan(path: &str, mut content: impl Read, buffer: &mut Vec<u8>) -> io::Result<Packages> {
    // What was in it does not matter: each part is filled before it is looked at.
    buffer.resize(OVERLAP + PIECE, 0);
    let (mut kept, mut position) = (0, 0_u64);
    let mut searches = Searches::new(file_name(path));
    loop {
        let count = fill(&mut content, &mut buffer[kept..kept + PIECE])?;
        let last = count < PIECE;
        let view = View { bytes: &buffer[..kept + count], start: position - kept as u64, last };
        if position == 0 && !is_program(view.bytes) {
            return Ok(Default::default());
        }
        searches.look(&view);
        position += count as u64;
        if last {
            return Ok((searches.finish(), Vec::new()));
        }
        let length = kept + count;
        kept = OVERLAP.min(length);
        buffer.copy_within(length - kept..length, 0);
    }
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct Searches {
    golang: golang::Search,
    rust: rust::Search,
    bundle: bundle::Search,
    known: Vec<known::Search>,
    assembly: Option<assembly::Search>,
}

impl Searches {
    fn new(name: &str) -> Self {
        Self {
            golang: golang::Search::new(),
            rust: rust::Search::default(),
            bundle: bundle::Search::new(),
            known: known::Search::for_name(name),
            assembly: assembly::Search::for_name(name),
        }
    }

    fn look(&mut self, view: &View<'_>) {
        self.golang.look(view);
        self.rust.look(view);
        self.bundle.look(view);
        self.known.iter_mut().for_each(|known| known.look(view));
        if let Some(assembly) = &mut self.assembly {
            assembly.look(view);
        }
    }

    fn finish(self) -> Vec<Found> {
        let mut found = self.golang.finish();
        found.extend(self.rust.finish());
        found.extend(self.bundle.finish());
        found.extend(known::finish(self.known));
        found.extend(self.assembly.and_then(assembly::Search::finish));
        found
    }
}

#[cfg(test)]
mod tests;
