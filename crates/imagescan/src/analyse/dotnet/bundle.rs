//! .NET programs published as one file: the list of their packages lies in the program as it would beside it
//! (dotnet/designs, "Single-file Bundler"; dependencies are not compressed with the rest).

use super::libraries;
use crate::analyse::pieces::{Capture, Mark, View};
use crate::record::Found;

/// What the list begins with, apart from the brace and the end of line before it.
const START: &[u8] = b"  \"runtimeTarget\": {";
/// What the first piece of a host on Linux names: the library that it starts, or what a host with the runtime in it
/// exports for debuggers. Other programs, nearly all there are, need no search.
const HOSTS: [&[u8]; 2] = [b"hostfxr", b"DotNetRuntimeInfo"];
/// Bytes of a list; those of large programs have about 1 MB.
const MAX_LIST: usize = 4 << 20;
/// Lists of one program. There is one; a hostile file may show others.
const MAX_LISTS: usize = 4;

/// Looks for a list.
#[derive(Debug)]
pub struct Search {
    mark: Mark,
    lists: Vec<Capture>,
    is_host: bool,
}

impl Search {
    pub fn new() -> Self {
        Self { mark: Mark::new(START, START.len()), lists: Vec::new(), is_host: false }
    }

    pub fn look(&mut self, view: &View<'_>) {
        if view.start == 0 {
            let names = |host: &&[u8]| memchr::memmem::find(view.bytes, host).is_some();
            self.is_host = view.bytes.starts_with(b"MZ") || HOSTS.iter().any(names);
        }
        if !self.is_host {
            return;
        }
        let lists = &mut self.lists;
        self.mark.search(view, |at| {
            let before = view.before(at);
            let brace = [b"{\n".as_slice(), b"{\r\n"].into_iter().find(|brace| before.ends_with(brace));
            if let Some(brace) = brace.filter(|_| lists.len() < MAX_LISTS) {
                lists.push(Capture::new(at - brace.len() as u64, MAX_LIST));
            }
        });
        for list in lists.iter_mut().filter(|list| !list.is_full()) {
            list.feed(view);
            // Nested values are indented: the first brace at the start of a line ends the list.
            if end(list.bytes()).is_some() {
                list.close();
            }
        }
    }

    pub fn finish(self) -> Vec<Found> {
        let found = self.lists.iter().flat_map(|list| {
            let text = end(list.bytes()).and_then(|end| list.bytes().get(..end)).unwrap_or_default();
            let at = list.at();
            libraries(text).unwrap_or_default().into_iter().map(move |found| Found {
                evidence: model::Evidence::Binary,
                offset: Some(at),
                ..found
            })
        });
        found.collect()
    }
}

fn end(list: &[u8]) -> Option<usize> {
    memchr::memmem::find(list, b"\n}").map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut search = Search::new();
        let mut end = 0;
        while end < bytes.len() {
            let start = end.saturating_sub(crate::analyse::pieces::OVERLAP);
            end = bytes.len().min(end + piece);
            search.look(&View { bytes: &bytes[start..end], start: start as u64, last: end == bytes.len() });
        }
        search.finish().iter().map(|f| format!("{} {} {:?}", f.name, f.version, f.offset)).collect()
    }

    #[test]
    fn the_list_within_a_program() {
        let list = "{\n  \"runtimeTarget\": {\n    \"name\": \".NETCoreApp,Version=v8.0/linux-x64\"\n  },\n  \"libraries\": {\n    \
                    \"App/1.0.0\": {\n      \"type\": \"project\"\n    },\n    \"Npgsql/8.0.1\": {\n      \"type\": \"package\"\n    }\n  }\n}";
        for list in [list.to_owned(), list.replace('\n', "\r\n")] {
            let mut host = b"\x7fELF\0libhostfxr.so".to_vec();
            host.resize(1500, 0);
            let program = [host, list.clone().into_bytes(), vec![0; 2000]].concat();
            for piece in [700, 10_000] {
                assert_eq!(look(&program, piece), ["Npgsql 8.0.1 Some(1500)"]);
            }
            assert!(look(&program[..1600], 700).is_empty(), "a list that is cut");
        }
        assert!(look(&[b"MZ", START].concat(), 100).is_empty(), "not the start of a value");
        assert!(look(list.as_bytes(), 10_000).is_empty(), "not a host");
    }

    #[test]
    fn lists_are_so_many() {
        let list =
            "{\n  \"runtimeTarget\": {\n  },\n  \"libraries\": {\n    \"A/1.0.0\": {\"type\": \"package\"}\n  }\n}\n";
        assert_eq!(look(format!("MZ{}", list.repeat(MAX_LISTS + 3)).as_bytes(), 10_000).len(), MAX_LISTS);
    }
}
