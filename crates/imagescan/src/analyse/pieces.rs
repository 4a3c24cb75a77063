//! Looking for marks in a file that is read once, in pieces.
//!
//! The headers that tell where a section is are at a program's start, what they point to is anywhere, and an archive
//! can not be read backwards. So the searches look for the marks that the data itself begins with ([`Mark`]), in every
//! piece ([`View`]), and collect what follows a mark ([`Capture`]).

use memchr::memmem::Finder;

/// Bytes of the piece before that are looked at again, so that a mark on the border is whole. Also what a search may
/// ask to see behind a mark.
pub const OVERLAP: usize = 512;

/// A piece of a file and where it starts.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub bytes: &'a [u8],
    pub start: u64,
    /// Nothing comes after it.
    pub last: bool,
}

impl View<'_> {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes in view before a place.
    pub fn before(&self, at: u64) -> &[u8] {
        let index = at.checked_sub(self.start).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.bytes.get(..index)).unwrap_or_default()
    }

    /// The bytes from a place in the file on.
    pub fn from(&self, at: u64) -> &[u8] {
        let index = at.checked_sub(self.start).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.bytes.get(index..)).unwrap_or_default()
    }
}

/// Searches for a mark, and gives each place once.
#[derive(Debug)]
pub struct Mark {
    finder: Finder<'static>,
    room: usize,
    next: u64,
}

impl Mark {
    /// A mark, and how many bytes from its start on must be in view; at the end of the file fewer are.
    pub fn new(mark: &[u8], room: usize) -> Self {
        Self { finder: Finder::new(mark).into_owned(), room: room.min(OVERLAP), next: 0 }
    }

    /// Bytes of the mark itself.
    pub fn length(&self) -> usize {
        self.finder.needle().len()
    }

    /// Calls `each` with every place that is new.
    pub fn search(&mut self, view: &View<'_>, mut each: impl FnMut(u64)) {
        let skip = usize::try_from(self.next.saturating_sub(view.start)).unwrap_or(usize::MAX);
        let Some(bytes) = view.bytes.get(skip..) else { return };
        let base = view.start + skip as u64;
        let end = if view.last { bytes.len() } else { bytes.len().saturating_sub(self.room) };
        for at in self.finder.find_iter(bytes).take_while(|at| *at < end.max(1)) {
            if at < end {
                each(base + at as u64);
            }
        }
        self.next = base + end as u64;
    }
}

/// Bytes that are collected from a place on, over as many pieces as it takes.
#[derive(Debug)]
pub struct Capture {
    at: u64,
    want: usize,
    bytes: Vec<u8>,
}

impl Capture {
    pub const fn new(at: u64, want: usize) -> Self {
        Self { at, want, bytes: Vec::new() }
    }

    /// Where it starts in the file.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// What was collected.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it has all it wants.
    pub fn is_full(&self) -> bool {
        self.bytes.len() == self.want
    }

    /// Stops collecting.
    pub fn close(&mut self) {
        self.want = self.bytes.len();
    }

    /// Takes its part of a piece. Pieces come in order; a place before the first piece that it sees is lost.
    pub fn feed(&mut self, view: &View<'_>) {
        let position = self.at + self.bytes.len() as u64;
        if position < view.end() && !self.is_full() {
            let part = view.from(position);
            self.bytes.extend_from_slice(&part[..part.len().min(self.want - self.bytes.len())]);
        }
    }
}
